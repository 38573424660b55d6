#pragma once

// From what a window has shown, and from what waits now, to what would be.

#include "convoy/detail/insight/time_histogram.hpp"
#include "convoy/forecast.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace convoy::detail {

/// What a window has shown of messages that come.
struct known_load {
  struct key {
    std::uint64_t hash = 0;
    double finished_per_second = 0;
    double handler_ns = 0;  ///< mean
    double shared = 0;      ///< share of its messages that are, in no known order among the others
    double shared_work = 0; ///< and of their handlers' time
  };
  std::chrono::nanoseconds window{0}; ///< 0: none was complete, with something that had ended
  std::vector<key> keys;              ///< the larger ones
  // Of all keys:
  double accepted_per_second = 0, finished_per_second = 0;
  double handler_ns = 0; ///< mean
  time_histogram handler;
};

/// What waits.
struct known_backlog {
  struct key {
    std::uint64_t hash = 0;
    std::uint64_t messages = 0;
  };
  std::vector<key> keys;         ///< each once
  std::uint64_t of_any_keys = 0; ///< messages of which it is not known whose they are
};

/// Of a key. The same arguments have the same result. Throws std::bad_alloc.
[[nodiscard]] forecast predict(const known_load& load, const known_backlog& backlog,
                               std::uint64_t hash, const change& wanted, unsigned workers);

} // namespace convoy::detail
