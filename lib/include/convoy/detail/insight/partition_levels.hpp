#pragma once

// How many messages of a partition are unfinished and why they wait, over time. By Little's law the
// time that all messages have waited is the integral of how many wait; of those that are unfinished
// one per key waits for a worker, for a retry, or runs, and the others wait for it. The drainer notes
// it at the end of a visit, and while it stays now and then.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>

namespace convoy::detail {

struct level {
  std::uint64_t in_ring = 0;  ///< messages
  std::uint64_t in_lanes = 0; ///< messages
  std::uint64_t keys = 0;     ///< that have some in lanes
  lane_counts held;           ///< of these, those that wait for something else than a worker

  friend void operator+=(level& a, const level& b) noexcept;
};

/// Messages times ns.
struct level_sums {
  double in_ring = 0, own_key = 0, heads = 0, held = 0;
};

class insight_base;

class partition_levels {
public:
  // ---- the drainer ----

  /// So many messages are in the ring. Unless it `stays`, the first came at `since`, if that is not
  /// before the last visit: they have waited for somebody to look.
  void begin_visit(clock::time_point now, bool stays, coarse_time since,
                   std::uint64_t in_ring) noexcept;

  /// Its visit began at `now`. While it stays, once in tuning::between_levels is enough.
  [[nodiscard]] bool must_note(clock::time_point now, bool stays) const noexcept {
    return !stays || now - noted_ >= tuning::between_levels;
  }
  void note(clock::time_point now, std::uint64_t in_ring, std::uint64_t in_lanes,
            std::uint64_t keys, const lane_counts& held) noexcept {
    noted_ = now;
    const std::lock_guard lock(mutex_);
    integrate(now);
    level_ = {in_ring, in_lanes, keys, held};
  }

  // ---- any thread ----

  /// Before it is used.
  void belong_to(insight_base& whose) noexcept { home_ = &whose; }

  /// The level; and adds the sums since the last time.
  level take(clock::time_point now, level_sums& sums) noexcept;

private:
  void integrate(clock::time_point now) noexcept;
  void count_wait(clock::duration time, std::uint64_t messages) noexcept;

  insight_base* home_ = nullptr;
  clock::time_point noted_{}; // the drainer's

  mutex mutex_; // guards what follows
  level level_;
  clock::time_point at_{};
  level_sums sums_;
};

} // namespace convoy::detail
