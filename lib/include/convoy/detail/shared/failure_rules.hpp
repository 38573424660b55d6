#pragma once

// What a processor does about messages that fail: when they are tried again, and where dead ones
// go. Any thread.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/failure.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace convoy::detail {

// ---- what a sink of the library's own may throw besides ----

/// It is no dead letter, but nobody's any more: it counts as discarded.
struct no_dead_letter {};

/// The user's sink has thrown something else than a refusal: that is reported, once for each letter.
class sink_failed final : public dead_letter_refused {
public:
  explicit sink_failed(std::exception_ptr its)
      : dead_letter_refused("the sink of dead letters has failed"), why(std::move(its)) {}

  const std::exception_ptr why;
};

/// What needs no types: the policies, and what is counted.
class failure_policies {
public:
  /// Throws std::invalid_argument.
  failure_policies(const std::optional<failure_policy>& policy,
                   std::vector<exception_policy> exceptions);

  /// For what a handler threw; null: it asked for a retry.
  [[nodiscard]] const failure_policy& policy(const std::exception_ptr& error) const noexcept;

  /// Until the retry after so many failed attempts.
  [[nodiscard]] std::chrono::nanoseconds backoff(const failure_policy& policy,
                                                 unsigned attempts) noexcept;

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
  double random() noexcept;

  const failure_policy of_outcomes_;
  const failure_policy of_exceptions_; // that none of exceptions_ matches
  const std::vector<exception_policy> exceptions_;
  atomic<std::uint64_t> buried_{0};
  atomic<std::uint64_t> discarded_{0};
  atomic<std::size_t> parked_{0};
  atomic<std::uint64_t> drawn_{0};
};

template <class Key, class Message>
class failure_rules : public failure_policies {
public:
  using letter = dead_letter<Key, Message>;
  using sink = std::function<void(letter&)>;

  /// Throws std::invalid_argument.
  failure_rules(const std::optional<failure_policy>& policy,
                std::vector<exception_policy> exceptions, sink dead_letters)
      : failure_policies(policy, std::move(exceptions)), dead_letters_(std::move(dead_letters)) {}

  [[nodiscard]] bool has_sink() const noexcept { return static_cast<bool>(dead_letters_); }

  /// Throws what the sink throws; then it is not counted.
  void bury(letter& dead) {
    if (dead_letters_)
      dead_letters_(dead);
    count_buried();
  }

private:
  const sink dead_letters_;
};

} // namespace convoy::detail
