#include "report/simulation.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace convoy::tool {
namespace {

using row = std::vector<std::string>;

constexpr std::size_t change_width = 26; // what the latencies leave

std::string costs_text(const simulation_report& r) {
  if (r.costs.overshoot_ns.empty() && r.costs.core_ns == 0)
    return "; a handler takes exactly that";
  std::vector<std::int64_t> overshoot = r.costs.overshoot_ns;
  const latency l = percentiles(overshoot);
  std::string text = "; a sleep takes " + duration_text(l.p50) + " too long";
  if (r.has_measured_costs)
    text += " (p99 " + duration_text(l.p99) + ") and one of " + plural(r.costs.cores, "core") +
            " for " + duration_text(static_cast<double>(r.costs.core_ns) / 1e3) +
            ", as measured here just now";
  return text;
}

std::string header(const simulation_report& r) {
  const replay_config& c = r.input.config;
  const std::string pace =
      c.closed ? "closed, all at once"
               : "open, at " + number_text(c.speed) + " times the pace of the trace";
  std::string text = "convoy simulate " + r.input.version + "\n";
  text += "  input     " + name_text(c.source, 100) + "\n";
  text += "  load      " + pace + "; at most " + count_text(c.capacity) + " unfinished\n";
  text +=
      "  service   " + wrap(c.service + ", spent in " + c.service_kind + costs_text(r), 12) + "\n";
  std::string defaults;
  for (const std::string& option : c.defaults)
    defaults += option + ' ';
  if (!defaults.empty())
    text += "  defaults  " + wrap(defaults, 12) + "\n";
  return text;
}

std::string trace_part(const report& r) {
  return "TRACE  " + messages_text(r.trace) + "; order allows a speed-up of " +
         ratio_text(r.trace.speedup_bound) + " on " + plural(r.config.workers, "worker") + "\n" +
         hottest_text(r);
}

bool has_changes(const simulation_report& r) {
  return std::ranges::any_of(r.rows, [](const forecast_row& f) { return f.change.has_value(); });
}

/// The cells that say which forecast a row is: the change only where there is one.
row which(const simulation_report& r, const forecast_row& f) {
  row cells;
  if (has_changes(r))
    cells.push_back(f.change ? what_if_text(*f.change, change_width) : "as it is");
  cells.push_back(count_text(f.figures.workers));
  return cells;
}

row which_header(const simulation_report& r) {
  return has_changes(r) ? row{"load", "workers"} : row{"workers"};
}

std::string speed_part(const simulation_report& r) {
  std::vector<row> rows{which_header(r)};
  for (const char* const name : {"seconds", "speed-up", "messages/s", "bound s", "efficiency"})
    rows[0].emplace_back(name);
  if (r.input.config.conflates)
    rows[0].emplace_back("conflated");
  if (has_changes(r))
    rows[0].emplace_back("gain");
  for (const forecast_row& each : r.rows) {
    const run_figures& f = each.figures;
    const bool has_bound = f.bound_seconds > 0;
    row cells = which(r, each);
    cells.push_back(seconds_text(f.seconds));
    cells.push_back(ratio_text(each.speedup));
    cells.push_back(count_text(static_cast<std::uint64_t>(f.throughput)));
    cells.push_back(has_bound ? seconds_text(f.bound_seconds) : "–");
    cells.push_back(has_bound ? percent_text(f.efficiency) : "–");
    if (r.input.config.conflates)
      cells.push_back(count_text(f.conflated));
    if (has_changes(r))
      cells.push_back(each.change ? ratio_text(each.gain) : "–");
    rows.push_back(std::move(cells));
  }
  std::string text =
      "SPEED  predicted for strategy lanes. Speed-up: service time / seconds. Bound: "
      "no schedule of the configured\n"
      "       service times on that many workers is faster in order. Efficiency: "
      "bound / seconds\n";
  if (has_changes(r))
    text += "       gain: seconds as it is / seconds, on as many workers\n";
  return text + align(rows);
}

std::string latency_part(const simulation_report& r) {
  std::vector<row> rows{which_header(r)};
  for (const char* const messages : {"all", "hot", "cold"})
    for (const char* const name : {" p50", "p99", "p99.9"})
      rows[0].push_back(*name == ' ' ? std::string{messages} + name : name);
  for (const forecast_row& each : r.rows) {
    row cells = which(r, each);
    for (const latency* l : {&each.figures.all, &each.figures.hot, &each.figures.cold})
      for (const double value : {l->p50, l->p99, l->p999})
        cells.push_back(duration_text(value));
    rows.push_back(std::move(cells));
  }
  return "LATENCY  " + std::string{r.input.config.closed ? "closed loop, " : "open loop, "} +
         "from intended submission to end of handler; hot: key " +
         name_text(r.input.keys[r.input.trace.hottest.front().key], 24) + ", cold: all others\n" +
         align(rows);
}

/// The least number of workers of the load as it is whose figure is near the best of all numbers.
template <class Figure>
const forecast_row* enough(const simulation_report& r, Figure figure, double near) {
  double best = std::numeric_limits<double>::infinity();
  for (const forecast_row& each : r.rows)
    if (!each.change)
      best = std::min(best, figure(each));
  const forecast_row* least = nullptr;
  for (const forecast_row& each : r.rows)
    if (!each.change && figure(each) <= best * near &&
        (least == nullptr || each.figures.workers < least->figures.workers))
      least = &each;
  return least;
}

std::string enough_workers(const simulation_report& r) {
  constexpr double near = 1.05;
  const bool closed = r.input.config.closed;
  const auto figure = [&](const forecast_row& each) {
    return closed ? each.figures.seconds : each.figures.all.p99;
  };
  const forecast_row* const least = enough(r, figure, near);
  if (least == nullptr)
    return {};
  const std::string value =
      closed ? seconds_text(least->figures.seconds) + " s" : duration_text(least->figures.all.p99);
  return plural(least->figures.workers, "worker") + (least->figures.workers == 1 ? " is" : " are") +
         " enough: with " + value + (closed ? " it is" : " at p99 it is") +
         " within 5 % of the best of these numbers of workers.";
}

/// "1.2 s, not 2.4 s"; the same where there is hardly a difference.
std::string compared(const std::string& name, const std::string& before, const std::string& after) {
  return name + (before == after ? "is still " + before : after + ", not " + before);
}

std::string gain_text(const forecast_row& before, const forecast_row& after) {
  constexpr std::size_t long_enough = 60;
  return what_if_text(*after.change, long_enough) + " on " +
         plural(after.figures.workers, "worker") + ": " +
         compared("makespan ", seconds_text(before.figures.seconds) + " s",
                  seconds_text(after.figures.seconds) + " s") +
         "; " +
         compared("p99 ", duration_text(before.figures.all.p99),
                  duration_text(after.figures.all.p99)) +
         ".";
}

} // namespace

std::vector<std::string> findings(const simulation_report& r) {
  report of_input = r.input;
  of_input.config.workers = of_input.config.cores; // a simulated worker has its own core to spin on
  std::vector<std::string> sentences = findings(of_input);
  if (r.input.config.service_kind == "spin" && r.input.config.workers > r.input.config.cores)
    sentences.push_back("Each worker that spins has a core of its own here; this machine has " +
                        plural(r.input.config.cores, "core") + ".");
  std::size_t numbers = 0; // of workers
  while (numbers < r.rows.size() && !r.rows[numbers].change)
    ++numbers;
  if (numbers > 1)
    sentences.push_back(enough_workers(r));
  for (std::size_t i = 2 * numbers; numbers > 0 && i <= r.rows.size(); i += numbers)
    sentences.push_back(gain_text(r.rows[numbers - 1], r.rows[i - 1])); // on the most workers
  return sentences;
}

std::string to_table(const simulation_report& r) {
  std::string text =
      header(r) + '\n' + trace_part(r.input) + '\n' + speed_part(r) + '\n' + latency_part(r);
  const auto sentences = findings(r);
  if (!sentences.empty())
    text += '\n';
  for (const std::string& sentence : sentences)
    text += wrap(sentence, 0) + '\n';
  return text;
}

} // namespace convoy::tool
