#include "broker/nats_client.hpp"
#include "consume/source.hpp"
#include "text/format.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/nats/consumer.hpp>
#include <convoy/watermark.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

using nats_message = nats_owner<natsMsg, &natsMsg_Destroy>;

record_view view_of(const nats::record& its) {
  record_view view;
  view.source = its.stream();
  view.subject = its.subject();
  view.position = its.sequence();
  view.timestamp_ms =
      std::chrono::floor<std::chrono::milliseconds>(its.timestamp()).time_since_epoch().count();
  view.key = its.key();
  view.value = its.value();
  for (const nats::header& each : its.headers())
    view.headers.emplace_back(each.name, each.value);
  return view;
}

/// The library's words, which begin with who says them.
input_error plain_error(const std::exception& from) {
  std::string_view text = from.what();
  constexpr std::string_view origin = "convoy::nats: ", of_settings = "settings: ",
                             of_name = "name ";
  if (text.starts_with(origin))
    text.remove_prefix(origin.size());
  if (text.starts_with(of_settings))
    return input_error{"--broker-setting " + std::string{text.substr(of_settings.size())}};
  if (text.starts_with(of_name))
    return input_error{"--group " + std::string{text.substr(of_name.size())}};
  return input_error{std::string{text}};
}

broker_request look_into(const consume_request& request) {
  broker_request look;
  look.url = request.url;
  look.settings = request.settings;
  look.patience = request.patience;
  return look;
}

/// What `convoy replay` takes, as the library calls it.
std::map<std::string, std::string> settings_of(const consume_request& request) {
  std::map<std::string, std::string> all;
  if (!request.url.password.empty())
    all = {{"user", request.url.user}, {"password", request.url.password}};
  else if (!request.url.user.empty())
    all = {{"token", request.url.user}};
  for (const auto& [name, value] : request.settings) {
    if (name == "domain")
      throw input_error{"--broker-setting domain: consume reads the server's own JetStream only"};
    all[name == "tls.cert" ? "tls.certificate" : name] = value;
  }
  return all;
}

nats::consumer::options options_of(const consume_request& request, handling& its,
                                   const std::function<void(std::string_view)>& report) {
  constexpr std::chrono::seconds longest_backoff{60};
  constexpr std::chrono::milliseconds to_be_sure{500};
  nats::consumer::options all;
  for (const broker_url::address& each : request.url.servers)
    all.url.append(all.url.empty() ? "nats://" : ",nats://").append(address_text(each));
  all.stream = request.url.name;
  all.name = request.group;
  if (request.key_token)
    all.key = nats::token(*request.key_token);
  else if (request.key_header)
    all.key = nats::header_key(*request.key_header);
  all.in_flight.records = request.in_flight;
  all.commit.every = request.commit_every;
  // A command that is told to end in time has ended by then, so that nothing runs without an owner.
  all.on_stop.finish = request.finish + command_runner::grace + to_be_sure;
  all.blocked.after = request.blocked_after;
  // The handling counts attempts itself, as not all of them count.
  all.failure = failure_policy{
      .attempts = std::numeric_limits<unsigned>::max(),
      .backoff = request.backoff,
      .ceiling = std::max<std::chrono::nanoseconds>(request.backoff, longest_backoff)};
  all.dead_letter_subject = request.dead_letter_topic;
  if (request.dead_letter_topic.empty())
    all.dead_letters = [&its](dead_letter<std::string, nats::record>& dead) {
      its.fail_for_good(place_text(view_of(dead.message)), std::string{dead.reason},
                        "--dead-letter-subject");
      throw dead_letter_refused("it has nowhere to go", dead_letter_refused::then::park);
    };
  all.on_parked = [](const std::string&, const std::exception_ptr&) {}; // that has been told
  all.settings = settings_of(request);
  all.connect = request.patience;
  all.report = report;
  if (!request.socket.empty()) {
    all.insight.top = 20;
    all.insight.label = plain;
  }
  return all;
}

class nats_source final : public record_source {
public:
  nats_source(runtime& where, const consume_request& request, handling& its,
              const std::function<void(std::string_view)>& report)
      : look_{look_into(request)}, options_{options_of(request, its, report)}, report_{report},
        consumer_{where,
                  [this, &its](nats::consumer::context& its_context, nats::record& record) {
                    if (!record.key())
                      tell_missing_key(record);
                    return to_outcome(its.handle(view_of(record), its_context.attempt()), record);
                  },
                  options_} {
    must_be_there();
  }

  source_account run() override try { return consumer_.run(); } catch (const nats::error& error) {
    throw plain_error(error);
  }
  void stop() noexcept override { consumer_.stop(); }
  [[nodiscard]] std::vector<source_position> positions() const override {
    return consumer_.positions();
  }

  void note_end() override {
    nats_client client{look_};
    last_ = last_message(client, client.stream());
  }
  [[nodiscard]] bool has_reached_end(const std::vector<source_position>& now) override {
    return last_ == 0 || (!now.empty() && (now[0].watermark > last_ || now[0].lag == 0));
  }

  [[nodiscard]] std::vector<source_position> committed(std::vector<source_position> last) override {
    for (source_position& each : last)
      if (const auto kept = kept_position()) {
        each.committed = each.watermark = *kept;
        tell_lag(each);
      }
    return last;
  }

private:
  void must_be_there() {
    nats_client client{look_};
    const stream_info there = client.stream();
    if (there->Config->Retention == js_WorkQueuePolicy)
      throw input_error{"the stream is a work queue, of which each message is for one consumer: "
                        "it can't be read without taking messages away from that one"};
  }

  /// Sequence of the last message that is there: the stream's own may be of one that was deleted. 0:
  /// there is none. Throws input_error, too if more than `most` in a row were deleted.
  [[nodiscard]] std::uint64_t
  last_message(nats_client& client, const stream_info& there,
               std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) const {
    if (there->State.Msgs == 0)
      return 0;
    for (auto at = there->State.LastSeq;; --at) {
      nats_message its;
      jsErrCode code{};
      const natsStatus status = js_GetMsg(its.to_fill(), client.context(), options_.stream.c_str(),
                                          at, client.options(), &code);
      if (status == NATS_OK)
        return at;
      if (status != NATS_NOT_FOUND || at <= there->State.FirstSeq ||
          there->State.LastSeq - at >= most)
        throw input_error{"the server does not tell the last message: " +
                          client.words(status, code)};
    }
  }

  /// The one that was known is of when the last message was delivered: others may have come since.
  void tell_lag(source_position& its) const try {
    constexpr std::uint64_t most_steps_back = 100; // a question to the server each
    nats_client client{look_};
    const stream_info there = client.stream();
    const std::uint64_t end = last_message(client, there, most_steps_back) + 1;
    its.lag = std::min<std::uint64_t>(end - std::min(end, its.watermark), there->State.Msgs);
  } catch (const input_error&) { // nobody answers: what was known stays
  }

  /// It is an error of the command line rather than of a record, which may be one of a kind.
  void tell_missing_key(const nats::record& its) {
    if (options_.key.token() == 0 || has_told_missing_key_.exchange(true))
      return;
    report_(
        place_text(view_of(its)) + ": its subject " + in_quotes(its.subject()) + " has " +
        plural(1 + static_cast<std::uint64_t>(std::ranges::count(its.subject(), '.')), "token") +
        ", and --key-token says " + std::to_string(options_.key.token()) +
        ": such records have no key, and are handled one after the other");
  }

  /// As the library keeps it: who wrote it, when the stream was made, and the text of progress.
  [[nodiscard]] std::optional<std::uint64_t> kept_position() const try {
    nats_client client{look_};
    nats_message kept;
    jsErrCode code{};
    if (js_GetLastMsg(kept.to_fill(), client.context(), ("KV_" + options_.bucket).c_str(),
                      ("$KV." + options_.bucket + "." + options_.name).c_str(), client.options(),
                      &code) != NATS_OK)
      return {};
    const std::string_view value{natsMsg_GetData(kept.get()),
                                 static_cast<std::size_t>(natsMsg_GetDataLength(kept.get()))};
    const auto done = progress_from_text(value.substr(value.rfind(' ') + 1), options_.stream + " ");
    return done ? std::optional{done->lowest} : std::nullopt;
  } catch (const input_error&) { // nobody answers: what was known stays
    return {};
  }

  const broker_request look_;
  const nats::consumer::options options_;
  const std::function<void(std::string_view)> report_;
  std::atomic<bool> has_told_missing_key_{false};
  nats::consumer consumer_;
  std::uint64_t last_ = 0; ///< sequence; 0: there is none
};

} // namespace

std::unique_ptr<record_source>
open_nats_source(runtime& where, const consume_request& request, handling& its,
                 const std::function<void(std::string_view)>& report) try {
  return std::make_unique<nats_source>(where, request, its, report);
} catch (const nats::error& error) {
  throw plain_error(error);
} catch (const std::invalid_argument& error) {
  throw plain_error(error);
}

} // namespace convoy::tool
