#pragma once

#include <chrono>

namespace convoy::detail {

/// What the timer thread of a runtime rings when it is due, see scheduler::set_alarm().
class alarm {
public:
  /// On the timer thread; must return soon. It may set alarms.
  virtual void ring_alarm() noexcept = 0;

  /// Guarded by the alarm_clock's mutex.
  std::chrono::steady_clock::time_point due = std::chrono::steady_clock::time_point::max();

protected: // and no friends, so that nobody can delete one
  alarm() = default;
  ~alarm() = default;
};

} // namespace convoy::detail
