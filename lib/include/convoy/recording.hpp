#pragma once

// What a processor did, one thing after the other, while it was recorded. write_trace() of convoy::insight
// makes a trace of it that Perfetto shows.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/observer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// Plain data: who has it may read and change it, one thread at a time. All times are nanoseconds
/// after `begin`. What began before or has not ended is cut off at 0 and at `length`.
struct recording {
  /// A worker ran messages of a key. A joint message is told under the first of its keys alone.
  struct slice {
    std::int64_t begun = 0;
    std::int64_t ended = 0;     ///< not before begun
    std::uint32_t label = 0;    ///< of the key: an index into labels
    std::uint32_t messages = 1; ///< so many in a row, see joined
    std::uint32_t worker = 0;   ///< 0 … workers - 1
    /// Of the first message; 0: not known. Greater than 1: the slice of the key before this one
    /// failed, and this one tries that message again.
    std::uint16_t attempt = 0;
    bool failed = false; ///< the handler of the last message
  };

  /// A key stood still though no handler of it ran.
  struct hold {
    std::int64_t begin = 0;
    std::int64_t end = 0;    ///< not before begin
    std::uint32_t label = 0; ///< of the key: an index into labels
    hold_reason reason = hold_reason::retry;
    std::uint16_t attempts = 0; ///< of the key's first message, that have failed
  };

  /// How much there was just then.
  struct level {
    std::int64_t at = 0;
    std::uint64_t backlog = 0; ///< messages that are not finished
    std::uint32_t waiting = 0; ///< keys that wait for a worker
    std::uint32_t running = 0; ///< keys that a worker runs
  };

  std::string name;     ///< of the processor
  unsigned workers = 0; ///< of its runtime
  std::chrono::steady_clock::time_point begin{};
  std::chrono::nanoseconds length{0};

  std::vector<std::string> labels; ///< of keys, each once; see insight_options::label

  /// In any order. Those of a worker do not overlap, nor do those of a key; unless the recorded thing
  /// itself let that happen.
  std::vector<slice> slices;
  std::vector<hold> holds;   ///< in any order
  std::vector<level> levels; ///< in order of time

  /// Messages of a key that a worker ran in a row are one slice if no pause between them was longer;
  /// negative: each message has a slice of its own, except for those that one call was given.
  std::chrono::nanoseconds joined{-1};

  std::uint64_t dropped = 0; ///< slices, holds and levels that there was no room for
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
