#pragma once

// The figures of a replay: pure functions from a workload, and what a run of it recorded, to
// numbers. Definitions: P workers; a, e, b, d of `record`; h = max(e, d of the predecessor of the
// same key), the moment a message became head of its lane; x = d - b, its measured service. Lost
// messages count in `lost` and nowhere else, dead ones in `dead`, the order and the makespan.

#include "load/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace convoy::tool {

/// How the messages of one key weigh in a workload.
struct key_load {
  std::uint32_t key = 0;  ///< index into workload::keys
  double share = 0;       ///< of all messages, 0 to 1; a joint one counts for each of its keys
  double work_share = 0;  ///< of all configured service, 0 to 1; `share` where there is no service
  double bytes_share = 0; ///< of trace_figures::bytes, 0 to 1
};

struct trace_figures {
  std::uint64_t messages = 0;
  std::uint64_t joint = 0;       ///< of these, such of several keys
  std::uint64_t keys = 0;        ///< with at least one message
  std::vector<key_load> hottest; ///< at most ten, most messages first
  double speedup_bound =
      1; ///< that order allows: min(P, all work / longest path): the work of a key, where
         ///< none of it is shared and none joint
  std::uint64_t bytes = 0;  ///< of all payloads; 0 where the source does not say
  std::uint64_t moved = 0;  ///< that the input had behind later ones; sorted by time
  std::uint64_t shared = 0; ///< messages that may be handled beside their neighbours
};

/// Latency from the intended time to the end of the handler, microseconds; NaN where there was no
/// message.
struct latency {
  double p50, p99, p999, max;
};

/// Where the time from the intended submission to the end of the handler went; adds up to 1, or all
/// 0 if nothing took time.
struct wait_shares {
  double admission = 0; ///< a to e: submit waited for room
  double own_key =
      0; ///< e to h: the predecessor of the key was unfinished, be it that other keys held it up;
         ///< 0 by definition where order is not kept
  double scheduler = 0; ///< h to b: ready, but no worker came
  double service = 0;   ///< b to d
};

struct run_figures {
  std::string strategy;
  unsigned workers = 0;
  bool keeps_order = true; ///< what the strategy promises
  std::uint64_t messages = 0;
  std::uint64_t dead = 0;      ///< dead letters, which are not lost
  std::uint64_t conflated = 0; ///< merged into later ones, which is not lost either
  std::uint64_t order_violations = 0, overlaps = 0, lost = 0, repeated = 0;
  double seconds = 0; ///< makespan: first intended submission to the last handler's end, or death
  double throughput = 0;      ///< handled messages per second
  unsigned bound_workers = 0; ///< P of the bounds: what was offered, also to a strategy that by its
                              ///< nature uses fewer
  double bound_seconds = 0; ///< no schedule of the configured service times on P workers that keeps
                            ///< the order of each key can be faster: the same for every strategy; 0
                            ///< where some died: failed attempts and their waits are not in it;
                            ///< or were merged: then less was to be done
  double efficiency = 0;    ///< bound / makespan; 1 at most where order is kept; says nothing where
                            ///< the bound is 0
  double measured_bound_seconds = 0; ///< likewise, of the service times that this run took, in the
                                     ///< order that the strategy promises
  double measured_efficiency = 0;    ///< of that bound, in [0, 1]
  double overshoot_us =
      std::numeric_limits<double>::quiet_NaN(); ///< by which a handler took longer than configured,
                                                ///< mean; NaN where there was none
  double overshoot_share = 0; ///< of the makespan: by which overshoot raised the bound
  latency all{}, hot{}, cold{};
  wait_shares share;

  /// Broken in any way the run can see: out of order, overlapping, lost or repeated messages.
  [[nodiscard]] bool is_broken() const { return order_violations + overlaps + lost + repeated > 0; }
};

/// The key with the most messages; of equals the one with more work, then the one with the lower
/// index.
[[nodiscard]] std::uint32_t hottest_key(const workload&);

[[nodiscard]] trace_figures measure_trace(const workload&, unsigned workers);

/// `bound_workers` is the P of the lower bounds.
[[nodiscard]] run_figures measure_run(const workload&, const run&, unsigned bound_workers);

/// Nearest-rank percentiles of nanoseconds, exact; reorders its argument.
[[nodiscard]] latency percentiles(std::vector<std::int64_t>& nanoseconds);

/// Lower bound of the makespan in nanoseconds: for every start t, t plus the work that arrives at
/// or after t spread over `workers`, and t plus any one message that does; where order is kept, also
/// t plus the longest path through what arrives at or after t, where each message comes after the one
/// before it in each of its keys: the work of a key, but shared messages that lie next to each other
/// count as the longest of them, or as `workers` at a time, and a joint message leads from each of its
/// keys to each. `service[i]` is the service of message i, in the order of arrival; times count from
/// the first arrival.
[[nodiscard]] double makespan_bound(const workload&, const std::vector<std::int64_t>& service,
                                    unsigned workers, bool keeps_order);

/// That of the configured service times.
[[nodiscard]] double makespan_bound(const workload&, unsigned workers, bool keeps_order);

} // namespace convoy::tool
