#include "simulate/forecast.hpp"

#include <algorithm>
#include <cstdint>

namespace convoy::tool {
namespace {

/// A change may have split the hottest key: its messages are what they were.
void measure_hot_as_it_was(const workload& as_it_is, const run& seen, run_figures& figures) {
  const std::uint32_t hot_key = hottest_key(as_it_is);
  std::vector<std::int64_t> hot, cold;
  for (std::size_t i = 0; i < seen.records.size(); ++i)
    if (!seen.records[i].merged)
      (as_it_is.is_of(as_it_is.messages[i], hot_key) ? hot : cold)
          .push_back(seen.records[i].done - seen.records[i].intended);
  figures.hot = percentiles(hot);
  figures.cold = percentiles(cold);
}

forecast_row one_row(const workload& as_it_is, const workload& load,
                     const std::optional<what_if>& change, const simulation_options& options) {
  const run seen = simulate("lanes", load, options);
  forecast_row row{.change = change, .figures = measure_run(load, seen, options.workers)};
  if (change)
    measure_hot_as_it_was(as_it_is, seen, row.figures);
  double work = 0;
  for (const message& m : load.messages)
    work += static_cast<double>(m.service_ns) / 1e9;
  if (row.figures.seconds > 0)
    row.speedup = work / row.figures.seconds;
  return row;
}

} // namespace

std::vector<forecast_row> forecast(const workload& load, const std::vector<unsigned>& workers,
                                   const std::vector<what_if>& changes,
                                   const simulation_options& options,
                                   const std::function<void()>& done) {
  std::vector<forecast_row> rows;
  const auto add_rows = [&](const workload& of, const std::optional<what_if>& change) {
    for (std::size_t i = 0; i < workers.size(); ++i) {
      simulation_options here = options;
      here.workers = workers[i];
      rows.push_back(one_row(load, of, change, here));
      if (const double seconds = rows.back().figures.seconds; seconds > 0)
        rows.back().gain = rows[i].figures.seconds / seconds;
      done();
    }
  };
  add_rows(load, {});
  for (const what_if& change : changes)
    add_rows(with(load, change), change);
  return rows;
}

std::vector<unsigned> useful_workers(std::size_t keys) {
  constexpr unsigned most = 1024;
  std::vector<unsigned> workers{1};
  while (workers.back() < std::min<std::size_t>(keys, most))
    workers.push_back(2 * workers.back());
  return workers;
}

} // namespace convoy::tool
