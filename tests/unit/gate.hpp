#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

/// How long a test waits for what must happen. Long, because it ends a failing test, not a slow
/// one.
inline constexpr std::chrono::seconds patience{120};

/// True as soon as the condition holds; false if it never does.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return true;
}

/// Holds threads back until it is opened. A test that fails before it opens the gate still ends.
class gate {
public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++visitors_;
    changed_.notify_all();
    if (!changed_.wait_for(lock, patience, [this] { return open_; }))
      ADD_FAILURE() << "nobody opened the gate";
  }

  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  /// Returns when so many threads have come to the gate.
  void await_visitors(std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return visitors_ >= count; }))
      ADD_FAILURE() << "only " << visitors_ << " came to the gate";
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::size_t visitors_ = 0;
};
