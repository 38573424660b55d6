#pragma once

// A trace: keyed events in submission order. Readers and generators make one, everything else only
// reads it.

#include "text/input_error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace convoy::tool {

inline constexpr std::size_t most_keys_of_an_event = 16; ///< as of a joint message

struct event {
  std::int64_t at_ns = 0;      ///< arrival, nanoseconds after the first event; never decreases
  std::int64_t service_ns = 0; ///< cost of the handler, nanoseconds; 0 where the source has none
  std::int64_t bytes = 0;      ///< size of the payload; 0 where the source has none; the sum fits
  std::uint32_t key = 0;       ///< index into trace::keys
  bool is_shared = false;      ///< may be handled beside the shared ones next to it, see access
  std::uint8_t further_count = 0;  ///< of keys beside the first one; no key is there twice
  std::uint32_t further_begin = 0; ///< where these are in trace::further_keys
};

/// What of the input is not in the trace, for people to read.
struct left_out {
  std::uint64_t bad_lines = 0;
  std::vector<std::string> first_bad; ///< "file:line: reason", of the first few
  std::vector<std::string> notes;     ///< anything else, one sentence each: "file: what it was"
};

struct trace {
  std::vector<event> events;
  std::vector<std::string> keys;
  std::vector<std::uint32_t> further_keys; ///< of the events with several, as their first ones
  std::string source;    ///< what the report calls it: file names, or the generator's words
  std::size_t moved = 0; ///< events that the source had behind later ones
  left_out not_read;
  std::int64_t begins_at_ns = 0; ///< its first event, from the origin of the times in the source
  std::int64_t time_unit_ns =
      0; ///< of the numbers that its times are; 0: they are none, or there are no times
  bool mixes_times = false; ///< some are numbers and others dates
  bool has_times = false;   ///< arrivals are real; otherwise every at_ns is 0
  bool has_service = false; ///< service times are real; otherwise every service_ns is 0

  [[nodiscard]] std::span<const std::uint32_t> further(const event& e) const {
    return std::span{further_keys}.subspan(e.further_begin, e.further_count);
  }
};

} // namespace convoy::tool
