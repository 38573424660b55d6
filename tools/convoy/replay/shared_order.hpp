#pragma once

// Whether messages that may be shared, or are joint, were handled in order, by their time stamps:
// where several may run at a time the probe can't tell, and of several keys it may miss what overlaps.

#include "load/workload.hpp"

#include <cstdint>
#include <vector>

namespace convoy::tool {

/// Messages that began before one had ended for which they had to wait: an exclusive one for all
/// earlier ones of each of its keys, a shared one for the exclusive ones among them.
[[nodiscard]] std::uint64_t shared_order_violations(const workload& load,
                                                    const std::vector<record>& records);

} // namespace convoy::tool
