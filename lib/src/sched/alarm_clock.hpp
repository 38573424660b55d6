#pragma once

// The timer thread of a runtime: it rings each alarm when it is due, and sleeps until the next one
// is. A partition has one alarm, for the first of its timers (timer_wheel.hpp), so there are few of
// them and looking through them all is cheap.

#include "convoy/detail/base/alarm.hpp"
#include "convoy/detail/base/atomic.hpp"

#include <chrono>
#include <vector>

namespace convoy::detail {

/// All members may be called by any thread.
class alarm_clock {
public:
  alarm_clock() = default;
  alarm_clock(const alarm_clock&) = delete;
  alarm_clock& operator=(const alarm_clock&) = delete;
  ~alarm_clock();

  /// The first one, which is that of `workers`, starts the thread. Throws std::bad_alloc, and then
  /// std::system_error (no thread could be made).
  void add(alarm& a);

  /// Waits while it rings. Not while it rings on the calling thread.
  void remove(alarm& a) noexcept;

  /// To ring at `due`, once, instead of when it was to ring before. A short lock.
  void set(alarm& a, clock::time_point due) noexcept;

  /// The calling thread is the timer thread of some runtime.
  [[nodiscard]] static bool is_caller() noexcept;

private:
  void run() noexcept;

  mutex mutex_; // guards what follows
  std::vector<alarm*> alarms_;
  alarm* ringing_ = nullptr;
  clock::time_point wakes_at_ = clock::time_point::max(); // the thread, by itself
  bool stopping_ = false;
  condition_variable changed_;
  condition_variable rang_;
  thread thread_;
};

} // namespace convoy::detail
