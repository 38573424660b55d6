#pragma once

// A trace: keyed events in submission order. Readers and generators make one, everything else only
// reads it.

#include "text/input_error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace convoy::tool {

struct event {
  std::int64_t at_ns = 0;      ///< arrival, nanoseconds after the first event; never decreases
  std::int64_t service_ns = 0; ///< cost of the handler, nanoseconds; 0 where the source has none
  std::int64_t bytes = 0;      ///< size of the payload; 0 where the source has none; the sum fits
  std::uint32_t key = 0;       ///< index into trace::keys
  bool is_shared = false;      ///< may be handled beside the shared ones next to it, see access
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
  std::string source;    ///< what the report calls it: file names, or the generator's words
  std::size_t moved = 0; ///< events that the source had behind later ones
  left_out not_read;
  std::int64_t begins_at_ns = 0; ///< its first event, from the origin of the times in the source
  std::int64_t time_unit_ns =
      0; ///< of the numbers that its times are; 0: they are none, or there are no times
  bool mixes_times = false; ///< some are numbers and others dates
  bool has_times = false;   ///< arrivals are real; otherwise every at_ns is 0
  bool has_service = false; ///< service times are real; otherwise every service_ns is 0
};

} // namespace convoy::tool
