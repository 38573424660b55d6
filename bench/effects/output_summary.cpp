#include "ideal.hpp"
#include "output.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>

namespace convoy::effects {
namespace {

using table = std::vector<std::vector<std::string>>;
using runs = std::vector<const cell_run*>;

template <class Wanted>
runs select(const runs& from, const Wanted& wanted) {
  runs some;
  std::ranges::copy_if(from, std::back_inserter(some), wanted);
  return some;
}

runs of_strategy(const runs& from, std::string_view strategy) {
  return select(from, [=](const cell_run* r) { return r->figures.strategy == strategy; });
}

/// Those of the runs that have the figure, sorted.
template <class Figure>
std::vector<double> values(const runs& of, const Figure& figure) {
  std::vector<double> found;
  for (const cell_run* r : of)
    if (const std::optional<double> value = figure(*r); value && std::isfinite(*value))
      found.push_back(*value);
  std::ranges::sort(found);
  return found;
}

double median(const std::vector<double>& sorted) {
  if (sorted.empty())
    return std::numeric_limits<double>::quiet_NaN();
  const std::size_t upper = sorted.size() / 2, lower = (sorted.size() - 1) / 2;
  return (sorted[upper] + sorted[lower]) / 2;
}

std::string times_text(double value) {
  return std::isnan(value) ? "–" : tool::ratio_text(value) + " x";
}

std::string share_text(double value) {
  return std::isnan(value) ? "–" : tool::percent_text(value);
}

/// In the order of their first run.
std::vector<std::string> strategies_of(const runs& all) {
  std::vector<std::string> names;
  for (const cell_run* r : all)
    if (std::ranges::find(names, r->figures.strategy) == names.end())
      names.push_back(r->figures.strategy);
  return names;
}

std::string closed_summary(const runs& closed) {
  table rows{{"strategy", "efficiency, median", "lowest", "price of order, makespan"}};
  for (const std::string& name : strategies_of(closed)) {
    const runs mine = of_strategy(closed, name);
    const auto efficiency =
        values(mine, [](const cell_run& r) { return r.figures.measured_efficiency; });
    const auto price = values(mine, [](const cell_run& r) { return r.price_of_seconds; });
    rows.push_back({name, share_text(median(efficiency)), share_text(efficiency.front()),
                    times_text(median(price))});
  }
  return "Submitted at once: how near the makespan comes to the bound, over all cells\n" +
         tool::align(rows);
}

std::string open_summary(const runs& open) {
  table rows{{"strategy", "cold p50", "cold p99", "slowdown p99", "convoy share", "fairness",
              "price of order, p99", "p99 over ideal", "hottest key's"}};
  for (const std::string& name : strategies_of(open)) {
    const runs mine = of_strategy(open, name);
    const auto of = [&](const auto& figure) { return median(values(mine, figure)); };
    rows.push_back({name, tool::duration_text(of([](const cell_run& r) { return r.cold.p50; })),
                    tool::duration_text(of([](const cell_run& r) { return r.cold.p99; })),
                    times_text(of([](const cell_run& r) { return r.slowdown_p99; })),
                    share_text(of([](const cell_run& r) { return r.figures.share.own_key; })),
                    tool::ratio_text(of([](const cell_run& r) { return r.fairness; })),
                    times_text(of([](const cell_run& r) { return r.price_of_p99; })),
                    times_text(of([](const cell_run& r) { return r.all_over_ideal; })),
                    times_text(of([](const cell_run& r) { return r.hot_over_ideal; }))});
  }
  return "Submitted at a pace: who waits for whom, medians over all cells\n" + tool::align(rows);
}

std::string fault_summary(const runs& faults) {
  table rows{{"strategy"}};
  std::vector<fault> kinds;
  for (const fault f : {fault::stuck_once, fault::stuck_often, fault::hot_half})
    if (std::ranges::any_of(faults, [=](const cell_run* r) { return r->at.beside == f; })) {
      kinds.push_back(f);
      rows.front().emplace_back(name_of(fault_names, f));
      rows.front().emplace_back("worst");
    }
  for (const std::string& name : strategies_of(faults)) {
    std::vector<std::string> row{name};
    for (const fault f : kinds) {
      const auto isolation = values(
          select(of_strategy(faults, name), [=](const cell_run* r) { return r->at.beside == f; }),
          [](const cell_run& r) { return r.isolation; });
      row.push_back(times_text(median(isolation)));
      row.push_back(isolation.empty() ? "–" : times_text(isolation.back()));
    }
    rows.push_back(row);
  }
  return "Beside a faulty key: cold p99 over cold p99 without it, median and worst of all cells\n" +
         tool::align(rows);
}

/// Whether the machine was quiet enough for the latencies to mean anything.
std::string lateness_summary(const runs& all) {
  const runs real =
      select(all, [](const cell_run* r) { return r->figures.strategy != ideal_name; });
  const double p50 = median(values(real, [](const cell_run& r) { return r.late.p50; }));
  const double p99 = median(values(real, [](const cell_run& r) { return r.late.p99; }));
  std::string text = "Handlers took " + tool::duration_text(p50) +
                     " longer than told in the middle, " + tool::duration_text(p99) +
                     " at the 99th percentile";
  if (p99 > cell_run::quiet_us)
    text += ": the machine was busy with other things, do not trust the latencies";
  return text + ".\n";
}

/// What must not be: one line for each strategy that broke its promise.
std::string broken_summary(const runs& all) {
  std::string text;
  for (const std::string& name : strategies_of(all)) {
    tool::run_figures sum;
    for (const cell_run* r : of_strategy(all, name)) {
      sum.order_violations += r->figures.order_violations;
      sum.overlaps += r->figures.overlaps;
      sum.lost += r->figures.lost;
      sum.repeated += r->figures.repeated;
      sum.keeps_order = r->figures.keeps_order;
    }
    if (sum.is_broken())
      text += name + (sum.keeps_order ? " BROKE ITS PROMISE: " : " keeps no order: ") +
              tool::count_text(sum.order_violations) + " messages out of order, " +
              tool::count_text(sum.overlaps) + " overlapping, " + tool::count_text(sum.lost) +
              " lost, " + tool::count_text(sum.repeated) + " repeated\n";
  }
  return text;
}

} // namespace

std::string to_summary(const study& s) {
  runs all;
  for (const cell_run& r : s.runs)
    all.push_back(&r);
  std::string text;
  const auto add = [&](part shows, const auto& summary) {
    const runs mine = select(all, [=](const cell_run* r) { return r->at.shows == shows; });
    if (!mine.empty())
      text += summary(mine) + '\n';
  };
  add(part::closed, closed_summary);
  add(part::open, open_summary);
  add(part::fault, fault_summary);
  text += broken_summary(all) + lateness_summary(all);
  text += std::string{ideal_name} + " is simulated: the same messages on workers that cost "
                                    "nothing. Every cell by itself is in the JSON.\n";
  return text;
}

} // namespace convoy::effects
