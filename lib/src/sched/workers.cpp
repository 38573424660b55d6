#include "sched/workers.hpp"

#include "convoy/detail/base/asymmetric_fence.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <chrono>
#include <mutex>

namespace convoy::detail {

namespace {

constexpr auto never = clock::duration::max();

} // namespace

workers::workers(scheduler& home, alarm_clock& alarms, unsigned concurrency)
    : home_(home), alarms_(alarms), most_(concurrency) {
  if (arena::may_be_made())
    arena_.emplace(concurrency);
  tbb_comes_.store(arena_.has_value(), std::memory_order_relaxed); // nobody else is here yet
  own_.reserve(concurrency);
  alarms_.add(*this);
  try {
    const std::lock_guard lock(mutex_);
    make_one();
  } catch (...) {
    alarms_.remove(*this);
    throw;
  }
}

void workers::end() noexcept {
  alarms_.remove(*this);
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    wanted_ = 0;
  }
  change_.notify_all();
  for (auto& each : own_)
    each.join();
  own_.clear();
  arena_.reset();
}

void workers::ask() noexcept {
  const std::lock_guard lock(mutex_);
  if (ending_)
    return;
  ++wanted_;
  if (!arena_ || owed_ >= wanted_)
    return;
  try {
    arena_->enqueue(&workers::come_from_tbb, this);
    ++owed_;
  } catch (...) {                                       // no memory: as if it were late
    tbb_comes_.store(false, std::memory_order_relaxed); // a hint
  }
}

void workers::hasten() noexcept {
  // relaxed: ordered by the caller's fence, against the one in ring_alarm()
  if (armed_.load(std::memory_order_relaxed) || armed_.exchange(true, std::memory_order_relaxed))
    return;
  const bool soon = tbb_comes_.load(std::memory_order_relaxed); // a hint
  alarms_.set(*this, clock::now() + (soon ? tuning::thread_is_late_after : clock::duration(0)));
}

void workers::ring_alarm() noexcept {
  armed_.store(false, std::memory_order_relaxed); // ordered by the fence
  fence_heavy();                                  // then we look: against work, and then hasten()
  const auto again = look();
  if (again == never ||
      armed_.exchange(true, std::memory_order_relaxed)) // who has set it has set the alarm
    return;
  alarms_.set(*this, clock::now() + again);
}

/// Calls a thread if one is missing. Returns when to look again.
clock::duration workers::look() noexcept {
  if (!home_.work_waits())
    return never;
  const std::lock_guard lock(mutex_);
  if (wanted_ == 0 || called_ != 0)
    return never;
  if (tbb_comes_.load(std::memory_order_relaxed) && came_ != seen_came_) { // under mutex_
    seen_came_ = came_;
    return tuning::thread_is_late_after;
  }
  tbb_comes_.store(false, std::memory_order_relaxed); // a hint
  if (idle_ == 0)
    try {
      if (own_.size() == most_) // one of them has ended its pump just now
        return tuning::thread_is_late_after;
      make_one();
    } catch (...) {
      return tuning::make_thread_again_after;
    }
  ++called_;
  change_.notify_one();
  return never;
}

/// Under mutex_. Throws as std::thread.
void workers::make_one() {
  own_.emplace_back([this] { work(); });
  ++idle_;
}

/// An own thread.
void workers::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    change_.wait(lock, [this] { return called_ != 0 || ending_; });
    if (ending_)
      return;
    --called_;
    if (wanted_ == 0)
      continue;
    --wanted_;
    --idle_;
    lock.unlock();
    if (!arena_ || !arena_->run_here(&workers::run_pump, this))
      run_pump(this);
    lock.lock();
    ++idle_;
  }
}

/// A thread of TBB's.
void workers::come_from_tbb(void* argument) noexcept {
  auto& self = *static_cast<workers*>(argument);
  {
    const std::lock_guard lock(self.mutex_);
    --self.owed_;
    ++self.came_;
    self.tbb_comes_.store(true, std::memory_order_relaxed); // a hint
    if (self.wanted_ == 0)
      return;
    --self.wanted_;
  }
  run_pump(argument);
}

void workers::run_pump(void* argument) noexcept {
  static_cast<workers*>(argument)->home_.run_pump();
}

} // namespace convoy::detail
