#include "report/json_parts.hpp"
#include "report/simulation.hpp"

#include <cstdint>
#include <utility>

namespace convoy::tool {
namespace {

json to_object(const sleep_costs& costs, bool is_measured) {
  std::vector<std::int64_t> overshoot = costs.overshoot_ns;
  return {{"measured", is_measured},
          {"overshoot_us", tool::to_object(percentiles(overshoot))},
          {"core_us", static_cast<double>(costs.core_ns) / 1e3}};
}

json to_object(const forecast_row& row) {
  const run_figures& f = row.figures;
  const bool has_bound = f.bound_seconds > 0;
  json change; // null: as it is
  if (row.change) {
    change = key_object(row.change->key);
    change["faster"] = row.change->faster;
    change["split"] = row.change->split;
  }
  return {{"what_if", std::move(change)},
          {"workers", f.workers},
          {"seconds", f.seconds},
          {"speedup", row.speedup},
          {"gain", row.gain},
          {"throughput", f.throughput},
          {"conflated", f.conflated},
          {"bound_seconds", has_bound ? json(f.bound_seconds) : json{}},
          {"efficiency", has_bound ? json(f.efficiency) : json{}},
          {"latency_us",
           {{"all", tool::to_object(f.all)},
            {"hot", tool::to_object(f.hot)},
            {"cold", tool::to_object(f.cold)}}},
          {"wait_share", tool::to_object(f.share)}};
}

} // namespace

std::string to_json(const simulation_report& r) {
  json rows = json::array();
  for (const forecast_row& row : r.rows)
    rows.push_back(to_object(row));
  json all = {{"version", r.input.version},
              {"config", tool::to_object(r.input.config)},
              {"sleep", to_object(r.costs, r.has_measured_costs)},
              {"trace", tool::to_object(r.input.trace, r.input.keys)},
              {"forecasts", std::move(rows)}};
  add_not_read(r.input, all["trace"]);
  if (!r.input.warnings.empty())
    all["warnings"] = r.input.warnings;
  // Keys come from files and may be no UTF-8.
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

} // namespace convoy::tool
