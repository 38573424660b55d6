#include "report/predictions.hpp"

#include "measure/figures.hpp"
#include "simulate/simulate.hpp"
#include "simulate/what_if.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>

namespace convoy::tool {
namespace {

constexpr double ns_per_second = 1e9;
constexpr unsigned most_workers = 1024;
constexpr std::array<unsigned, 20> tried{1,  2,  3,  4,   6,   8,   12,  16,  24,  32,
                                         48, 64, 96, 128, 192, 256, 384, 512, 768, most_workers};

/// Simulates workloads, all with the same costs.
class predictor {
public:
  predictor(simulation_options options, unsigned most_at_once)
      : options_{std::move(options)}, most_at_once_{most_at_once} {}

  [[nodiscard]] unsigned at_once(unsigned workers) const {
    return std::min(workers, most_at_once_);
  }

  [[nodiscard]] prediction operator()(const workload& load, unsigned workers) {
    options_.workers = at_once(workers);
    const run seen = simulate("lanes", load, options_);
    std::int64_t last = 0;
    latency_.clear();
    for (const record& r : seen.records) {
      last = std::max(last, r.done);
      latency_.push_back(r.done - r.intended);
    }
    return {static_cast<double>(last - seen.records.front().intended) / ns_per_second,
            percentiles(latency_).p99};
  }

private:
  simulation_options options_;
  unsigned most_at_once_;
  std::vector<std::int64_t> latency_;
};

} // namespace

predictions predict(const workload& load, const simulation_options& now, unsigned most_at_once,
                    std::span<const std::uint32_t> keys) {
  predictor simulated{now, most_at_once};
  predictions p;
  for (const unsigned n : tried)
    p.workers.push_back(
        {n, simulated(load, n), makespan_bound(load, simulated.at_once(n), true) / ns_per_second});
  const prediction best = p.workers.back().lanes;
  const auto is_enough = [&](const prediction& with_fewer) {
    return with_fewer.seconds <= 1.05 * best.seconds &&
           (load.closed || with_fewer.p99_us <= 1.1 * best.p99_us);
  };
  const auto first = std::ranges::find_if(
      p.workers, [&](const worker_prediction& w) { return is_enough(w.lanes); });
  p.enough = first->workers;
  for (unsigned too_few = first == p.workers.begin() ? 0 : std::prev(first)->workers;
       p.enough - too_few > 1;) {
    const unsigned middle = too_few + (p.enough - too_few) / 2;
    (is_enough(simulated(load, middle)) ? p.enough : too_few) = middle;
  }
  p.now = simulated(load, now.workers);
  for (const std::uint32_t key : keys) {
    const std::string& name = load.keys[key];
    p.keys.push_back({key, simulated(with(load, {.key = name, .faster = 2}), now.workers),
                      simulated(with(load, {.key = name, .split = 4}), now.workers)});
  }
  return p;
}

} // namespace convoy::tool
