#pragma once

// The figures of a run with faults, beside a clean run of the same input: pure functions, as those
// of figures.hpp.

#include "load/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace convoy::tool {

/// The messages of healthy keys in one run.
struct healthy_figures {
  double p99_us = std::numeric_limits<double>::quiet_NaN(); ///< as in `latency`
  double throughput =
      0; ///< handled a second, from their first intended submission to their last end
};

struct fault_figures {
  std::uint64_t messages = 0;
  std::uint64_t completed = 0;
  std::uint64_t poison = 0;       ///< messages that fail whenever they are tried
  std::uint64_t failed = 0;       ///< of which were tried: the others died untried
  std::uint64_t calls = 0;        ///< of handlers
  std::uint64_t failed_calls = 0; ///< of which for those that failed
  std::uint64_t dead_failed = 0, dead_failed_rest = 0, dead_shutdown = 0;
  std::uint64_t parked_keys = 0; ///< in the end, when no handler was left to run

  std::uint64_t lost = 0;       ///< neither completed nor dead
  std::uint64_t miscounted = 0; ///< dead letters that told a wrong number of attempts

  std::uint64_t healthy_keys = 0, healthy_messages = 0;
  healthy_figures clean, faulty;

  [[nodiscard]] std::uint64_t dead() const {
    return dead_failed + dead_failed_rest + dead_shutdown;
  }

  /// Every message is completed or a dead letter, none is both, and the letters tell the truth.
  [[nodiscard]] bool is_exact() const {
    return completed + dead() == messages && lost == 0 && miscounted == 0;
  }

  /// The isolation figure: how many times as long as without faults the slowest 1 % of the healthy
  /// keys' messages took. NaN where there are none.
  [[nodiscard]] double p99_ratio() const { return faulty.p99_us / clean.p99_us; }
  [[nodiscard]] double throughput_ratio() const { return faulty.throughput / clean.throughput; }
};

/// `healthy` by key, `poison` by message; both runs are of the same messages.
[[nodiscard]] fault_figures measure_faults(const workload& load, const std::vector<bool>& poison,
                                           const std::vector<bool>& healthy, const run& clean,
                                           const run& faulty);

} // namespace convoy::tool
