#pragma once

// The processors of a scheduler, which keep memory for their next messages, and give back what they
// have not needed between two looks.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

namespace convoy::detail {

class trimmer {
public:
  void add(trimmable& t) {
    const std::lock_guard lock(mutex_);
    all_.push_back(&t);
  }

  /// Waits for a trim() that is under way.
  void remove(trimmable& t) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase(all_, &t);
  }

  [[nodiscard]] bool empty() noexcept {
    const std::lock_guard lock(mutex_);
    return all_.empty();
  }

  /// It is time for a trim(), and there is something to trim that nobody is at. Never waits.
  [[nodiscard]] bool should_trim(clock::time_point now) noexcept {
    if (now < next_trim_.load(std::memory_order_relaxed)) // whoever trimmed will ask again, too
      return false;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    return lock && std::ranges::any_of(all_, [](auto* each) { return each->has_spares(); });
  }

  /// To be called often: trims if it is time for it. Never waits.
  void trim(pump& self, clock::time_point now) noexcept {
    if (now < next_trim_.load(std::memory_order_relaxed)) // a first look
      return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || now < next_trim_.load(std::memory_order_relaxed)) // under mutex_
      return;
    bool all = true;
    for (auto* each : all_)
      all &= each->trim(self);
    const auto next = all ? now + tuning::trim_time : now;
    next_trim_.store(next, std::memory_order_relaxed); // under mutex_
  }

private:
  atomic<clock::time_point> next_trim_{clock::time_point{}};
  mutex mutex_; // guards what follows, and the growth of next_trim_
  std::vector<trimmable*> all_;
};

} // namespace convoy::detail
