#pragma once

// How much work an open load asks for, against the time in which it arrives.

#include "load/workload.hpp"

#include <cstdint>

namespace convoy::tool {

/// Rates are seconds of configured service that arrive in a second, from the first arrival to the
/// last: a key gets at most 1, in order, and all keys together as much as there are workers. Joint
/// messages tie keys together: what must go one after the other, whatever the keys, gets 1 as well.
struct demand {
  double rate = 0;
  std::uint32_t busiest_key = 0; ///< of those with at least ten messages
  double busiest_rate = 0;
  std::uint64_t keys_beyond = 0; ///< of those with a rate above 1
  double path_rate = 0; ///< of the longest path of at least ten messages; 0 where one key alone, be
                        ///< it in fewer, has as much, and where there are no joint messages
};

/// All 0 for a closed load, and for one that arrives at once.
[[nodiscard]] demand measure_demand(const workload&);

} // namespace convoy::tool
