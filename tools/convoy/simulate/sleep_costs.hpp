#pragma once

// What sleeping handlers cost on this machine.

#include "simulate/simulate.hpp"

namespace convoy::tool {

/// Measures it on lanes, for some tenths of a second and with some threads a core: how much too long
/// sleeps are when the machine is nearly idle, and how long a message needs a core when it is busy.
/// Throws std::system_error where the threads could not be started.
[[nodiscard]] sleep_costs measure_sleep_costs();

} // namespace convoy::tool
