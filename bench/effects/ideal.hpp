#pragma once

// What a pool could do that costs nothing: the yardstick beside the strategies.

#include "load/workload.hpp"

namespace convoy::effects {

inline constexpr auto ideal_name = "ideal";

/// Simulates `workers` that take ready messages in the order in which they became ready, keep the
/// order of each key, know of everything at once and lose no time. Not the least latency possible:
/// that would need to know the service times before. O(n log n).
[[nodiscard]] tool::run simulate_ideal(const tool::workload&, unsigned workers);

} // namespace convoy::effects
