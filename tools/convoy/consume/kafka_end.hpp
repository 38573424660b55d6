#pragma once

// What was in the topics at the start, and what a group has committed of it.

#include "consume/request.hpp"

#include <chrono>
#include <convoy/source.hpp>
#include <cstdint>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <vector>

namespace convoy::tool {

/// Looks into a group without being a member.
class kafka_group {
public:
  struct part {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t committed = -1; ///< negative: nothing
  };

  /// Connects to nothing yet. Throws input_error.
  explicit kafka_group(const consume_request&);

  /// False: the broker does not tell, within `patience`; nothing is changed.
  bool ask(std::vector<part>& parts, std::chrono::milliseconds patience);
  [[nodiscard]] rd_kafka_t* client() noexcept { return client_.get(); }

private:
  std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> client_{nullptr, &rd_kafka_destroy};
};

class kafka_end {
public:
  /// Reads the end of each partition. Throws input_error where the topics or the brokers are not
  /// there.
  explicit kafka_end(const consume_request&);

  [[nodiscard]] bool is_reached(const std::vector<source_position>& ours);

private:
  struct part {
    std::string topic;
    std::int32_t partition = 0;
    std::uint64_t last = 0; ///< offset of the last record
  };

  kafka_group group_;
  std::vector<part> unfinished_;
  std::chrono::steady_clock::time_point next_question_{};
};

/// Throws input_error, in the words of `convoy replay`, where the topics or the brokers are not there.
/// Regular expressions are passed over.
void must_be_there(const consume_request&);

/// Committed and lag, of positions that are called "orders[3]".
void tell_committed(const consume_request&, std::vector<source_position>&);

} // namespace convoy::tool
