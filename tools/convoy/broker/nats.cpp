#include "broker/nats_client.hpp"
#include "broker/read.hpp"
#include "broker/records.hpp"
#include "broker/refusal.hpp"
#include "text/format.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {
namespace {

using nats_message = nats_owner<natsMsg, &natsMsg_Destroy>;
using message_data = nats_owner<jsMsgMetaData, &jsMsgMetaData_Destroy>;
using nats_subscription = nats_owner<natsSubscription, &natsSubscription_Destroy>;
using consumer_info = nats_owner<jsConsumerInfo, &jsConsumerInfo_Destroy>;

/// Reads a stream from the first to the last sequence that it had at the start, by an ordered
/// consumer: the server keeps it in memory, asks for no acknowledgement, and drops it with the
/// subscription, or on its own some seconds after this program is gone.
class stream_reader {
public:
  stream_reader(const broker_request& request, broker_progress& progress)
      : request_{request}, progress_{progress}, client_{request}, records_{request.url.shown(), 1,
                                                                           request.skip_bad} {}

  trace read() {
    const stream_info before = client_.stream();
    const jsStreamState& state = before->State;
    if (before->Config->Retention == js_WorkQueuePolicy)
      throw input_error{"the stream is a work queue, of which each message is for one consumer: it "
                        "can't be read without taking messages away from that one"};
    if (state.Msgs == 0)
      throw input_error{"the stream is empty"};
    first_ = state.FirstSeq;
    last_ = state.LastSeq;
    if (request_.last && *request_.last < last_ - first_ + 1)
      first_ = last_ - *request_.last + 1;
    const bool is_whole = first_ == state.FirstSeq && !request_.from_ns;
    subscribe();
    read_all();
    unsubscribe();
    if (is_whole && seen_ < state.Msgs)
      throw input_error{plural(state.Msgs - seen_, "message") + " of " + count_text(state.Msgs) +
                        " were removed while the stream was read; leave the oldest out with "
                        "--last or --from"};
    if (seen_ == 0)
      throw input_error{request_.from_ns
                            ? "the stream has no messages of that time or later; the newest are "
                              "older"
                            : "its last " + count_text(*request_.last) +
                                  " sequences hold no "
                                  "message any more"};
    if (!is_whole)
      records_.note("of " + plural(state.Msgs, "message") + " the last " + count_text(seen_) +
                    " were read, as " + (request_.last ? "--last" : "--from") + " says");
    if (empty_keys_ > 0)
      records_.note(plural(empty_keys_, "message") + (empty_keys_ == 1 ? " has" : " have") +
                    " a key of no bytes, which is kept");
    return std::move(records_).finish();
  }

private:
  void subscribe() {
    // A whole second: with a fraction, messages behind that time were left out (seen with libnats
    // 3.4.1 and nats-server 2.9.10). take() is exact.
    constexpr std::int64_t ns_per_second = 1'000'000'000;
    jsSubOptions how;
    jsSubOptions_Init(&how);
    how.Stream = request_.url.name.c_str();
    how.Ordered = true;
    how.Config.DeliverPolicy = request_.from_ns ? js_DeliverByStartTime : js_DeliverByStartSequence;
    if (request_.from_ns)
      how.Config.OptStartTime = *request_.from_ns / ns_per_second * ns_per_second;
    else
      how.Config.OptStartSeq = first_;
    jsErrCode code{};
    const natsStatus status = js_SubscribeSync(subscription_.to_fill(), client_.context(), ">",
                                               client_.options(), &how, &code);
    if (status != NATS_OK)
      throw input_error{"the server gives no consumer: " + client_.words(status, code)};
    // Flow control bounds what is on its way; a limit here would make of a burst a gap.
    natsSubscription_SetPendingLimits(subscription_.get(), -1, -1);
    progress_.begin(last_ - first_ + 1);
  }

  void unsubscribe() {
    const natsStatus status = natsSubscription_Unsubscribe(subscription_.get());
    if (status != NATS_OK)
      throw input_error{"the consumer can't be given back: " + client_.words(status, {})};
  }

  void read_all() {
    constexpr std::chrono::milliseconds look_after{500};
    const std::int64_t wait_ms = std::min(look_after, request_.patience).count();
    auto last = std::chrono::steady_clock::now();
    while (!is_done_) {
      nats_message message;
      const natsStatus status =
          natsSubscription_NextMsg(message.to_fill(), subscription_.get(), wait_ms);
      if (status == NATS_OK) {
        take(message.get());
        last = std::chrono::steady_clock::now();
      } else if (status == NATS_TIMEOUT) {
        look(std::chrono::steady_clock::now() - last > request_.patience);
      } else {
        throw input_error{"the reading stopped" + so_far() + ": " + client_.words(status, {})};
      }
    }
  }

  [[nodiscard]] std::string so_far() const { return ", after " + plural(seen_, "message"); }

  /// Where nothing comes: perhaps the rest has been deleted, or the stream.
  void look(bool is_late) {
    consumer_info info;
    jsErrCode code{};
    const natsStatus status = natsSubscription_GetConsumerInfo(info.to_fill(), subscription_.get(),
                                                               client_.options(), &code);
    if (status == NATS_OK)
      is_done_ = info->NumPending == 0 && info->Delivered.Consumer == delivered_;
    else
      try {
        static_cast<void>(client_.stream()); // a consumer that is gone alone is replaced by libnats
      } catch (const input_error& error) {
        throw input_error{"the reading stopped" + so_far() + ": " + error.what()};
      }
    if (is_late && !is_done_)
      throw input_error{"no message came for " + patience_text(request_.patience) + so_far() +
                        (status == NATS_OK ? "" : "; " + client_.words(status, code))};
  }

  void take(natsMsg* message) {
    message_data data;
    const natsStatus status = natsMsg_GetMetaData(data.to_fill(), message);
    if (status != NATS_OK)
      throw input_error{"a message has no place in the stream: " + client_.words(status, {})};
    const std::uint64_t sequence = data->Sequence.Stream;
    delivered_ = data->Sequence.Consumer;
    if (sequence <= last_ && data->Timestamp >= request_.from_ns.value_or(0)) {
      ++seen_;
      add(message, *data.get());
      progress_.done = sequence - first_ + 1;
    }
    is_done_ = sequence >= last_ || data->NumPending == 0;
  }

  void add(natsMsg* message, const jsMsgMetaData& data) {
    const std::string_view subject{natsMsg_GetSubject(message)};
    const auto leave_out = [&](const std::string& reason) {
      records_.leave_out(
          "message " + std::to_string(data.Sequence.Stream) + ", of " + in_quotes(subject), reason);
    };
    std::string_view key = subject;
    if (request_.key_token) {
      const std::vector<std::string_view> tokens = split(subject, '.');
      if (tokens.size() < *request_.key_token)
        return leave_out("the subject has " + plural(tokens.size(), "token") +
                         ", and --key-token says " + std::to_string(*request_.key_token));
      key = tokens[*request_.key_token - 1];
    } else if (request_.key_header) {
      const char* value = nullptr;
      if (natsMsgHeader_Get(message, request_.key_header->c_str(), &value) != NATS_OK)
        return leave_out("the message has no header " + in_quotes(*request_.key_header));
      key = value;
    }
    if (key.empty())
      ++empty_keys_;
    records_.add(0, {.key = key, .at_ns = data.Timestamp, .bytes = natsMsg_GetDataLength(message)});
  }

  const broker_request& request_;
  broker_progress& progress_;
  nats_client client_;
  record_collector records_;
  nats_subscription subscription_;
  std::uint64_t first_ = 0, last_ = 0; ///< sequences
  std::uint64_t delivered_ = 0;        ///< the consumer's own number of what came last
  std::uint64_t seen_ = 0;             ///< messages from first_ to last_
  std::uint64_t empty_keys_ = 0;
  bool is_done_ = false;
};

} // namespace

trace read_stream(const broker_request& request, broker_progress& progress) {
  return stream_reader{request, progress}.read();
}

} // namespace convoy::tool
