#include "input/bad_lines.hpp"
#include "load/fault_policy.hpp"
#include "report/json_parts.hpp"
#include "report/report.hpp"
#include "text/utf8.hpp"

#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

json to_object(const fault_options& f) {
  json stuck = json::array();
  for (const stuck_key& each : f.stuck) {
    stuck.push_back(key_object(each.key));
    stuck.back()["us"] = static_cast<double>(each.ns) / 1e3;
  }
  return {{"fail", f.fail_share}, {"stick", std::move(stuck)}, {"policy", policy_text(f.policy)}};
}

} // namespace

json key_object(const std::string& key) {
  json shown = {{"key", key}};
  if (valid_utf8(key) < key.size()) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const char c : key) {
      const auto byte = static_cast<unsigned char>(c);
      hex += digits[byte >> 4U];
      hex += digits[byte & 15U];
    }
    shown["key_hex"] = hex;
  }
  return shown;
}

json to_object(const replay_config& c) {
  json all = {{"source", c.source},
              {"closed", c.closed},
              {"speed", c.closed ? json{} : json(c.speed)},
              {"service", c.service},
              {"service_kind", c.service_kind},
              {"workers", c.sweep.empty() ? json(c.workers) : json(c.sweep)},
              {"producers", c.producers},
              {"capacity", c.capacity},
              {"seed", c.seed},
              {"cores", c.cores},
              {"defaults", c.defaults}};
  if (c.conflates)
    all["conflate"] = true;
  if (c.skip_bad)
    all["skip_bad"] = *c.skip_bad == bad_lines::all ? json("all") : json(*c.skip_bad);
  if (c.faults)
    all["faults"] = to_object(*c.faults);
  return all;
}

json to_object(const trace_figures& t, const std::vector<std::string>& keys) {
  json hottest = json::array();
  for (const key_load& k : t.hottest) {
    hottest.push_back(key_object(keys[k.key]));
    hottest.back()["share"] = k.share;
    hottest.back()["work_share"] = k.work_share;
    if (t.bytes > 0)
      hottest.back()["bytes_share"] = k.bytes_share;
  }
  json all = {{"messages", t.messages},
              {"keys", t.keys},
              {"hottest", std::move(hottest)},
              {"speedup_bound", t.speedup_bound},
              {"moved", t.moved}};
  if (t.joint > 0)
    all["joint"] = t.joint;
  if (t.shared > 0)
    all["shared"] = t.shared;
  if (t.bytes > 0)
    all["bytes"] = t.bytes;
  return all;
}

json to_object(const latency& l) {
  return {{"p50", l.p50}, {"p99", l.p99}, {"p999", l.p999}, {"max", l.max}};
}

json to_object(const wait_shares& s) {
  return {{"admission", s.admission},
          {"own_key", s.own_key},
          {"scheduler", s.scheduler},
          {"service", s.service}};
}

void add_not_read(const report& r, json& of_trace) {
  if (r.config.skip_bad)
    of_trace["skipped"] = {{"lines", r.not_read.bad_lines}, {"first", r.not_read.first_bad}};
  if (!r.not_read.notes.empty())
    of_trace["notes"] = r.not_read.notes;
}

namespace {

json to_object(const healthy_figures& h) {
  return {{"p99_us", h.p99_us}, {"throughput", h.throughput}};
}

json to_object(const fault_figures& f) {
  const double calls_each = static_cast<double>(f.failed_calls) / static_cast<double>(f.failed);
  return {{"exact", f.is_exact()},
          {"completed", f.completed},
          {"poison", f.poison},
          {"failed", f.failed},
          {"attempts", f.calls},
          {"attempts_per_failed", calls_each},
          {"dead_letters",
           {{"failed", f.dead_failed},
            {"failed_rest", f.dead_failed_rest},
            {"shutdown", f.dead_shutdown}}},
          {"parked_keys", f.parked_keys},
          {"isolation",
           {{"healthy_keys", f.healthy_keys},
            {"healthy_messages", f.healthy_messages},
            {"clean", to_object(f.clean)},
            {"faulty", to_object(f.faulty)},
            {"p99_ratio", f.p99_ratio()},
            {"throughput_ratio", f.throughput_ratio()}}}};
}

json to_object(const run_figures& r) {
  const bool has_bound = r.bound_seconds > 0;
  return {{"strategy", r.strategy},
          {"workers", r.workers},
          {"seconds", r.seconds},
          {"messages", r.messages},
          {"conflated", r.conflated},
          {"throughput", r.throughput},
          {"order_violations", r.order_violations},
          {"overlaps", r.overlaps},
          {"lost", r.lost},
          {"repeated", r.repeated},
          {"bound_seconds", has_bound ? json(r.bound_seconds) : json{}},
          {"bound_workers", r.bound_workers},
          {"efficiency", has_bound ? json(r.efficiency) : json{}},
          {"measured_bound_seconds", has_bound ? json(r.measured_bound_seconds) : json{}},
          {"measured_efficiency", has_bound ? json(r.measured_efficiency) : json{}},
          {"overshoot_us", r.overshoot_us},
          {"overshoot_share", has_bound ? json(r.overshoot_share) : json{}},
          {"convoy_share", r.share.own_key},
          {"latency_us",
           {{"all", to_object(r.all)}, {"hot", to_object(r.hot)}, {"cold", to_object(r.cold)}}},
          {"wait_share", to_object(r.share)}};
}

} // namespace

std::string to_json(const report& r) {
  json runs = json::array();
  for (const run_figures& figures : r.runs)
    runs.push_back(to_object(figures));
  json all = {{"version", r.version},
              {"config", to_object(r.config)},
              {"trace", to_object(r.trace, r.keys)},
              {"runs", std::move(runs)}};
  add_not_read(r, all["trace"]);
  if (!r.warnings.empty())
    all["warnings"] = r.warnings;
  if (r.faults)
    all["faults"] = to_object(*r.faults);
  // Keys come from files and may be no UTF-8.
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

} // namespace convoy::tool
