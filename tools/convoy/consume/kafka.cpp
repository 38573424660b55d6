#include "consume/kafka_end.hpp"
#include "consume/source.hpp"
#include "text/input_error.hpp"

#include <algorithm>
#include <convoy/kafka/consumer.hpp>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace convoy::tool {
namespace {

record_view view_of(const kafka::record& its) {
  record_view view;
  view.source = its.topic();
  view.partition = its.partition();
  view.position = static_cast<std::uint64_t>(its.offset());
  if (const auto at = its.timestamp())
    view.timestamp_ms = at->time_since_epoch().count();
  view.key = its.key();
  view.value = its.value();
  for (const kafka::header& each : its.headers())
    if (each.value)
      view.headers.emplace_back(each.name, *each.value);
  return view;
}

/// The library's words, which begin with who says them.
input_error plain_error(const std::exception& from) {
  std::string_view text = from.what();
  constexpr std::string_view origin = "convoy::kafka: ";
  if (text.starts_with(origin))
    text.remove_prefix(origin.size());
  text = text.substr(0, text.find(" (after ")); // in which state of a connection means nothing here
  constexpr std::string_view of_settings = "settings: ";
  if (text.starts_with(of_settings))
    return input_error{"--broker-setting " + std::string{text.substr(of_settings.size())}};
  return input_error{std::string{text}};
}

kafka::consumer::options options_of(const consume_request& request, handling& its,
                                    const std::function<void(std::string_view)>& report) {
  constexpr std::chrono::seconds longest_backoff{60};
  constexpr std::chrono::milliseconds to_be_sure{500};
  kafka::consumer::options all;
  for (const broker_url::address& each : request.url.servers)
    all.brokers.append(all.brokers.empty() ? "" : ",").append(address_text(each));
  all.group = request.group;
  all.topics = request.names;
  all.in_flight.records = request.in_flight;
  all.commit.every = request.commit_every;
  // A command that is told to end in time has ended by then, so that nothing runs without an owner.
  all.on_revoke.finish = request.finish + command_runner::grace + to_be_sure;
  all.blocked.after = request.blocked_after;
  // The handling counts attempts itself, as not all of them count.
  all.failure = failure_policy{
      .attempts = std::numeric_limits<unsigned>::max(),
      .backoff = request.backoff,
      .ceiling = std::max<std::chrono::nanoseconds>(request.backoff, longest_backoff)};
  all.dead_letter_topic = request.dead_letter_topic;
  if (request.until_end) // or the end would never come
    all.on_letter_refused = [&its](std::string_view why) {
      its.stop_with(std::string{why.substr(0, why.find("; it is "))} +
                    "; its record is not committed");
    };
  if (request.dead_letter_topic.empty())
    all.dead_letters = [&its](dead_letter<std::string, kafka::record>& dead) {
      its.fail_for_good(place_text(view_of(dead.message)), std::string{dead.reason},
                        "--dead-letter-topic");
      throw dead_letter_refused("it has nowhere to go", dead_letter_refused::then::park);
    };
  all.on_parked = [](const std::string&, const std::exception_ptr&) {}; // that has been told
  all.settings =
      std::map<std::string, std::string>(request.settings.begin(), request.settings.end());
  all.settings.try_emplace("client.id", "convoy");
  all.connect = request.patience;
  all.report = report;
  if (!request.socket.empty()) {
    all.name = request.group;
    all.insight.top = 20;
    all.insight.label = plain;
  }
  return all;
}

class kafka_source final : public record_source {
public:
  kafka_source(runtime& where, const consume_request& request, handling& its,
               const std::function<void(std::string_view)>& report)
      : request_{request},
        consumer_{where,
                  [&its](kafka::consumer::context& its_context, kafka::record& record) {
                    return to_outcome(its.handle(view_of(record), its_context.attempt()), record);
                  },
                  options_of(request, its, report)} {}

  source_account run() override try { return consumer_.run(); } catch (const kafka::error& error) {
    throw plain_error(error);
  }
  void stop() noexcept override { consumer_.stop(); }
  [[nodiscard]] std::vector<source_position> positions() const override {
    return consumer_.positions();
  }
  void note_end() override { end_.emplace(request_); }
  [[nodiscard]] bool has_reached_end(const std::vector<source_position>& now) override {
    return end_->is_reached(now);
  }
  [[nodiscard]] std::vector<source_position> committed(std::vector<source_position> last) override {
    tell_committed(request_, last);
    return last;
  }

private:
  const consume_request& request_;
  kafka::consumer consumer_;
  std::optional<kafka_end> end_;
};

} // namespace

std::unique_ptr<record_source>
open_kafka_source(runtime& where, const consume_request& request, handling& its,
                  const std::function<void(std::string_view)>& report) try {
  auto made = std::make_unique<kafka_source>(where, request, its, report);
  if (!request.until_end) // else note_end() looks
    must_be_there(request);
  return made;
} catch (const kafka::error& error) {
  throw plain_error(error);
} catch (const std::invalid_argument& error) {
  throw plain_error(error);
}

} // namespace convoy::tool
