#pragma once

// In front of the library's header of this name: the same protocols, on the model (checker.hpp).

#include "checker.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace convoy::detail {

template <class T>
class atomic {
public:
  constexpr atomic() noexcept : where_(to_word(T{})) {}
  constexpr atomic(T initial) noexcept : where_(to_word(initial)) {} // NOLINT: as std::atomic
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order) const { return from_word(where_.load(order)); }
  void store(T value, std::memory_order order) { where_.store(to_word(value), order); }
  T exchange(T value, std::memory_order order) {
    return from_word(where_.modify([&](std::uint64_t) { return to_word(value); }, order));
  }
  T fetch_add(T value, std::memory_order order) {
    return change(order, [&](T old) { return static_cast<T>(old + value); });
  }
  T fetch_sub(T value, std::memory_order order) {
    return change(order, [&](T old) { return static_cast<T>(old - value); });
  }
  T fetch_or(T value, std::memory_order order) {
    return change(order, [&](T old) { return static_cast<T>(old | value); });
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order success,
                             std::memory_order failure) {
    return swap(expected, wanted, true, success, failure);
  }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order success,
                               std::memory_order failure) {
    return swap(expected, wanted, false, success, failure);
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order order) {
    return swap(expected, wanted, true, order, on_failure(order));
  }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order order) {
    return swap(expected, wanted, false, order, on_failure(order));
  }

private:
  static_assert(sizeof(T) <= sizeof(std::uint64_t));

  static constexpr std::memory_order on_failure(std::memory_order order) noexcept {
    return order == std::memory_order_acq_rel   ? std::memory_order_acquire
           : order == std::memory_order_release ? std::memory_order_relaxed
                                                : order;
  }
  static constexpr std::uint64_t to_word(T value) noexcept {
    if constexpr (std::is_pointer_v<T>) {
      return value == nullptr ? 0 : reinterpret_cast<std::uint64_t>(value);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return static_cast<std::uint64_t>(value);
    } else {
      std::uint64_t word = 0;
      std::memcpy(&word, &value, sizeof value);
      return word;
    }
  }
  static T from_word(std::uint64_t word) noexcept {
    if constexpr (std::is_pointer_v<T>) {
      return reinterpret_cast<T>(word);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return static_cast<T>(word);
    } else {
      T value;
      std::memcpy(static_cast<void*>(&value), &word, sizeof value);
      return value;
    }
  }
  template <class Function>
  T change(std::memory_order order, Function&& function) {
    return from_word(
        where_.modify([&](std::uint64_t old) { return to_word(function(from_word(old))); }, order));
  }
  bool swap(T& expected, T wanted, bool weak, std::memory_order success,
            std::memory_order failure) {
    auto word = to_word(expected);
    const bool done = where_.compare_exchange(word, to_word(wanted), weak, success, failure);
    if (!done)
      expected = from_word(word);
    return done;
  }

  model::location where_;
};

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
