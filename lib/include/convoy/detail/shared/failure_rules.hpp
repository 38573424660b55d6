#pragma once

// What a processor does about messages that fail: when they are tried again, and where dead ones go.
// Any thread.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/failure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Key, class Message>
class failure_rules {
public:
  using letter = dead_letter<Key, Message>;
  using sink = std::function<void(letter&)>;

  /// Throws std::invalid_argument.
  failure_rules(const std::optional<failure_policy>& policy,
                std::vector<exception_policy> exceptions, sink dead_letters)
      : of_outcomes_(policy.value_or(failure_policy{})),
        of_exceptions_(policy.value_or(failure_policy{.attempts = 1})),
        exceptions_(std::move(exceptions)), dead_letters_(std::move(dead_letters)) {
    check("convoy::processor: failure", of_outcomes_);
    for (std::size_t i = 0; i < exceptions_.size(); ++i) {
      const auto name = "convoy::processor: exceptions[" + std::to_string(i) + "]";
      if (exceptions_[i].matches == nullptr)
        refuse(name + ".matches", "a function (use on_exception)", "null");
      check(name + ".policy", exceptions_[i].policy);
    }
  }

  /// For what a handler threw; null: it asked for a retry.
  [[nodiscard]] const failure_policy& policy(const std::exception_ptr& error) const noexcept {
    if (!error)
      return of_outcomes_;
    for (const auto& each : exceptions_)
      if (each.matches(error))
        return each.policy;
    return of_exceptions_;
  }

  [[nodiscard]] bool has_sink() const noexcept { return static_cast<bool>(dead_letters_); }

  /// Until the retry after so many failed attempts.
  [[nodiscard]] std::chrono::nanoseconds backoff(const failure_policy& policy,
                                                 unsigned attempts) noexcept {
    if (policy.backoff.count() == 0)
      return policy.backoff; // times infinity it would be no number
    auto delay = std::min(static_cast<double>(policy.ceiling.count()),
                          static_cast<double>(policy.backoff.count()) *
                              std::pow(policy.factor, attempts - 1));
    if (policy.jitter)
      delay *= random();
    return time_span(std::chrono::duration<double, std::nano>(delay));
  }

  /// Throws what the sink throws; then it is not counted.
  void bury(letter& dead) {
    if (dead_letters_)
      dead_letters_(dead);
    count_buried();
  }
  void count_buried(std::uint32_t messages = 1) noexcept {
    buried_.fetch_add(messages, std::memory_order_release); // (3) release: tickets; pairs with (4)
  }
  [[nodiscard]] std::uint64_t buried() const noexcept {
    return buried_.load(std::memory_order_acquire); // (4) acquire: pairs with (3)
  }

  void discard() noexcept {
    discarded_.fetch_add(1, std::memory_order_release); // (3) release: as above
  }
  [[nodiscard]] std::uint64_t discarded() const noexcept {
    return discarded_.load(std::memory_order_acquire); // (4) acquire: as above
  }

  void count_parked(int change) noexcept {
    // (1) release: what the lane's handlers did; pairs with (2)
    parked_.fetch_add(static_cast<std::size_t>(change), std::memory_order_release);
  }
  [[nodiscard]] std::size_t parked() const noexcept {
    return parked_.load(std::memory_order_acquire); // (2) acquire: pairs with (1)
  }

private:
  static void check(const std::string& name, const failure_policy& policy) {
    if (policy.attempts == 0)
      refuse(name + ".attempts", "at least 1", "0");
    if (policy.backoff.count() < 0)
      refuse(name + ".backoff", "0 or more", to_text(policy.backoff));
    if (policy.ceiling < policy.backoff)
      refuse(name + ".ceiling", "at least the backoff of " + to_text(policy.backoff),
             to_text(policy.ceiling));
    if (!(policy.factor >= 1) || std::isinf(policy.factor))
      refuse(name + ".factor", "at least 1, and finite", std::to_string(policy.factor));
    if (policy.max_block.count() < 0)
      refuse(name + ".max_block", "0 or more", to_text(policy.max_block));
  }

  /// From 0 to 1: splitmix64 of a counter, so that threads need not take turns.
  double random() noexcept {
    constexpr std::uint64_t step = 0x9E3779B97F4A7C15;
    auto z = of_outcomes_.seed +
             step * (1 + drawn_.fetch_add(1, std::memory_order_relaxed)); // only counted
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-53;
  }

  const failure_policy of_outcomes_;
  const failure_policy of_exceptions_; // that none of exceptions_ matches
  const std::vector<exception_policy> exceptions_;
  const sink dead_letters_;
  atomic<std::uint64_t> buried_{0};
  atomic<std::uint64_t> discarded_{0};
  atomic<std::size_t> parked_{0};
  atomic<std::uint64_t> drawn_{0};
};

} // namespace convoy::detail
