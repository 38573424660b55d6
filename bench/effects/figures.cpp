#include "figures.hpp"

#include "ideal.hpp"
#include "strategies/strategy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace convoy::effects {
namespace {

bool was_handled(const tool::record& r) {
  return r.done >= 0;
}

/// Jain, Chiu, Hawe: A Quantitative Measure of Fairness and Discrimination, 1984.
double jain_index(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(values.size()) * squares) : 1;
}

/// Fills in `slowdown_*` and `fairness`.
void measure_slowdown(const tool::workload& load, const tool::run& seen, cell_run& result) {
  struct total {
    double sum = 0;
    double messages = 0;
  };
  std::vector<total> keys(load.keys.size());
  std::vector<double> slowdowns;
  double sum = 0;
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    const tool::record& r = seen.records[i];
    if (!was_handled(r))
      continue;
    const auto took = static_cast<double>(r.done - r.intended);
    const double slowdown = took / static_cast<double>(std::max<std::int64_t>(1, r.done - r.begun));
    slowdowns.push_back(slowdown);
    sum += slowdown;
    keys[load.messages[i].key].sum += slowdown;
    ++keys[load.messages[i].key].messages;
  }
  if (slowdowns.empty())
    return;

  result.slowdown_mean = sum / static_cast<double>(slowdowns.size());
  const std::size_t nth = (slowdowns.size() * 99 + 99) / 100 - 1; // nearest rank
  std::ranges::nth_element(slowdowns, slowdowns.begin() + static_cast<std::ptrdiff_t>(nth));
  result.slowdown_p99 = slowdowns[nth];

  std::vector<double> means;
  for (const total& key : keys)
    if (key.messages > 0)
      means.push_back(key.sum / key.messages);
  result.fairness = jain_index(means);
}

void measure_cold(const load& given, const tool::run& seen, cell_run& result) {
  std::vector<std::int64_t> cold;
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    const tool::record& r = seen.records[i];
    if (was_handled(r) && given.messages.messages[i].key != given.hot_key)
      cold.push_back(r.done - r.intended);
  }
  result.cold_messages = cold.size();
  result.cold = tool::percentiles(cold);
}

void measure_lateness(const tool::workload& load, const tool::run& seen, cell_run& result) {
  std::vector<std::int64_t> late;
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    const tool::record& r = seen.records[i];
    if (was_handled(r))
      late.push_back(r.done - r.begun - load.messages[i].service_ns);
  }
  result.late = tool::percentiles(late);
}

/// What two runs have in common that can be compared.
using place = std::tuple<unsigned, part, unsigned, double, law, double, double, fault, std::string>;

place place_of(const cell_run& r, fault beside, std::string_view strategy) {
  const cell& c = r.at;
  return {r.repetition,         c.shows, c.workers, c.theta, c.service, c.cold_work, c.load, beside,
          std::string{strategy}};
}

std::optional<double> ratio(double value, double base) {
  if (std::isfinite(value) && std::isfinite(base) && base > 0)
    return value / base;
  return std::nullopt;
}

} // namespace

cell_run measure(const cell& at, const load& given, const tool::run& seen) {
  cell_run result;
  result.at = at;
  result.speedup_bound = given.speedup_bound;
  result.figures = tool::measure_run(given.messages, seen, at.workers);
  measure_cold(given, seen, result);
  measure_slowdown(given.messages, seen, result);
  measure_lateness(given.messages, seen, result);
  return result;
}

void compare(std::vector<cell_run>& runs) {
  std::map<place, const cell_run*> at;
  for (const cell_run& r : runs)
    at[place_of(r, r.at.beside, r.figures.strategy)] = &r;
  const std::string_view unordered = tool::traits_of(tool::strategy::unordered).name;

  for (cell_run& r : runs) {
    if (const auto base = at.find(place_of(r, fault::none, r.figures.strategy));
        base != at.end() && r.at.beside != fault::none)
      r.isolation = ratio(r.cold.p99, base->second->cold.p99);
    if (const auto free = at.find(place_of(r, r.at.beside, unordered)); free != at.end()) {
      r.price_of_p99 = ratio(r.figures.all.p99, free->second->figures.all.p99);
      r.price_of_seconds = ratio(r.figures.seconds, free->second->figures.seconds);
    }
    if (const auto ideal = at.find(place_of(r, r.at.beside, ideal_name)); ideal != at.end()) {
      r.all_over_ideal = ratio(r.figures.all.p99, ideal->second->figures.all.p99);
      r.hot_over_ideal = ratio(r.figures.hot.p99, ideal->second->figures.hot.p99);
      r.cold_over_ideal = ratio(r.cold.p99, ideal->second->cold.p99);
    }
  }
}

} // namespace convoy::effects
