#pragma once

// A connection to Kafka that only looks: what librdkafka is asked for, and in plain words what it
// answers. Of one thread.

#include "broker/request.hpp"

#include <chrono>
#include <cstdint>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {

class kafka_client {
public:
  struct span {
    std::int64_t begin = 0; ///< of the offsets that are to be read
    std::int64_t end = 0;   ///< after the last
    std::int64_t low = 0;   ///< the oldest that is there
  };

  /// Connects to nothing yet. Throws input_error where a setting is none of librdkafka's, or is
  /// one that decides what is read.
  explicit kafka_client(const broker_request&);

  /// The topic's partitions, from 0 on. Throws input_error where nobody answers, where there is no
  /// such topic, and where one of them has no leader.
  [[nodiscard]] std::size_t partitions();

  /// Of each partition, what was asked for of what is there now. Throws input_error.
  [[nodiscard]] std::vector<span> spans(std::size_t partitions);

  /// Lets the library tell what went wrong meanwhile. Throws input_error where it refuses us for
  /// good, as with a wrong password.
  void look();

  /// What it told last, with a semicolon before it; empty if nothing.
  [[nodiscard]] std::string trouble() const;

  [[nodiscard]] rd_kafka_t* handle() noexcept { return handle_.get(); }
  [[nodiscard]] rd_kafka_topic_t* topic() noexcept { return topic_.get(); }

private:
  using metadata = std::unique_ptr<const rd_kafka_metadata_t, decltype(&rd_kafka_metadata_destroy)>;

  static void on_error(rd_kafka_t*, int error, const char* reason, void* opaque) noexcept;

  metadata ask(bool all_topics);
  std::vector<std::string> topics();
  void start_from(std::int64_t from_ns, std::vector<span>& spans);

  const broker_request& request_;
  std::string reason_;      ///< why a connection failed
  bool is_refused_ = false; ///< for good
  std::optional<std::chrono::steady_clock::time_point> all_down_;
  std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> handle_{nullptr, &rd_kafka_destroy};
  std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)> topic_{
      nullptr, &rd_kafka_topic_destroy};
};

} // namespace convoy::tool
