#pragma once

// The figures of the study, by the definitions of measure/figures.hpp: what convoy replay measures, and
// what takes a second run to tell.

#include "cell.hpp"
#include "load.hpp"
#include "load/workload.hpp"
#include "measure/figures.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace convoy::effects {

struct cell_run {
  cell at;
  unsigned repetition = 0;
  double speedup_bound = 1; ///< that order allows: min(P, W / max W_k)
  tool::run_figures figures;
  tool::latency cold{}; ///< microseconds, of all keys but load::hot_key
  std::size_t cold_messages = 0;
  double slowdown_mean = 0; ///< (d - a) / x: 1 is a message that waited for nothing
  double slowdown_p99 = 0;
  double fairness = 1; ///< Jain's index of the keys' mean slowdowns, in (0, 1]: 1 is all alike
  /// How much longer handlers took than they were told to, microseconds. Some 60 us are the timer;
  /// much more tells that the machine had other things to do, and the latencies are not to be
  /// trusted.
  tool::latency late{};

  [[nodiscard]] bool was_disturbed() const { return late.p99 > quiet_us; }
  [[nodiscard]] bool broke_its_promise() const {
    return figures.keeps_order && figures.is_broken();
  }
  static constexpr double quiet_us = 1000;

  // Against the run of another cell or strategy; empty where there is none.
  std::optional<double> isolation;        ///< cold p99 / cold p99 without the fault
  std::optional<double> price_of_p99;     ///< p99 / p99 of the unordered pool
  std::optional<double> price_of_seconds; ///< makespan / makespan of the unordered pool
  // p99 / p99 of workers that cost nothing, see ideal.hpp; of the hottest key's messages, and the others'.
  std::optional<double> all_over_ideal, hot_over_ideal, cold_over_ideal;
};

/// Everything but what it takes other runs for.
[[nodiscard]] cell_run measure(const cell&, const load&, const tool::run&);

/// Fills in the figures that compare runs. The runs of a sweep in any order.
void compare(std::vector<cell_run>&);

} // namespace convoy::effects
