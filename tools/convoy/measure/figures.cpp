#include "measure/figures.hpp"

#include "replay/shared_order.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace convoy::tool {
namespace {

constexpr double ns_per_second = 1e9;
constexpr double ns_per_us = 1e3;
constexpr std::size_t hottest_listed = 10;

struct key_total {
  std::uint32_t key = 0;
  std::uint64_t messages = 0;
  std::int64_t work = 0;

  [[nodiscard]] bool hotter_than(const key_total& other) const {
    return std::tuple(messages, work, other.key) > std::tuple(other.messages, other.work, key);
  }
};

/// The messages of a key, from the last one back: how long the rest of it takes at least.
class path_of_key {
public:
  /// Of the messages from this one on. Shared ones that lie next to each other take as long as the
  /// longest, or as `workers` of them at a time.
  double add(std::int64_t service, bool is_shared, unsigned workers) {
    if (is_shared) {
      run_work_ += service;
      longest_ = std::max(longest_, service);
    } else {
      behind_ = length(workers) + static_cast<double>(service);
      run_work_ = longest_ = 0;
    }
    return length(workers);
  }

  /// Likewise, of a message that is not of this key alone and before so much in any of its keys.
  void add_joint(double length) {
    behind_ = length;
    run_work_ = longest_ = 0;
  }

  [[nodiscard]] double length(unsigned workers) const {
    return behind_ +
           std::max(static_cast<double>(longest_), static_cast<double>(run_work_) / workers);
  }

private:
  double behind_ = 0;                       // from the next exclusive one on
  std::int64_t run_work_ = 0, longest_ = 0; // of the shared ones before that
};

/// The messages of a load, from the last one back: how long the rest takes at least in order.
class paths {
public:
  paths(const workload& load, unsigned workers)
      : load_{load}, workers_{workers}, keys_(load.keys.size()) {}

  /// Of this message and all that must come behind it.
  double add(const message& m, std::int64_t service) {
    if (m.further_count == 0)
      return keys_[m.key].add(service, m.is_shared, workers_);
    double length = 0;
    load_.each_place(m, [&](place p) { length = std::max(length, keys_[p.key].length(workers_)); });
    length += static_cast<double>(service);
    load_.each_place(m, [&](place p) { keys_[p.key].add_joint(length); });
    return length;
  }

private:
  const workload& load_;
  unsigned workers_;
  std::vector<path_of_key> keys_;
};

/// `or_messages`: where no message takes time each takes 1.
double longest_path(const workload& load, unsigned workers, bool or_messages) {
  paths rest{load, workers};
  double longest = 0;
  std::for_each(load.messages.rbegin(), load.messages.rend(), [&](const message& m) {
    longest = std::max(longest, rest.add(m, or_messages ? 1 : m.service_ns));
  });
  return longest;
}

std::vector<key_total> totals_per_key(const workload& load) {
  std::vector<key_total> totals(load.keys.size());
  for (std::uint32_t key = 0; key < totals.size(); ++key)
    totals[key].key = key;
  for (const message& m : load.messages)
    load.each_place(m, [&](place p) {
      ++totals[p.key].messages;
      totals[p.key].work += m.service_ns;
    });
  return totals;
}

bool was_handled(const record& r) {
  return r.done >= 0;
}

bool has_died(const record& r) {
  return r.died >= 0;
}

std::vector<std::int64_t> measured_service(const run& seen) {
  std::vector<std::int64_t> service(seen.records.size());
  std::ranges::transform(seen.records, service.begin(),
                         [](const record& r) { return was_handled(r) ? r.done - r.begun : 0; });
  return service;
}

double mean_overshoot_us(const workload& load, const run& seen) {
  double sum = 0, handled = 0;
  for (std::size_t i = 0; i < seen.records.size(); ++i)
    if (const record& r = seen.records[i]; was_handled(r)) {
      sum += static_cast<double>(r.done - r.begun - load.messages[i].service_ns);
      ++handled;
    }
  return sum / handled / ns_per_us; // NaN: none
}

std::int64_t makespan(const run& seen) {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = 0;
  for (const record& r : seen.records)
    if (was_handled(r) || has_died(r)) {
      first = std::min(first, r.intended);
      last = std::max({last, r.done, r.died});
    }
  return std::max<std::int64_t>(0, last - first); // 0 where nothing was handled and nothing died
}

/// Sums of the four parts of the time of all messages. A handler can begin before `submit` returned
/// to the producer, so every stamp is kept between its neighbours: no part is negative, and
/// together they are d - a.
wait_shares split_waits(const workload& load, const run& seen) {
  wait_shares sum;
  struct ends {
    std::int64_t all = 0, exclusive = 0; // the latest so far
  };
  std::vector<ends> predecessor_done(load.keys.size());
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    const record& r = seen.records[i];
    const message& m = load.messages[i];
    const bool is_beside = m.is_shared && seen.shares;
    if (!was_handled(r)) {
      if (has_died(r)) // those behind it waited for that
        predecessor_done[m.key] = {r.died, r.died};
      continue;
    }
    std::int64_t previous = 0;
    load.each_place(m, [&](place p) {
      const ends& before = predecessor_done[p.key];
      previous = std::max(previous, is_beside ? before.exclusive : before.all);
    });
    const std::int64_t accepted = std::clamp(r.accepted, std::min(r.intended, r.begun), r.begun);
    const std::int64_t head = seen.keeps_order ? std::clamp(previous, accepted, r.begun) : accepted;
    sum.admission += static_cast<double>(accepted - std::min(r.intended, r.begun));
    sum.own_key += static_cast<double>(head - accepted);
    sum.scheduler += static_cast<double>(r.begun - head);
    sum.service += static_cast<double>(r.done - r.begun);
    load.each_place(m, [&](place p) {
      ends& before = predecessor_done[p.key];
      before.all = std::max(before.all, r.done);
      if (!is_beside)
        before.exclusive = before.all;
    });
  }
  const double total = sum.admission + sum.own_key + sum.scheduler + sum.service;
  if (total > 0)
    for (double* part : {&sum.admission, &sum.own_key, &sum.scheduler, &sum.service})
      *part /= total;
  return sum;
}

void measure_latency(const workload& load, const run& seen, run_figures& result) {
  const std::uint32_t hot_key = hottest_key(load);
  std::vector<std::int64_t> all, hot, cold;
  all.reserve(seen.records.size());
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    const record& r = seen.records[i];
    if (!was_handled(r))
      continue;
    all.push_back(r.done - r.intended);
    (load.is_of(load.messages[i], hot_key) ? hot : cold).push_back(all.back());
  }
  result.all = percentiles(all);
  result.hot = percentiles(hot);
  result.cold = percentiles(cold);
}

/// What overshoot cost is the difference of two bounds of the same strategy, with the threads that it
/// has: one with the service times that were measured, one with those that were configured.
void compare_with_bounds(const workload& load, const run& seen, run_figures& result) {
  const auto seconds = [](double ns) { return ns / ns_per_second; };
  const unsigned workers = result.bound_workers;
  result.bound_seconds = seconds(makespan_bound(load, workers, true));
  result.measured_bound_seconds =
      seconds(makespan_bound(load, measured_service(seen), workers, seen.keeps_order));
  if (result.seconds <= 0)
    return;
  result.efficiency = result.bound_seconds / result.seconds;
  if (seen.keeps_order && result.lost == 0)
    result.efficiency = std::min(1.0, result.efficiency);
  result.measured_efficiency = std::min(1.0, result.measured_bound_seconds / result.seconds);
  const unsigned threads = std::min(workers, seen.workers);
  if (result.lost == 0)
    result.overshoot_share =
        seconds(makespan_bound(load, measured_service(seen), threads, seen.keeps_order) -
                makespan_bound(load, threads, seen.keeps_order)) /
        result.seconds;
}

void add_bytes(const workload& load, trace_figures& result) {
  result.bytes = load.bytes;
  if (result.bytes > 0)
    for (key_load& hot : result.hottest)
      hot.bytes_share =
          static_cast<double>(load.key_bytes[hot.key]) / static_cast<double>(result.bytes);
}

} // namespace

std::uint32_t hottest_key(const workload& load) {
  const auto totals = totals_per_key(load);
  return std::ranges::max_element(
             totals, [](const key_total& a, const key_total& b) { return b.hotter_than(a); })
      ->key;
}

trace_figures measure_trace(const workload& load, unsigned workers) {
  auto totals = totals_per_key(load);
  std::erase_if(totals, [](const key_total& t) { return t.messages == 0; });
  const bool takes_none =
      std::ranges::all_of(totals, [](const key_total& t) { return t.work == 0; });
  if (takes_none)
    for (key_total& t : totals)
      t.work = static_cast<std::int64_t>(t.messages);
  std::int64_t work = 0;
  for (const message& m : load.messages)
    work += takes_none ? 1 : m.service_ns;
  const double busiest = longest_path(load, workers, takes_none);

  trace_figures result;
  result.messages = load.messages.size();
  result.joint = static_cast<std::uint64_t>(
      std::ranges::count_if(load.messages, [](const message& m) { return m.further_count != 0; }));
  result.shared = static_cast<std::uint64_t>(
      std::ranges::count_if(load.messages, [](const message& m) { return m.is_shared; }));
  result.keys = totals.size();
  result.moved = load.moved;
  if (busiest > 0)
    result.speedup_bound = std::min<double>(workers, static_cast<double>(work) / busiest);

  const std::size_t listed = std::min(hottest_listed, totals.size());
  std::ranges::partial_sort(
      totals, totals.begin() + static_cast<std::ptrdiff_t>(listed),
      [](const key_total& a, const key_total& b) { return a.hotter_than(b); });
  for (std::size_t i = 0; i < listed; ++i)
    result.hottest.push_back(
        {totals[i].key,
         static_cast<double>(totals[i].messages) / static_cast<double>(result.messages),
         static_cast<double>(totals[i].work) / static_cast<double>(work)});
  add_bytes(load, result);
  return result;
}

latency percentiles(std::vector<std::int64_t>& nanoseconds) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (nanoseconds.empty())
    return {none, none, none, none};
  auto unsorted = nanoseconds.begin();
  // Parts per thousand, in integers: 0.99 * n would round up past an exact rank.
  const auto rank = [&](std::size_t per_mille) {
    const std::size_t nth = (nanoseconds.size() * per_mille + 999) / 1000 - 1;
    const auto at = nanoseconds.begin() + static_cast<std::ptrdiff_t>(nth);
    std::nth_element(unsorted, at, nanoseconds.end());
    unsorted = at; // ranks are asked in ascending order: the smaller ones are in place
    return static_cast<double>(*at) / ns_per_us;
  };
  const double p50 = rank(500), p99 = rank(990), p999 = rank(999), max = rank(1000);
  return {p50, p99, p999, max};
}

double makespan_bound(const workload& load, const std::vector<std::int64_t>& service,
                      unsigned workers, bool keeps_order) {
  if (load.messages.empty())
    return 0;
  const std::int64_t start = load.messages.front().arrival_ns;
  paths rest{load, workers};
  std::int64_t work = 0;
  double bound = 0;
  for (std::size_t i = load.messages.size(); i-- > 0;) {
    const message& m = load.messages[i];
    const auto at = static_cast<double>(m.arrival_ns - start);
    work += service[i];
    bound = std::max(
        {bound, at + static_cast<double>(work) / workers, at + static_cast<double>(service[i])});
    if (keeps_order)
      bound = std::max(bound, at + rest.add(m, service[i]));
  }
  return bound;
}

double makespan_bound(const workload& load, unsigned workers, bool keeps_order) {
  std::vector<std::int64_t> service(load.messages.size());
  std::ranges::transform(load.messages, service.begin(), &message::service_ns);
  return makespan_bound(load, service, workers, keeps_order);
}

run_figures measure_run(const workload& load, const run& seen, unsigned bound_workers) {
  run_figures result;
  result.strategy = seen.strategy;
  result.workers = seen.workers;
  result.keeps_order = seen.keeps_order;
  result.messages = load.messages.size();
  result.order_violations = seen.order_violations;
  if (load.has_joint() && seen.keeps_order)
    result.order_violations =
        std::max(result.order_violations, shared_order_violations(load, seen.records));
  result.overlaps = seen.overlaps;
  result.repeated = seen.repeated;
  result.dead = static_cast<std::uint64_t>(std::ranges::count_if(seen.records, has_died));
  result.conflated =
      static_cast<std::uint64_t>(std::ranges::count_if(seen.records, &record::merged));
  result.lost = static_cast<std::uint64_t>(std::ranges::count_if(
      seen.records, [](const record& r) { return !was_handled(r) && !has_died(r) && !r.merged; }));

  result.seconds = static_cast<double>(makespan(seen)) / ns_per_second;
  result.bound_workers = bound_workers;
  if (result.seconds > 0)
    result.throughput =
        static_cast<double>(std::ranges::count_if(seen.records, was_handled)) / result.seconds;
  if (result.dead + result.conflated == 0)
    compare_with_bounds(load, seen, result);
  result.overshoot_us = mean_overshoot_us(load, seen);
  measure_latency(load, seen, result);
  result.share = split_waits(load, seen);
  return result;
}

} // namespace convoy::tool
