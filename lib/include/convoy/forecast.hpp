#pragma once

// What would be if a key were otherwise, or there were other workers, as processor::what_if() tells
// it.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace convoy {

/// What is to be otherwise. As it stands: nothing.
struct change {
  double faster = 1;    ///< the key's handlers take a part of their time, one in so many
  unsigned split = 1;   ///< its messages belong to so many keys in turn, 1 to 65536
  unsigned workers = 0; ///< 1 to 4095; 0: as many as there are
};

/// By the rule that lanes follow, simulated on workers that lose no time, with the rates and the
/// handler times of the last complete window in which a handler has ended. A pool whose handlers
/// share cores takes longer. A key has as many shared messages as in the window, in any place among
/// the others, as no window knows their order; a joint message is one of each of its keys, by itself.
///
/// What is not known is empty: all figures but `backlog`, as long as no handler has ended in a window.
struct forecast {
  unsigned workers = 0;
  std::chrono::nanoseconds window{0}; ///< how long it was; 0: there was none
  bool is_known = false; ///< the key came in the window, or has a backlog: else it changes nothing

  // ---- what is unfinished now, if nothing more came; but for keys that are parked or paused ----
  std::uint64_t backlog = 0;                        ///< messages
  std::optional<std::chrono::nanoseconds> bound;    ///< no schedule works it off faster
  std::optional<std::chrono::nanoseconds> makespan; ///< predicted

  // ---- what comes, if it goes on as in the window, at random times ----
  /// No number of workers does it faster than so many. Empty, too, if nothing comes.
  std::optional<double> speedup_ceiling;
  /// The work that comes, over what order and the workers allow. From 1 on the backlog grows.
  std::optional<double> load;
  /// Predicted, from submit to the end. Empty, too, if load is 1 or more, or next to nothing comes.
  std::optional<distribution> latency;
};

namespace detail {
/// Throws std::invalid_argument.
void check(const change& wanted);
} // namespace detail

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
