#pragma once

// What the page of a replay shows beyond its report: taken while the runs are made, as their records
// do not outlive them.

#include "load/workload.hpp"
#include "measure/demand.hpp"
#include "measure/series.hpp"
#include "report/predictions.hpp"
#include "report/report.hpp"
#include "simulate/simulate.hpp"

#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {

struct page_data {
  std::vector<run_series> series; ///< of report::runs, index by index
  std::vector<key_figures> keys;  ///< the busiest, in the run of lanes; else in the first
  std::string keys_of;            ///< which strategy that was
  unsigned keys_workers = 0;      ///< with so many workers
  std::vector<share_of_keys> concentration;
  double unordered_bound_seconds = 0; ///< what the workers could do if there were no order to keep
  demand asked;                       ///< of an open load
  double ceiling = 1;                 ///< speed-up that order allows to any number of workers
  std::string machine;                ///< what it ran on, in words
  std::string made_at;                ///< date and time, UTC
  sleep_costs costs;                  ///< with which it was predicted
  std::optional<predictions> predicted; ///< none of failures, nor of a few messages
};

/// To be called with each run that is reported, in their order.
void add_run(page_data&, const workload&, const run&);

/// After the last run: what does not depend on one, of the load that it had. Measures what sleeping
/// costs here, and simulates some forty times.
void complete(page_data&, const workload&, const report&);

} // namespace convoy::tool
