#include "broker/kafka_client.hpp"
#include "broker/read.hpp"
#include "broker/records.hpp"
#include "broker/refusal.hpp"
#include "text/format.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {
namespace {

using message_owner = std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)>;
using queue_owner = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;

/// Reads the partitions of one topic together, each to where it ended at the start. By the plain
/// consumer of librdkafka, which knows no groups, so that no right on one is needed either.
class topic_reader {
public:
  topic_reader(const broker_request& request, broker_progress& progress)
      : request_{request}, progress_{progress}, client_{request},
        spans_{client_.spans(client_.partitions())}, records_{request.url.shown(), spans_.size(),
                                                              request.skip_bad},
        parts_(spans_.size()), queue_{rd_kafka_queue_new(client_.handle()),
                                      &rd_kafka_queue_destroy} {}

  topic_reader(const topic_reader&) = delete;
  topic_reader& operator=(const topic_reader&) = delete;

  ~topic_reader() {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      stop(i);
  }

  trace read() {
    count();
    for (std::size_t i = 0; i < parts_.size(); ++i)
      start(i);
    read_all();
    if (records_.size() == 0 && !has_bad_)
      throw input_error{"none of its offsets holds a record that can be seen; they were compacted, "
                        "or are of transactions that were aborted"};
    tell();
    return std::move(records_).finish();
  }

private:
  struct part {
    std::int64_t next = 0; ///< offset
    std::uint64_t without_key = 0;
    bool is_open = false;
  };

  [[nodiscard]] std::string name_of(std::size_t partition) const {
    return request_.url.name + "[" + std::to_string(partition) + "]";
  }

  void count() {
    std::uint64_t there = 0;
    std::uint64_t wanted = 0;
    for (const kafka_client::span& each : spans_) {
      there += static_cast<std::uint64_t>(each.end - each.low);
      wanted += static_cast<std::uint64_t>(each.end - each.begin);
    }
    if (there == 0)
      throw input_error{"the topic is empty, or nothing in it is committed yet"};
    if (wanted == 0)
      throw input_error{"the topic has no records of that time or later; the newest are older"};
    if (wanted < there)
      records_.note("of " + plural(there, "offset") + " the last " + count_text(wanted) +
                    " were read, as " + (request_.last ? "--last" : "--from") + " says" +
                    each_of());
    progress_.begin(wanted);
  }

  [[nodiscard]] std::string each_of() const {
    if (!request_.last || spans_.size() == 1)
      return {};
    return ": " + count_text(*request_.last) + " of each of " + plural(spans_.size(), "partition");
  }

  void start(std::size_t partition) {
    const kafka_client::span& span = spans_[partition];
    if (span.begin == span.end)
      return;
    if (rd_kafka_consume_start_queue(client_.topic(), static_cast<std::int32_t>(partition),
                                     span.begin, queue_.get()) != 0)
      throw input_error{name_of(partition) +
                        " can't be read: " + rd_kafka_err2str(rd_kafka_last_error())};
    parts_[partition] = {.next = span.begin, .without_key = 0, .is_open = true};
    ++open_;
  }

  void stop(std::size_t partition) noexcept {
    if (!parts_[partition].is_open)
      return;
    parts_[partition].is_open = false;
    --open_;
    rd_kafka_consume_stop(client_.topic(), static_cast<std::int32_t>(partition));
  }

  void read_all() {
    constexpr std::size_t most = 4096;
    constexpr int wait_ms = 100;
    std::vector<rd_kafka_message_t*> taken(most);
    std::vector<message_owner> batch;
    batch.reserve(most);
    auto last = std::chrono::steady_clock::now();
    while (open_ > 0) {
      const auto n = rd_kafka_consume_batch_queue(queue_.get(), wait_ms, taken.data(), most);
      for (std::ptrdiff_t i = 0; i < n; ++i)
        batch.emplace_back(taken[static_cast<std::size_t>(i)], &rd_kafka_message_destroy);
      client_.look();
      for (const message_owner& each : batch)
        take(*each);
      batch.clear();
      const auto now = std::chrono::steady_clock::now();
      if (n > 0)
        last = now;
      else if (now - last > request_.patience)
        give_up();
    }
  }

  /// Looks first whether the broker and the topic are still there, which says more.
  [[noreturn]] void give_up() {
    const auto read =
        ", after " + count_text(records_.size()) + " of up to " + plural(progress_.all, "record");
    try {
      static_cast<void>(client_.partitions());
    } catch (const input_error& error) {
      throw input_error{"the reading stopped" + read + ": " + error.what()};
    }
    throw input_error{"no record came for " + patience_text(request_.patience) + read +
                      client_.trouble()};
  }

  void take(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      return end(message);
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      refuse(message);
    const auto partition = static_cast<std::size_t>(message.partition);
    part& of = parts_[partition];
    if (!of.is_open)
      return;
    const std::int64_t end = spans_[partition].end;
    if (message.offset < end) {
      add(message, partition);
      advance(of, message.offset + 1);
    }
    if (message.offset + 1 >= end) {
      advance(of, end);
      stop(partition);
    }
  }

  void advance(part& of, std::int64_t next) {
    progress_.done += static_cast<std::uint64_t>(std::max(next - of.next, std::int64_t{0}));
    of.next = std::max(of.next, next);
  }

  /// Of a partition that holds nothing more, as its last offsets are compacted, or mark the end of
  /// transactions.
  void end(const rd_kafka_message_t& message) {
    const auto partition = static_cast<std::size_t>(message.partition);
    part& of = parts_[partition];
    if (!of.is_open)
      return;
    const std::int64_t all = spans_[partition].end;
    if (message.offset < all)
      throw input_error{name_of(partition) + " ends at offset " + std::to_string(message.offset) +
                        " now and ended at " + std::to_string(all) +
                        " before: the broker has lost records; read it again"};
    advance(of, all);
    stop(partition);
  }

  [[noreturn]] void refuse(const rd_kafka_message_t& message) {
    const std::string place =
        message.partition >= 0 ? name_of(static_cast<std::size_t>(message.partition)) : "the topic";
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
      throw input_error{place + ": its oldest records were deleted while they were read; leave "
                                "them out with --last or --from"};
    throw input_error{place + ": " + rd_kafka_message_errstr(&message) + client_.trouble()};
  }

  void add(const rd_kafka_message_t& message, std::size_t partition) {
    const auto place = [&] {
      return name_of(partition) + ", offset " + std::to_string(message.offset);
    };
    std::string lone_key; // of records without one
    std::string_view key{static_cast<const char*>(message.key), message.key_len};
    if (request_.key_header) {
      const std::optional<std::string_view> value = header_of(message);
      if (!value) {
        has_bad_ = true;
        return records_.leave_out(place(),
                                  "the record has no header " + in_quotes(*request_.key_header));
      }
      key = *value;
    } else if (message.key == nullptr) {
      ++parts_[partition].without_key;
      lone_key = name_of(partition);
      key = lone_key;
    }
    if (key.empty())
      ++empty_keys_;
    records_.add(partition, {.key = key,
                             .at_ns = time_of(message, place),
                             .bytes = static_cast<std::int64_t>(message.len)});
  }

  [[nodiscard]] std::optional<std::string_view> header_of(const rd_kafka_message_t& message) const {
    rd_kafka_headers_t* headers = nullptr;
    const void* value = nullptr;
    std::size_t bytes = 0;
    if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, request_.key_header->c_str(), &value, &bytes) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        value == nullptr)
      return {};
    return std::string_view{static_cast<const char*>(value), bytes};
  }

  template <class Place>
  static std::optional<std::int64_t> time_of(const rd_kafka_message_t& message,
                                             const Place& place) {
    constexpr std::int64_t ns_per_ms = 1'000'000;
    rd_kafka_timestamp_type_t type{};
    const std::int64_t ms = rd_kafka_message_timestamp(&message, &type);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0)
      return {};
    if (ms > std::numeric_limits<std::int64_t>::max() / ns_per_ms)
      throw input_error{place() + ": its time is beyond the year 2262"};
    return ms * ns_per_ms;
  }

  void tell() {
    std::uint64_t without = 0;
    std::size_t partitions = 0;
    for (const part& each : parts_) {
      without += each.without_key;
      partitions += each.without_key > 0 ? 1 : 0;
    }
    if (without > 0)
      records_.note(plural(without, "record") + (without == 1 ? " has" : " have") +
                    " no key; those of a partition count as one key, as " + name_of(0) + ", in " +
                    plural(partitions, "partition"));
    if (empty_keys_ > 0)
      records_.note(plural(empty_keys_, "record") + (empty_keys_ == 1 ? " has" : " have") +
                    " a key of no bytes, which is kept");
  }

  const broker_request& request_;
  broker_progress& progress_;
  kafka_client client_;
  std::vector<kafka_client::span> spans_;
  record_collector records_;
  std::vector<part> parts_;
  std::size_t open_ = 0;
  std::uint64_t empty_keys_ = 0;
  bool has_bad_ = false;
  queue_owner queue_;
};

} // namespace

trace read_topic(const broker_request& request, broker_progress& progress) {
  if (request.key_token)
    throw input_error{"--key-token is of a subject, and Kafka has none; leave it out"};
  return topic_reader{request, progress}.read();
}

} // namespace convoy::tool
