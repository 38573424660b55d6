#pragma once

// Which cells a sweep consists of.

#include "cell.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace convoy::effects {

struct sweep {
  std::vector<part> parts{part::closed, part::open, part::fault};
  std::vector<unsigned> workers{2, 16, 64};
  std::vector<double> thetas{0, 0.99, 1.2};
  std::vector<law> laws{law::fixed, law::exponential, law::bimodal};
  std::vector<double> loads{0.5, 0.8, 0.95}; ///< more than 0, less than 1
  std::vector<fault> faults{fault::stuck_once, fault::stuck_often, fault::hot_half};
  std::uint32_t keys = 1000;
  std::optional<std::int64_t> mean_ns; ///< without: see mean_service_ns
};

/// 1 ms as long as order lets no more than 10 workers be busy, and so much more above that all of them
/// together handle 10,000 messages a second: with more, two cores would be busy waking sleepers up,
/// and the study one of the kernel.
[[nodiscard]] std::int64_t mean_service_ns(double busy_workers);

/// A fault's cells come after the cell without it; faults have uniform keys, exponential service
/// and the loads up to 80 %, as beyond nobody could lose a worker unnoticed.
[[nodiscard]] std::vector<cell> plan(const sweep&);

} // namespace convoy::effects
