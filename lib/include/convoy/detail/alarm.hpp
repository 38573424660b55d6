#pragma once

#include <chrono>

namespace convoy::detail {

/// What the timer thread of a runtime rings when it is due, see scheduler::set_alarm().
class alarm {
public:
  /// On the timer thread; must return soon. It may set alarms.
  virtual void ring_alarm() noexcept = 0;

protected:
  alarm() = default;
  ~alarm() = default;

private:
  friend class alarm_clock;
  std::chrono::steady_clock::time_point due_ = std::chrono::steady_clock::time_point::max();
};

} // namespace convoy::detail
