#pragma once

// librdkafka's handles as objects, and what goes wrong with them as sentences.

#include <atomic>
#include <chrono>
#include <convoy/kafka/options.hpp>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <mutex>
#include <string>

namespace convoy::kafka::detail {

struct deleter {
  void operator()(rd_kafka_t* which) const noexcept { rd_kafka_destroy(which); }
  void operator()(rd_kafka_conf_t* which) const noexcept { rd_kafka_conf_destroy(which); }
  void operator()(rd_kafka_queue_t* which) const noexcept { rd_kafka_queue_destroy(which); }
  void operator()(rd_kafka_topic_t* which) const noexcept { rd_kafka_topic_destroy(which); }
  void operator()(rd_kafka_message_t* which) const noexcept { rd_kafka_message_destroy(which); }
  void operator()(rd_kafka_event_t* which) const noexcept { rd_kafka_event_destroy(which); }
  void operator()(rd_kafka_headers_t* which) const noexcept { rd_kafka_headers_destroy(which); }
  void operator()(rd_kafka_topic_partition_list_t* which) const noexcept {
    rd_kafka_topic_partition_list_destroy(which);
  }
  void operator()(const struct rd_kafka_metadata* which) const noexcept {
    rd_kafka_metadata_destroy(which);
  }
};
template <class T>
using owned = std::unique_ptr<T, deleter>;

/// Settings of a client. What the consumer's options decide is refused, as is what librdkafka does
/// not know. Throws std::invalid_argument, error.
class configuration {
public:
  configuration(const reader_options& from, void* opaque);
  void set(const char* name, const std::string& value);
  [[nodiscard]] rd_kafka_conf_t* get() const noexcept { return conf_.get(); }
  /// Throws error.
  [[nodiscard]] owned<rd_kafka_t> make(rd_kafka_type_t type);

private:
  owned<rd_kafka_conf_t> conf_;
};

/// The last thing that a client has said of its connections, for a sentence about it.
class complaints {
public:
  void add(rd_kafka_resp_err_t code, std::string text);
  [[nodiscard]] std::string last() const;
  /// The brokers have refused who we are, or a setting: it makes no sense to go on.
  [[nodiscard]] bool refused() const;

private:
  mutable std::mutex lock_;
  std::string last_;
  bool refused_ = false;
};

/// Waits until a broker has told of the topic. Throws error: why it can't be read. `what` is "topic",
/// "dead letter topic".
void must_exist(rd_kafka_t* client, const complaints& said, const std::string& brokers,
                const char* what, const std::string& topic, std::chrono::nanoseconds within,
                const std::atomic<bool>& stop);

/// Leaves the group, and destroys it. If that takes longer it goes on beside us, as librdkafka waits for
/// brokers for ever: `opaque` lives until then, and callbacks must not touch anything else. False: so
/// it does.
[[nodiscard]] bool close_consumer(owned<rd_kafka_t> which, std::shared_ptr<void> opaque,
                                  std::chrono::steady_clock::time_point until);

[[nodiscard]] std::string text_of(rd_kafka_resp_err_t code);

} // namespace convoy::kafka::detail
