#pragma once

// How many messages of a partition are unfinished and why they wait, over time. By Little's law the
// time that all messages have waited is the integral of how many wait; of those that are unfinished
// one per key waits for a worker, for a retry, or runs, and the others wait for it. The drainer notes
// it at the end of a visit, and while it stays now and then.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/observer.hpp"
#include "convoy/snapshot.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace convoy::detail {

/// Keys that joint messages have. A message may become ready in another partition than where its
/// lanes are, so only the sums of all partitions are right.
struct joint_keys {
  std::int64_t waiting = 0; ///< for its turn in another one
  std::int64_t beside = 0;  ///< of those that are ready or run: but for one of each
};

struct level {
  std::uint64_t in_ring = 0;  ///< messages
  std::uint64_t in_lanes = 0; ///< messages
  std::uint64_t keys = 0;     ///< that have some in lanes
  lane_counts held;           ///< of these, those that wait for something else than a worker
  joint_keys joint;           ///< others of these

  friend void operator+=(level& a, const level& b) noexcept;
};

/// What the lanes of a partition have, one by one.
struct survey {
  static constexpr std::size_t most = 32;

  struct held_lane {
    std::uint64_t hash = 0;
    std::string label;
    hold_reason why = hold_reason::retry;
    clock::time_point since{};
    clock::time_point until = clock::time_point::max(); ///< max(): not known
    std::uint64_t messages = 0;
    unsigned attempts = 0;
  };
  struct depth {
    std::uint64_t hash = 0;
    std::uint32_t messages = 0;
  };

  clock::time_point oldest = clock::time_point::max(); ///< max(): nothing is unfinished
  std::vector<held_lane> held;                         ///< those that have been held longest
  std::vector<depth> deepest;                          ///< those with the most messages
};

/// Keys that wait for something else than a worker.
[[nodiscard]] std::size_t count_held(const lane_counts& c) noexcept;

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

  /// The visit that began at `now` ends. True: note(); while it stays, once in
  /// tuning::between_levels is enough.
  [[nodiscard]] bool end_visit(clock::time_point now, bool stays) noexcept {
    waits_since_.store(0, std::memory_order_relaxed); // only told
    return !stays || now - noted_ >= tuning::between_levels;
  }
  void note(clock::time_point now, std::uint64_t in_ring, std::uint64_t in_lanes,
            std::uint64_t keys, const lane_counts& held, const joint_keys& joint) noexcept {
    noted_ = now;
    const std::lock_guard lock(mutex_);
    integrate(now);
    level_ = {in_ring, in_lanes, keys, held, joint};
  }

  /// It is time for a survey, which looks at all lanes; `drains`: who visits often.
  [[nodiscard]] bool must_survey(clock::time_point now, bool drains) const noexcept {
    return now - surveyed_ >=
           (drains ? std::max<clock::duration>(rest_, tuning::between_surveys) : rest_);
  }
  /// When the last one ended; time_point{}: there was none.
  [[nodiscard]] clock::time_point surveyed() const noexcept { return surveyed_; }
  /// Whoever began to look at `begun` has seen it.
  void note_survey(clock::time_point begun, survey&& seen) noexcept {
    surveyed_ = clock::now();
    rest_ = (surveyed_ - begun) * tuning::most_share_of_looks;
    const std::lock_guard lock(mutex_);
    survey_ = std::move(seen);
  }

  // ---- any thread ----

  /// Who has a message finds nobody in the role, and asks for a visit.
  void ask_for_visit() noexcept;

  /// Somebody has asked for a visit, or is in one, for so long. time_point::max(): neither.
  [[nodiscard]] clock::time_point waits_since() const noexcept {
    const auto since = waits_since_.load(std::memory_order_relaxed); // only told
    return since == 0 ? clock::time_point::max() : clock::time_point(clock::duration(since));
  }

  /// Before it is used.
  void belong_to(insight_base& whose) noexcept { home_ = &whose; }

  /// The level; and adds the sums since the last time.
  level take(clock::time_point now, level_sums& sums) noexcept;

  /// The level, as it was noted last.
  [[nodiscard]] level now() noexcept {
    const std::lock_guard lock(mutex_);
    return level_;
  }
  [[nodiscard]] survey last_survey() {
    const std::lock_guard lock(mutex_);
    return survey_;
  }

private:
  void integrate(clock::time_point now) noexcept;
  void count_wait(clock::duration time, std::uint64_t messages) noexcept;

  insight_base* home_ = nullptr;
  atomic<clock::rep> waits_since_{0};
  clock::time_point noted_{}; // the drainer's
  clock::time_point surveyed_{};
  clock::duration rest_{0}; // until the next

  mutex mutex_; // guards what follows
  level level_;
  clock::time_point at_{};
  level_sums sums_;
  survey survey_;
};

} // namespace convoy::detail
