#include "measure/fault_figures.hpp"

#include "measure/figures.hpp"

#include <algorithm>
#include <set>

namespace convoy::tool {
namespace {

healthy_figures measure_healthy(const workload& load, const std::vector<bool>& healthy,
                                const run& seen) {
  std::vector<std::int64_t> latencies;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = 0;
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    const record& r = seen.records[i];
    if (!healthy[load.messages[i].key] || r.done < 0)
      continue;
    latencies.push_back(r.done - r.intended);
    first = std::min(first, r.intended);
    last = std::max(last, r.done);
  }
  healthy_figures result;
  if (last > first)
    result.throughput =
        static_cast<double>(latencies.size()) / static_cast<double>(last - first) * 1e9;
  result.p99_us = percentiles(latencies).p99;
  return result;
}

/// A replay knows no other deaths: one that is not counted shows in the account.
void count_death(fault_figures& result, death why) {
  result.dead_failed += why == death::failed;
  result.dead_failed_rest += why == death::failed_rest;
  result.dead_shutdown += why == death::shutdown;
}

} // namespace

fault_figures measure_faults(const workload& load, const std::vector<bool>& poison,
                             const std::vector<bool>& healthy, const run& clean,
                             const run& faulty) {
  fault_figures result;
  result.messages = load.messages.size();
  result.miscounted = faulty.faults.miscounted;
  std::set<std::uint32_t> parked; // nothing else is left when the processor ends
  for (std::size_t i = 0; i < load.messages.size(); ++i) {
    const record& r = faulty.records[i];
    const std::uint32_t key = load.messages[i].key;
    const std::uint32_t calls = faulty.faults.calls[i];
    result.completed += r.done >= 0;
    result.lost += r.done < 0 && r.died < 0;
    result.calls += calls;
    result.healthy_messages += healthy[key];
    if (poison[i]) {
      ++result.poison;
      result.failed += calls > 0;
      result.failed_calls += calls;
    }
    if (r.died < 0)
      continue;
    count_death(result, faulty.faults.why[i]);
    if (faulty.faults.why[i] == death::shutdown)
      parked.insert(key);
  }
  result.parked_keys = parked.size();
  result.healthy_keys = static_cast<std::uint64_t>(std::ranges::count(healthy, true));
  result.clean = measure_healthy(load, healthy, clean);
  result.faulty = measure_healthy(load, healthy, faulty);
  return result;
}

} // namespace convoy::tool
