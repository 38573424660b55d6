#include "simulate/sleep_costs.hpp"

#include "replay/replay.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace convoy::tool {
namespace {

/// Messages that all take the same time, dealt to as many keys as there are workers.
run sleep_in_lanes(unsigned workers, std::uint32_t each, std::int64_t service_ns) {
  workload load;
  load.keys.resize(workers);
  for (std::uint32_t i = 0; i < workers * each; ++i)
    load.messages.push_back(
        {.service_ns = service_ns, .key = i % workers, .position = i / workers});
  return replay(load, strategy::lanes, {.workers = workers});
}

/// From the beginning of a message to that of the next one of its key is its service time and what
/// we look for: each has a worker of its own.
std::vector<std::int64_t> measure_overshoot(std::int64_t core_ns) {
  constexpr unsigned workers = 4;
  constexpr std::uint32_t each = 60;
  constexpr std::int64_t service_ns = 1'000'000;
  const run seen = sleep_in_lanes(workers, each, service_ns);
  std::vector<std::int64_t> overshoot;
  for (std::size_t i = 0; i + workers < seen.records.size(); ++i) {
    const std::int64_t whole = seen.records[i + workers].begun - seen.records[i].begun;
    overshoot.push_back(std::max<std::int64_t>(0, whole - service_ns - core_ns));
  }
  return overshoot;
}

/// So many sleepers that the cores have no rest: they take as long as the middle half of the
/// messages, beside the threads' beginning and end.
std::int64_t measure_core_time(unsigned cores) {
  constexpr unsigned workers_per_core = 64, most_workers = 512;
  constexpr std::uint32_t messages_per_core = 4'000;
  constexpr std::int64_t too_short_ns = 8'000; // a core takes longer for a message
  const unsigned workers = std::min(most_workers, workers_per_core * cores);
  const std::int64_t service_ns = too_short_ns * workers / cores;
  const run seen = sleep_in_lanes(workers, messages_per_core * cores / workers, service_ns);
  std::vector<std::int64_t> ends;
  for (const record& r : seen.records)
    ends.push_back(r.done);
  std::ranges::sort(ends);
  const std::size_t quarter = ends.size() / 4;
  const std::int64_t took = ends[3 * quarter] - ends[quarter];
  return took * cores / static_cast<std::int64_t>(2 * quarter);
}

} // namespace

sleep_costs measure_sleep_costs() {
  sleep_costs costs;
  costs.cores = std::max(1U, std::thread::hardware_concurrency());
  constexpr int rounds = 3; // what else the machine does only adds to it
  costs.core_ns = measure_core_time(costs.cores);
  for (int i = 1; i < rounds; ++i)
    costs.core_ns = std::min(costs.core_ns, measure_core_time(costs.cores));
  costs.overshoot_ns = measure_overshoot(costs.core_ns);
  return costs;
}

} // namespace convoy::tool
