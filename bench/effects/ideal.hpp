#pragma once

// What a pool could do that costs nothing: the yardstick beside the strategies.

#include "load/workload.hpp"

namespace convoy::effects {

inline constexpr auto ideal_name = "ideal";

/// Simulates `workers` that keep the order of each key, know of everything at once and lose no time;
/// see simulate/simulate.hpp.
[[nodiscard]] tool::run simulate_ideal(const tool::workload&, unsigned workers);

/// The same messages, with the service times that a run of them took.
[[nodiscard]] tool::workload as_measured(tool::workload, const tool::run&);

} // namespace convoy::effects
