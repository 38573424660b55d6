#pragma once

// A point of the sweep: one load, that every strategy gets to run.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace convoy::effects {

/// What a cell is there to show.
enum class part {
  closed, ///< all submitted at once: how near the makespan comes to its bound
  open,   ///< submitted at a pace: who waits for whom
  fault   ///< the same beside a key that misbehaves: what the others notice of it
};
inline constexpr std::array<std::string_view, 3> part_names{"closed", "open", "fault"};

/// The distribution of service times. All have the same mean, so that only the spread differs.
enum class law {
  fixed,
  exponential,
  bimodal ///< one in ten takes ten times the mean, the others 1 us
};
inline constexpr std::array<std::string_view, 3> law_names{"fixed", "exp", "bimodal"};

/// One more key beside the others.
enum class fault {
  none,
  stuck_once,  ///< its handler hangs for 100 ms, once
  stuck_often, ///< its handler hangs for 100 ms, five times a second
  hot_half     ///< as much work as all others together
};
inline constexpr std::array<std::string_view, 4> fault_names{"none", "stuck_once", "stuck_often",
                                                             "hot_half"};

template <class Enum, std::size_t N>
[[nodiscard]] constexpr std::string_view name_of(const std::array<std::string_view, N>& names,
                                                 Enum value) {
  return names[static_cast<std::size_t>(value)];
}

struct cell {
  part shows = part::open;
  unsigned workers = 1;
  double theta = 0; ///< skew of the keys: Zipf's exponent, 0 is uniform
  law service = law::exponential;
  std::int64_t mean_ns = 0; ///< of the service time
  /// closed: 1. open: the offered work, as a share of the speed-up that order allows,
  /// min(P, W / max W_k). fault: see cold_work.
  double load = 1;
  fault beside = fault::none;
  /// fault: the work of the keys that behave, in workers. A cell with a fault and the one without
  /// have the same such messages at the same times.
  double cold_work = 0;
};

} // namespace convoy::effects
