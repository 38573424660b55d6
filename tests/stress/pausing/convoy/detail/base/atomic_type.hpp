#pragma once

// In front of the library's header of this name: the same protocols on the same atomics, but threads pause at random
// around all that others could see: before a store, and on both sides of a read-modify-write, so that
// what is claimed is not yet published for longer than a processor ever takes. Drawn from CONVOY_SEED, by thread.
// CONVOY_PAUSES=0: never.

#include "oracle.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <thread>

namespace convoy::detail {

class pauses {
public:
  /// Mostly does nothing; else lets another thread have the core, at times for long.
  static void draw() noexcept {
    static thread_local pauses mine;
    if (mine.may_pause_ && --mine.steps_ == 0)
      mine.pause();
  }

private:
  pauses() noexcept {
    static std::atomic<std::uint64_t> threads{0};
    const auto number = threads.fetch_add(1, std::memory_order_relaxed);
    state_ = (test::seed() + number) * 0x9E3779B97F4A7C15 | 1;
    const char* const wanted = std::getenv("CONVOY_PAUSES");
    may_pause_ = wanted == nullptr || *wanted != '0';
    steps_ = 1 + next() % 64;
  }

  std::uint64_t next() noexcept { // xorshift64
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }
  void pause() noexcept {
    steps_ = 1 + next() % 128;
    const auto what = next() % 64;
    if (what == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(next() % 100));
    else if (what < 32)
      std::this_thread::yield();
    else
      for (auto i = next() % 256; i != 0; --i)
        std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  std::uint64_t state_;
  std::uint64_t steps_ = 0; // until the next
  bool may_pause_;
};

template <class T>
class atomic {
public:
  constexpr atomic() noexcept = default;
  constexpr atomic(T initial) noexcept : value_(initial) {} // NOLINT: as std::atomic
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order) const noexcept { return value_.load(order); }
  void store(T value, std::memory_order order) noexcept {
    pauses::draw();
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order) noexcept {
    const around here;
    return value_.exchange(value, order);
  }
  T fetch_add(T value, std::memory_order order) noexcept {
    const around here;
    return value_.fetch_add(value, order);
  }
  T fetch_sub(T value, std::memory_order order) noexcept {
    const around here;
    return value_.fetch_sub(value, order);
  }
  T fetch_or(T value, std::memory_order order) noexcept {
    const around here;
    return value_.fetch_or(value, order);
  }
  template <class... Orders>
  bool compare_exchange_weak(T& expected, T wanted, Orders... orders) noexcept {
    const around here;
    return value_.compare_exchange_weak(expected, wanted, orders...);
  }
  template <class... Orders>
  bool compare_exchange_strong(T& expected, T wanted, Orders... orders) noexcept {
    const around here;
    return value_.compare_exchange_strong(expected, wanted, orders...);
  }

private:
  struct around {
    around() noexcept { pauses::draw(); }
    ~around() { pauses::draw(); }
    around(const around&) = delete;
    around& operator=(const around&) = delete;
  };

  std::atomic<T> value_{};
};

inline constexpr std::size_t flags_at_once = 8;

/// As the library's, but one by one.
[[nodiscard]] inline std::uint64_t look_at_flags(const atomic<bool>* first) {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < flags_at_once; ++i)
    seen |= std::uint64_t{first[i].load(std::memory_order_relaxed)} << (8 * i);
  return seen;
}

} // namespace convoy::detail
