#pragma once

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <cstdint>

namespace convoy::detail {

/// A submit that waits for room. If its thread runs a task of oneTBB, in an arena that is not the
/// runtime's, a handler may have started that task and wait for it. Nobody can tell, so such a wait
/// is over when for a second no room has come, while some worker was always in a handler.
class task_wait {
public:
  /// `notified` changes when room comes.
  task_wait(const scheduler& where, std::uint64_t notified) noexcept
      : scheduler_(where), ends_(runs_tbb_task()), notified_(notified), since_(clock::now()) {
    if (ends_ && last_.where == &where && since_ - last_.ended < tuning::same_task_wait)
      since_ -= tuning::most_task_wait; // a loop's next submit: not a second for each
  }

  /// To be asked often.
  [[nodiscard]] bool is_over(std::uint64_t notified) noexcept {
    if (!ends_)
      return false;
    const auto now = clock::now();
    if (notified != notified_ || !scheduler_.is_busy()) {
      notified_ = notified;
      since_ = now;
    }
    if (now - since_ < tuning::most_task_wait)
      return false;
    last_ = {&scheduler_, now};
    return true;
  }

private:
  struct wait {
    const scheduler* where;
    clock::time_point ended;
  };
  static inline constinit thread_local wait last_{}; // of this thread that was over

  const scheduler& scheduler_;
  const bool ends_;
  std::uint64_t notified_;
  clock::time_point since_;
};

} // namespace convoy::detail
