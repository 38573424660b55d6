#pragma once

#include "convoy/detail/base/atomic.hpp"

#include <chrono>
#include <mutex>

namespace convoy::detail {

/// A counting semaphore with a timed wait on the steady clock. (libstdc++ 12's
/// std::counting_semaphore can sleep for ever, PR 104928; moodycamel's waits on the wall clock,
/// which jumps.)
class semaphore {
public:
  void signal() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_one(); // outside the lock, which the woken thread needs
  }

  /// False: nobody signalled in time.
  [[nodiscard]] bool wait_for(std::chrono::microseconds timeout) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, timeout, [this] { return count_ != 0; }))
      return false;
    --count_;
    return true;
  }

private:
  mutex mutex_;
  condition_variable changed_;
  unsigned count_ = 0;
};

} // namespace convoy::detail
