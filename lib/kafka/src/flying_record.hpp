#pragma once

// A record's memory, from when it was read until it is finished and its place is used again.

#include <convoy/detail/source/record_memory.hpp>
#include <convoy/kafka/options.hpp>
#include <convoy/kafka/record.hpp>
#include <string>
#include <vector>

namespace convoy::kafka::detail {

/// What was read, in memory of somebody else's.
struct read_record {
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<std::string_view> key, value;
  std::span<const kafka::header> headers;
};

class flying_record final : public convoy::detail::delivery {
public:
  /// Copies it. Sets bytes, and key, which is of its lane without one as said. Throws std::bad_alloc.
  void assign(std::string_view topic, std::int32_t partition, const read_record& from,
              null_key without_key);

  std::string_view topic; // its assignment's
  std::int32_t partition = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<std::string_view> record_key; // of its lane's, if it has one
  std::optional<std::string_view> value;
  std::vector<kafka::header> headers;

private:
  convoy::detail::record_memory memory_;
};

/// Hands it on to its lane, whatever read it, at that time. There must be room. Throws std::bad_alloc,
/// refused.
void deliver(convoy::detail::intake& books, convoy::detail::assignment& home,
             std::string_view topic, std::int32_t partition, const read_record& from,
             null_key without_key, convoy::detail::clock::time_point read_at,
             convoy::detail::record_lanes<record>& lanes);

} // namespace convoy::kafka::detail
