#pragma once

// In front of the library's header of this name: the same protocols, on the model (checker.hpp).

#include "checker.hpp"
#include "convoy/detail/base/atomic_type.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace convoy::detail {

inline void thread_fence(std::memory_order order) {
  model::fence(order);
}

class mutex {
public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  void lock() { model::lock(this); }
  bool try_lock() { return model::try_lock(this); }
  void unlock() { model::unlock(this); }

private:
  char address_ = 0;
};

class condition_variable {
public:
  condition_variable() = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  void notify_one() { model::notify(this, false); }
  void notify_all() { model::notify(this, true); }
  void wait(std::unique_lock<mutex>& lock) { (void)model::wait(this, lock.mutex(), forever); }
  template <class Ready>
  void wait(std::unique_lock<mutex>& lock, Ready&& ready) {
    while (!ready())
      wait(lock);
  }
  template <class Ready>
  bool wait_for(std::unique_lock<mutex>& lock, std::chrono::nanoseconds most, Ready&& ready) {
    while (!ready())
      if (!model::wait(this, lock.mutex(), most))
        return ready();
    return true;
  }
  void wait_until(std::unique_lock<mutex>& lock, std::chrono::steady_clock::time_point until) {
    (void)model::wait(this, lock.mutex(), until.time_since_epoch() - model::now());
  }

private:
  static constexpr auto forever = std::chrono::nanoseconds::max();
  char address_ = 0;
};

class thread {
public:
  thread() = default;
  template <class Function>
  explicit thread(Function&& body) : number_(model::start(std::forward<Function>(body))) {}
  thread(thread&& other) noexcept : number_(std::exchange(other.number_, 0)) {}
  thread& operator=(thread&& other) noexcept {
    number_ = std::exchange(other.number_, 0);
    return *this;
  }
  [[nodiscard]] bool joinable() const noexcept { return number_ != 0; }
  void join() { model::join(std::exchange(number_, 0)); }

private:
  unsigned number_ = 0;
};

class once_flag {
public:
  template <class Function>
  void call(Function&& function) {
    const std::lock_guard lock(mutex_);
    if (!done_)
      function();
    done_ = true;
  }

private:
  mutex mutex_;
  bool done_ = false;
};
template <class Function>
void call_once(once_flag& once, Function&& function) {
  once.call(std::forward<Function>(function));
}

struct clock : std::chrono::steady_clock {
  static time_point now() noexcept { return time_point(model::now()); }
};

inline void sleep_for(std::chrono::nanoseconds time) {
  model::sleep(time);
}

template <class T>
class fiber_local {
public:
  operator T*() const { return static_cast<T*>(model::local(this)); } // NOLINT: as a pointer
  fiber_local& operator=(T* value) {
    model::local(this) = value;
    return *this;
  }
};
template <class T>
struct current {
  static inline fiber_local<T> value{};
};

template <class T>
[[nodiscard]] T& of_thread() noexcept {
  static const char key = 0;
  auto*& mine = model::local(&key);
  if (mine == nullptr)
    mine = new T; // until the run's end
  return *static_cast<T*>(mine);
}

} // namespace convoy::detail
