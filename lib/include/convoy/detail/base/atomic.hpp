#pragma once

// The seam between the protocols and what they stand on: atomics, locks, sleep and time. No other
// protocol in the library names std::atomic, std::mutex and the like (arena.cpp and the sinks of
// dead letters, which are none, do). So a build that has another convoy/detail/base/atomic.hpp in
// front of this one on its include path runs the same headers and sources on a model of C++ memory
// (tests/model), and one that has another atomic_type.hpp on atomics that pause at random
// (tests/stress/pausing).

#include "convoy/detail/base/atomic_type.hpp"
#include "convoy/detail/base/thread_sanitizer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace convoy::detail {

using std::call_once;
using std::condition_variable;
using std::mutex;
using std::once_flag;
using std::thread;

inline void thread_fence(std::memory_order order) noexcept {
#ifdef CONVOY_UNDER_THREAD_SANITIZER
  tsan_fence(static_cast<int>(order)); // the same; g++ warns of std's
#else
  std::atomic_thread_fence(order);
#endif
}

using clock = std::chrono::steady_clock;

inline void sleep_for(std::chrono::nanoseconds time) {
  std::this_thread::sleep_for(time);
}

/// What the calling thread is running, of a kind; null at first.
template <class T>
struct current {
  static inline constinit thread_local T* value = nullptr;
};

/// The calling thread's own T.
template <class T>
[[nodiscard]] T& of_thread() noexcept {
  static thread_local T mine;
  return mine;
}

} // namespace convoy::detail
