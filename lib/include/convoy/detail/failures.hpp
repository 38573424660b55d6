#pragma once

// What a processor does about messages that fail: when they are tried again, and where dead ones go.
// There is none for processors that ask for nothing of it. Any thread.

#include "convoy/failure.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <utility>

namespace convoy::detail {

template <class Key, class Message>
class failures {
public:
  using letter = dead_letter<Key, Message>;
  using sink = std::function<void(letter&)>;

  /// Throws std::invalid_argument.
  failures(failure_policy policy, sink dead_letters)
      : policy_(policy), dead_letters_(std::move(dead_letters)) {
    const auto zero = std::chrono::nanoseconds(0);
    if (policy.attempts == 0)
      throw std::invalid_argument("convoy: failure_policy::attempts must be at least 1");
    if (policy.backoff < zero || policy.ceiling < policy.backoff)
      throw std::invalid_argument(
          "convoy: failure_policy::backoff must be 0 or more, and at most ceiling");
    if (!(policy.factor >= 1) || std::isinf(policy.factor))
      throw std::invalid_argument("convoy: failure_policy::factor must be at least 1, and finite");
    if (policy.max_block < zero)
      throw std::invalid_argument("convoy: failure_policy::max_block must not be negative");
  }

  [[nodiscard]] const failure_policy& policy() const noexcept { return policy_; }
  [[nodiscard]] bool has_sink() const noexcept { return static_cast<bool>(dead_letters_); }

  /// Until the retry after so many failed attempts.
  [[nodiscard]] std::chrono::nanoseconds backoff(unsigned attempts) noexcept {
    if (policy_.backoff.count() == 0)
      return policy_.backoff;          // times infinity it would be no number
    constexpr double century = 3.2e18; // in nanoseconds; more does not fit
    const auto longest = std::min(century, static_cast<double>(policy_.ceiling.count()));
    auto delay = std::min(longest, static_cast<double>(policy_.backoff.count()) *
                                       std::pow(policy_.factor, attempts - 1));
    if (policy_.jitter)
      delay *= random();
    return std::chrono::nanoseconds(static_cast<std::int64_t>(delay));
  }

  /// Throws what the sink throws.
  void bury(letter& dead) {
    buried_.fetch_add(1, std::memory_order_relaxed); // only counted
    if (dead_letters_)
      dead_letters_(dead);
  }

  [[nodiscard]] std::uint64_t buried() const noexcept {
    return buried_.load(std::memory_order_relaxed); // only counted
  }

  void count_parked(int change) noexcept {
    // (1) release: what the lane's handlers did; pairs with (2)
    parked_.fetch_add(static_cast<std::size_t>(change), std::memory_order_release);
  }
  [[nodiscard]] std::size_t parked() const noexcept {
    return parked_.load(std::memory_order_acquire); // (2) acquire: pairs with (1)
  }

private:
  /// From 0 to 1: splitmix64 of a counter, so that threads need not take turns.
  double random() noexcept {
    constexpr std::uint64_t step = 0x9E3779B97F4A7C15;
    auto z =
        policy_.seed + step * (1 + drawn_.fetch_add(1, std::memory_order_relaxed)); // only counted
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-53;
  }

  const failure_policy policy_;
  const sink dead_letters_;
  std::atomic<std::uint64_t> buried_{0};
  std::atomic<std::size_t> parked_{0};
  std::atomic<std::uint64_t> drawn_{0};
};

} // namespace convoy::detail
