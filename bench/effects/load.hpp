#pragma once

// Makes the messages of a cell.

#include "cell.hpp"
#include "load/workload.hpp"

#include <cstdint>
#include <limits>

namespace convoy::effects {

struct load_options {
  std::uint32_t keys = 1000; ///< that behave
  /// About how long the messages of an open cell keep an ideal pool busy. Those of other cells do
  /// so 2.5 times as long: a makespan ends with idle workers, and a fault has to come and go.
  double seconds = 0.5;
  std::uint64_t seed = 1;
};

struct load {
  tool::workload messages;
  double speedup_bound = 1; ///< that order allows these messages on the cell's workers
  /// Whose messages are not cold: the hottest; of a fault, the key at fault, which may be no_key.
  std::uint32_t hot_key = no_key;

  static constexpr std::uint32_t no_key = std::numeric_limits<std::uint32_t>::max();
};

/// The same options give the same messages with every compiler. Arrivals are Poisson's. Throws
/// tool::input_error.
[[nodiscard]] load make_load(const cell&, const load_options&);

} // namespace convoy::effects
