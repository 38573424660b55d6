#pragma once

// What lanes would do with a workload, simulated instead of run.

#include "load/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// What a message costs besides its service time, where handlers sleep. Without: nothing.
struct sleep_costs {
  /// How much too long sleeps were; each message gets one of them, drawn at random.
  std::vector<std::int64_t> overshoot_ns{};
  /// Each message needs one of so many cores, at least 1, for this time, when its sleep is over.
  unsigned cores = 1;
  std::int64_t core_ns = 0;
};

struct simulation_options {
  unsigned workers = 1; ///< at least 1
  /// At least 1, and as much as any message has keys: while so many messages, a joint one counted for
  /// each of its keys, are submitted and not finished, the next waits.
  std::size_t capacity = std::numeric_limits<std::size_t>::max();
  bool conflates = false; ///< of the messages of a key that wait the latest stands for the others
  sleep_costs costs{};
  std::uint64_t seed = 1; ///< of the overshoots
};

/// As run by workers that keep the order of each key, know of everything at once and lose no time
/// but those costs. Of the keys that wait for a worker the one whose first message came first goes
/// next: the rule that lanes follow. Not the least latency possible: that would need to know the
/// service times before. Submission takes no time, from one producer. O(n log n). Reports call the
/// run `name`. Throws std::bad_alloc.
[[nodiscard]] run simulate(std::string_view name, const workload&, const simulation_options&);

} // namespace convoy::tool
