#include "report/page_data.hpp"

#include "measure/figures.hpp"
#include "simulate/sleep_costs.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <limits>
#include <sys/utsname.h>

namespace convoy::tool {
namespace {

constexpr std::size_t keys_shown = 20;
constexpr std::size_t keys_changed = 5;

/// "AMD EPYC 9B14, 2 cores, Linux 6.1.0"; no name that tells one machine from others.
std::string describe_machine(unsigned cores) {
  std::string processor;
  std::ifstream info{"/proc/cpuinfo"};
  for (std::string line; processor.empty() && std::getline(info, line);)
    if (const std::size_t colon = line.find(": ");
        line.starts_with("model name") && colon != std::string::npos)
      processor = line.substr(colon + 2) + ", ";
  std::string text = processor + plural(cores, "core");
  utsname kernel{};
  if (uname(&kernel) == 0)
    text.append(", ").append(kernel.sysname).append(" ").append(kernel.release);
  return text;
}

std::string now_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &utc);
  return {text.data(), size};
}

/// A simulation knows nothing of attempts, nor of the waits between them.
bool can_be_predicted(const workload& load, const report& r) {
  return !is_too_few(r) && makespan_bound(load, 1, true) > 0 && // something takes time
         (!r.config.faults || r.config.faults->fail_share <= 0);
}

} // namespace

void add_run(page_data& page, const workload& load, const run& seen) {
  page.series.push_back(measure_series(load, seen));
  if (page.keys.empty() || seen.strategy == "lanes") {
    page.keys = measure_keys(load, seen, keys_shown);
    page.keys_of = seen.strategy;
    page.keys_workers = seen.workers;
  }
}

void complete(page_data& page, const workload& load, const report& r) {
  const unsigned workers = effective_workers(r.config, r.config.workers);
  page.concentration = measure_concentration(load);
  page.unordered_bound_seconds = makespan_bound(load, workers, false) / 1e9;
  page.asked = measure_demand(load);
  page.ceiling = measure_trace(load, std::numeric_limits<unsigned>::max()).speedup_bound;
  page.machine = describe_machine(r.config.cores);
  page.made_at = now_text();
  if (!can_be_predicted(load, r))
    return;
  std::vector<std::uint32_t> keys;
  for (const key_figures& key : page.keys)
    if (keys.size() < keys_changed)
      keys.push_back(key.key);
  const bool spins = r.config.service_kind == "spin";
  if (!spins)
    page.costs = measure_sleep_costs();
  page.predicted = predict(load,
                           {.workers = workers,
                            .capacity = r.config.capacity,
                            .costs = page.costs,
                            .seed = r.config.seed},
                           spins ? r.config.cores : std::numeric_limits<unsigned>::max(), keys);
}

} // namespace convoy::tool
