#include "output.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace convoy::effects {
namespace {

using json = nlohmann::ordered_json;

json to_value(const std::optional<double>& figure) {
  return figure ? json(*figure) : json{};
}

json to_object(const tool::latency& l) {
  return {{"p50", l.p50}, {"p99", l.p99}, {"p999", l.p999}, {"max", l.max}};
}

json to_object(const cell_run& r) {
  const cell& c = r.at;
  const tool::run_figures& f = r.figures;
  const bool is_fault = c.shows == part::fault;
  return {{"part", name_of(part_names, c.shows)},
          {"workers", c.workers},
          {"theta", c.theta},
          {"service", name_of(law_names, c.service)},
          {"mean_us", static_cast<double>(c.mean_ns) / 1e3},
          {"load", c.load},
          {"fault", name_of(fault_names, c.beside)},
          {"cold_work", is_fault ? json(c.cold_work) : json{}},
          {"repetition", r.repetition},
          {"strategy", f.strategy},
          {"keeps_order", f.keeps_order},
          {"messages", f.messages},
          {"cold_messages", r.cold_messages},
          {"order_violations", f.order_violations},
          {"overlaps", f.overlaps},
          {"lost", f.lost},
          {"repeated", f.repeated},
          {"seconds", f.seconds},
          {"bound_seconds", f.measured_bound_seconds},
          {"speedup_bound", r.speedup_bound},
          {"efficiency", f.measured_efficiency},
          {"convoy_share", f.share.own_key},
          {"wait_share",
           {{"admission", f.share.admission},
            {"own_key", f.share.own_key},
            {"scheduler", f.share.scheduler},
            {"service", f.share.service}}},
          {"latency_us",
           {{"all", to_object(f.all)}, {"hot", to_object(f.hot)}, {"cold", to_object(r.cold)}}},
          {"p99_over_ideal",
           {{"all", to_value(r.all_over_ideal)},
            {"hot", to_value(r.hot_over_ideal)},
            {"cold", to_value(r.cold_over_ideal)}}},
          {"slowdown", {{"mean", r.slowdown_mean}, {"p99", r.slowdown_p99}}},
          {"fairness", r.fairness},
          {"late_us", to_object(r.late)},
          {"isolation", to_value(r.isolation)},
          {"price_of_order",
           {{"p99", to_value(r.price_of_p99)}, {"seconds", to_value(r.price_of_seconds)}}}};
}

} // namespace

std::string to_json(const study& s) {
  json runs = json::array();
  for (const cell_run& r : s.runs)
    runs.push_back(to_object(r));
  const json all = {{"program", "convoy_effects"},
                    {"version", s.version},
                    {"cores", s.cores},
                    {"seed", s.seed},
                    {"keys", s.keys},
                    {"seconds", s.seconds},
                    {"runs", std::move(runs)}};
  return all.dump(1, ' ') + '\n';
}

} // namespace convoy::effects
