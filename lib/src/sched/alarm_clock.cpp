#include "sched/alarm_clock.hpp"

#include "convoy/detail/base/atomic.hpp"

#include <algorithm>

namespace convoy::detail {

alarm_clock::~alarm_clock() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable())
    thread_.join();
}

void alarm_clock::add(alarm& a) {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable())
    thread_ = thread([this] { run(); });
  alarms_.push_back(&a);
}

void alarm_clock::remove(alarm& a) noexcept {
  std::unique_lock lock(mutex_);
  std::erase(alarms_, &a);
  rang_.wait(lock, [&] { return ringing_ != &a; });
}

void alarm_clock::set(alarm& a, clock::time_point due) noexcept {
  {
    const std::lock_guard lock(mutex_);
    a.due = due;
    if (due >= wakes_at_)
      return;
    wakes_at_ = due; // it is awake as good as
  }
  changed_.notify_one();
}

bool alarm_clock::is_caller() noexcept {
  return current<alarm_clock>::value != nullptr;
}

void alarm_clock::run() noexcept {
  current<alarm_clock>::value = this;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = clock::now();
    wakes_at_ = clock::time_point::max();
    alarm* due = nullptr;
    for (auto* each : alarms_)
      if (each->due <= now)
        due = due == nullptr || each->due < due->due ? each : due;
      else
        wakes_at_ = std::min(wakes_at_, each->due);
    if (due != nullptr) { // unlocked: it may set alarms
      due->due = clock::time_point::max();
      ringing_ = due;
      lock.unlock();
      due->ring_alarm();
      lock.lock();
      ringing_ = nullptr;
      rang_.notify_all();
    } else if (wakes_at_ == clock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, wakes_at_);
    }
  }
}

} // namespace convoy::detail
