#include "measure/series.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace convoy::tool {
namespace {

constexpr double ns_per_second = 1e9;
constexpr double ns_per_us = 1e3;
constexpr double points_a_decade = 10;

/// When a message was over, one way or the other; -1: never.
std::int64_t end_of(const record& r) {
  return std::max(r.done, r.died);
}

/// 1, …, `last`, ten a decade, in ascending order and none twice.
std::vector<std::size_t> log_steps(std::size_t last) {
  std::vector<std::size_t> made;
  for (int i = 0;; ++i) {
    const auto n = static_cast<std::size_t>(std::pow(10, i / points_a_decade));
    if (n >= last)
      break;
    if (made.empty() || made.back() < n)
      made.push_back(n);
  }
  if (last > 0)
    made.push_back(last);
  return made;
}

std::vector<latency_point> latency_curve(std::vector<std::int64_t>& ns) {
  std::ranges::sort(ns);
  std::vector<latency_point> curve;
  const std::size_t n = ns.size();
  if (n == 0)
    return curve;
  const auto add = [&](double one_in) {
    const double below = static_cast<double>(n) - static_cast<double>(n) / one_in;
    const auto rank = static_cast<std::size_t>(std::ceil(below - 1e-6));
    curve.push_back({one_in, static_cast<double>(ns[rank == 0 ? 0 : rank - 1]) / ns_per_us});
  };
  for (int i = 0;; ++i) {
    const double one_in = std::pow(10, i / points_a_decade);
    if (one_in >= static_cast<double>(n))
      break;
    add(one_in);
  }
  curve.push_back({static_cast<double>(n), static_cast<double>(ns.back()) / ns_per_us});
  return curve;
}

void add_times(const run& seen, run_series& series) {
  std::int64_t last = 0;
  for (const record& r : seen.records)
    last = std::max(last, end_of(r));
  if (last == 0)
    return;
  // A hundred messages a step on average show a course, and not chance.
  const std::size_t steps = std::clamp<std::size_t>(seen.records.size() / 100, 20, 200);
  const double step = static_cast<double>(last) / static_cast<double>(steps);
  const auto step_of = [&](std::int64_t ns) {
    return std::min(steps - 1, static_cast<std::size_t>(static_cast<double>(ns) / step));
  };
  std::vector<double> came(steps, 0), ended(steps, 0);
  series.throughput.assign(steps, 0);
  for (const record& r : seen.records) {
    ++came[step_of(std::max<std::int64_t>(0, r.intended))];
    if (end_of(r) >= 0)
      ++ended[step_of(end_of(r))];
    if (r.done >= 0)
      ++series.throughput[step_of(r.done)];
  }
  series.step_seconds = step / ns_per_second;
  double backlog = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    series.backlog.push_back(backlog += came[i] - ended[i]);
    series.throughput[i] /= series.step_seconds;
  }
}

struct key_total {
  std::uint32_t key = 0;
  std::uint64_t messages = 0;
  double work = 0;
};

/// Most work first; the messages count as work where there is none.
std::vector<key_total> by_work(const workload& load) {
  std::vector<key_total> totals(load.keys.size());
  for (std::uint32_t key = 0; key < totals.size(); ++key)
    totals[key].key = key;
  double work = 0;
  for (const message& m : load.messages) {
    load.each_place(m, [&](place p) {
      ++totals[p.key].messages;
      totals[p.key].work += static_cast<double>(m.service_ns);
    });
    work += static_cast<double>(m.service_ns);
  }
  std::erase_if(totals, [](const key_total& t) { return t.messages == 0; });
  for (key_total& t : totals)
    t.work = work > 0 ? t.work / work
                      : static_cast<double>(t.messages) / static_cast<double>(load.messages.size());
  std::ranges::stable_sort(totals, [](const key_total& a, const key_total& b) {
    return a.work != b.work ? a.work > b.work : a.messages > b.messages;
  });
  return totals;
}

/// Of each message for the first of its keys alone, so that sums of keys are shares of all.
void count_once(const workload& load, std::vector<key_total>& totals) {
  std::vector<std::size_t> rank(load.keys.size());
  for (std::size_t i = 0; i < totals.size(); ++i) {
    rank[totals[i].key] = i;
    totals[i].messages = 0;
    totals[i].work = 0;
  }
  double work = 0;
  for (const message& m : load.messages)
    work += static_cast<double>(m.service_ns);
  for (const message& m : load.messages) {
    std::size_t first = totals.size();
    load.each_place(m, [&](place p) { first = std::min(first, rank[p.key]); });
    ++totals[first].messages;
    totals[first].work += work > 0 ? static_cast<double>(m.service_ns) / work
                                   : 1 / static_cast<double>(load.messages.size());
  }
}

/// What the messages of one key met.
struct key_times {
  std::vector<std::int64_t> latency;
  double service = 0, own_key = 0, all = 0;
  std::int64_t predecessor_done = 0;

  void add(const record& r, bool keeps_order) {
    latency.push_back(r.done - r.intended);
    service += static_cast<double>(r.done - r.begun);
    const std::int64_t accepted = std::clamp(r.accepted, std::min(r.intended, r.begun), r.begun);
    if (keeps_order)
      own_key += static_cast<double>(std::clamp(predecessor_done, accepted, r.begun) - accepted);
    all += static_cast<double>(r.done - std::min(r.intended, r.begun));
    predecessor_done = r.done;
  }
};

double makespan(const run& seen) {
  std::int64_t first = std::numeric_limits<std::int64_t>::max(), last = 0;
  for (const record& r : seen.records) {
    first = std::min(first, r.intended);
    last = std::max(last, end_of(r));
  }
  return static_cast<double>(std::max<std::int64_t>(0, last - first));
}

} // namespace

run_series measure_series(const workload&, const run& seen) {
  run_series series;
  std::vector<std::int64_t> latency;
  latency.reserve(seen.records.size());
  for (const record& r : seen.records)
    if (r.done >= 0)
      latency.push_back(r.done - r.intended);
  series.latency = latency_curve(latency);
  add_times(seen, series);
  return series;
}

std::vector<key_figures> measure_keys(const workload& load, const run& seen, std::size_t most) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  constexpr auto not_listed = std::numeric_limits<std::size_t>::max();
  std::vector<key_total> totals = by_work(load);
  totals.resize(std::min(totals.size(), most));
  std::vector<std::size_t> listed_at(load.keys.size(), not_listed);
  for (std::size_t i = 0; i < totals.size(); ++i)
    listed_at[totals[i].key] = i;
  std::vector<key_times> times(totals.size());
  for (std::size_t i = 0; i < seen.records.size(); ++i)
    if (seen.records[i].done >= 0)
      load.each_place(load.messages[i], [&](place p) {
        if (listed_at[p.key] != not_listed)
          times[listed_at[p.key]].add(seen.records[i], seen.keeps_order);
      });

  const double lasted = makespan(seen);
  std::vector<key_figures> figures;
  for (std::size_t i = 0; i < totals.size(); ++i) {
    const key_total& total = totals[i];
    key_times& t = times[i];
    key_figures f{.key = total.key,
                  .messages = total.messages,
                  .share = static_cast<double>(total.messages) /
                           static_cast<double>(load.messages.size()),
                  .work_share = total.work,
                  .busy = lasted > 0 ? t.service / lasted : 0,
                  .mean_us = none,
                  .p50_us = none,
                  .p99_us = none,
                  .own_key_share = t.all > 0 ? t.own_key / t.all : 0};
    if (const std::size_t n = t.latency.size(); n > 0) {
      std::ranges::sort(t.latency);
      const auto rank = [&](std::size_t percent) {
        return static_cast<double>(t.latency[(n * percent + 99) / 100 - 1]) / ns_per_us;
      };
      f.mean_us = t.service / static_cast<double>(n) / ns_per_us;
      f.p50_us = rank(50);
      f.p99_us = rank(99);
    }
    figures.push_back(f);
  }
  return figures;
}

std::vector<share_of_keys> measure_concentration(const workload& load) {
  std::vector<key_total> totals = by_work(load);
  if (load.has_joint())
    count_once(load, totals);
  std::vector<share_of_keys> shares;
  double work = 0, messages = 0;
  std::size_t counted = 0;
  for (const std::size_t keys : log_steps(totals.size())) {
    for (; counted < keys; ++counted) {
      work += totals[counted].work;
      messages += static_cast<double>(totals[counted].messages);
    }
    shares.push_back({keys, work, messages / static_cast<double>(load.messages.size())});
  }
  return shares;
}

} // namespace convoy::tool
