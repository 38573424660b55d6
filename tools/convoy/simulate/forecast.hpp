#pragma once

// What lanes are predicted to do with a workload, as it is and as it would be, on so many workers.

#include "load/workload.hpp"
#include "measure/figures.hpp"
#include "simulate/simulate.hpp"
#include "simulate/what_if.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace convoy::tool {

struct forecast_row {
  std::optional<what_if> change; ///< nothing: as it is
  run_figures figures;           ///< hot: the messages of the key that is hottest as it is
  double speedup = 0; ///< configured service time of all messages / makespan; 0 where that is 0
  double gain = 1;    ///< makespan as it is / this one, on as many workers
};

/// All workers of the load as it is, then of each change. `done` is told after each row.
[[nodiscard]] std::vector<forecast_row>
forecast(const workload&, const std::vector<unsigned>& workers, const std::vector<what_if>& changes,
         const simulation_options& options, const std::function<void()>& done);

/// 1, 2, 4, … as far as more can help: up to as many as there are keys, at most 1,024.
[[nodiscard]] std::vector<unsigned> useful_workers(std::size_t keys);

} // namespace convoy::tool
