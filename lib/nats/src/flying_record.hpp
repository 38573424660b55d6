#pragma once

// A record's memory, from when it was read until it is finished and its place is used again.

#include "place.hpp"

#include <convoy/detail/source/record_memory.hpp>
#include <convoy/nats/options.hpp>
#include <convoy/nats/record.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace convoy::nats::detail {

/// What was read, in memory of somebody else's.
struct read_record {
  std::uint64_t sequence = 0;
  std::int64_t timestamp_ns = 0;
  std::string_view subject, value;
  std::span<const nats::header> headers;
};

class flying_record final : public convoy::detail::delivery {
public:
  /// Copies it. Sets bytes, and key, as these say. Throws std::bad_alloc.
  void assign(const reader_options& options, const read_record& from);

  std::string_view stream; // the reader's
  std::int64_t timestamp_ns = 0;
  std::string_view subject, value;
  std::optional<std::string_view> record_key;
  std::vector<nats::header> headers;

private:
  convoy::detail::record_memory memory_;
};

/// As `rule` says. A view of `from`'s.
[[nodiscard]] std::optional<std::string_view> key_of(const key_rule& rule, std::string_view subject,
                                                     std::span<const nats::header> headers);

/// Hands it on to its lane, whatever read it, at that time. There must be room. Throws std::bad_alloc,
/// refused.
void deliver(convoy::detail::intake& books, convoy::detail::assignment& home,
             const reader_options& options, const read_record& from,
             convoy::detail::clock::time_point read_at,
             convoy::detail::record_lanes<record>& lanes);

} // namespace convoy::nats::detail
