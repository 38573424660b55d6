#pragma once

// What another number of workers, or another hot key, would make of a workload: predicted by the
// simulation of the rule that lanes follow.

#include "load/workload.hpp"
#include "simulate/simulate.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace convoy::tool {

/// What lanes would take.
struct prediction {
  double seconds = 0; ///< makespan
  double p99_us = 0;  ///< latency, from the arrival
};

struct worker_prediction {
  unsigned workers = 0;
  prediction lanes;
  double bound_seconds = 0; ///< as makespan_bound, in order
};

struct key_prediction {
  std::uint32_t key = 0;
  prediction faster; ///< with handlers that take half the time
  prediction split;  ///< with four keys in its place, which its messages join in turn
};

struct predictions {
  std::vector<worker_prediction> workers; ///< 1 to 1,024, ascending
  unsigned enough = 0;                    ///< so many, beyond which little is won
  prediction now;                         ///< with the workers of the run
  std::vector<key_prediction> keys;       ///< of the keys that were asked for
};

/// `now` is what the run was made with. Of any number of workers `most_at_once` run at once: those
/// that spin need a core each. Enough workers are those with which the makespan is at most 5 % above
/// the one with 1,024, and where the load is open, which ends when it ends, the p99 latency at most
/// 10 %. Some forty simulations.
[[nodiscard]] predictions predict(const workload&, const simulation_options& now,
                                  unsigned most_at_once, std::span<const std::uint32_t> keys);

} // namespace convoy::tool
