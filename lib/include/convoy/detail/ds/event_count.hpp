#pragma once

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>

namespace convoy::detail {

/// Where threads sleep until a condition holds that others make true without a lock. Who makes it
/// true calls notify(), which is one load while nobody waits.
class event_count {
public:
  /// A thread that sleeps looks again so often. notify(n) may have told others, and glibc before
  /// 2.41 can lose a wake-up (bug 25847).
  explicit event_count(std::chrono::milliseconds most_asleep = tuning::most_asleep)
      : most_asleep_(most_asleep), changed_() {}
  event_count(const event_count&) = delete;
  event_count& operator=(const event_count&) = delete;
  /// Nobody waits; but in a child of fork() waiting_ may stay above 0 for ever; the
  /// condition_variable's destructor would then block.
  ~event_count() {
    if (waiting_.load(std::memory_order_relaxed) == 0) // no other thread is here
      changed_.~condition_variable();
  }

  /// Sleeps until ready() is true. Ready runs after this thread can be seen waiting, so no notify()
  /// is missed. It runs once more at the deadline.
  void wait(function_ref<bool()> ready, clock::time_point deadline = clock::time_point::max());

  /// To be called after the change, which must be a seq_cst store or read-modify-write.
  void notify() noexcept {
    if (!has_waiters())
      return;
    {
      const std::lock_guard lock(mutex_);
      ++notified_;
    }
    changed_.notify_all();
  }

  /// As notify(), but wakes so many threads at most that sleep already.
  void notify(std::uint64_t most) noexcept {
    const auto waiting = waiting_.load(std::memory_order_relaxed); // if few, notify() looks again
    if (most >= waiting)
      return notify();
    {
      const std::lock_guard lock(mutex_);
      ++notified_;
    }
    for (; most != 0; --most)
      changed_.notify_one();
  }

  /// Changes with each notify() that found somebody who waits.
  [[nodiscard]] std::uint64_t notified() {
    const std::lock_guard lock(mutex_);
    return notified_;
  }

  [[nodiscard]] bool has_waiters() const noexcept {
    return waiting_.load(std::memory_order_seq_cst) !=
           0; // (2) seq_cst: after the change, against (1) in event_count.cpp
  }

private:
  const std::chrono::milliseconds most_asleep_;
  atomic<std::uint32_t> waiting_{0};
  mutex mutex_;
  union {
    condition_variable changed_;
  };
  std::uint64_t notified_ = 0;
};

} // namespace convoy::detail
