#pragma once

// What a run looked like, for pictures: few points, whatever the number of messages.

#include "load/workload.hpp"

#include <cstdint>
#include <vector>

namespace convoy::tool {

struct latency_point {
  double one_in = 1; ///< of so many messages one took longer: 100 stands for the 99th percentile
  double us = 0;
};

struct run_series {
  std::vector<latency_point> latency; ///< nearest rank, ten a decade, the last one the longest
  double step_seconds = 0;        ///< between the points of the next two, from the start of the run
  std::vector<double> backlog;    ///< messages that were meant to be submitted and are not done, at
                                  ///< the end of each step
  std::vector<double> throughput; ///< messages done a second, in each step
};

[[nodiscard]] run_series measure_series(const workload&, const run&);

/// One of the keys with the most work, in one run. Latencies are NaN where none of its messages was
/// handled.
struct key_figures {
  std::uint32_t key = 0;
  std::uint64_t messages = 0;
  double share = 0;      ///< of the messages
  double work_share = 0; ///< of the configured work; of the messages, where there is none
  double busy = 0;       ///< share of the makespan in which its handler ran
  double mean_us = 0;    ///< of its handlers, as measured
  double p50_us = 0, p99_us = 0;
  double own_key_share = 0; ///< of the time of its messages: until the predecessor was done
};

/// Most work first.
[[nodiscard]] std::vector<key_figures> measure_keys(const workload&, const run&, std::size_t most);

/// How much of all the keys with the most work have, joint messages counted once.
struct share_of_keys {
  std::uint64_t keys = 0;
  double work = 0, messages = 0; ///< 0 to 1
};

/// For growing numbers of keys, ten a decade, the last one all.
[[nodiscard]] std::vector<share_of_keys> measure_concentration(const workload&);

} // namespace convoy::tool
