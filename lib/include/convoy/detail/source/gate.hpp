#pragma once

#include "convoy/detail/base/atomic.hpp"

#include <cstdint>
#include <utility>

namespace convoy::detail {

/// Lets handlers in until it is closed, and tells when those that are in have left.
///
/// The word: bit 0 says that it is closed, the rest counts those inside.
///
///   enter   any thread   adds one; if it then finds the bit, it takes it back and was not let in
///   stay    any thread   adds some, whether it is closed or not: more of who is inside, or of who
///                        keeps the gate's memory alive otherwise
///   leave   any thread   takes one back; the gate may be gone then
///   close   the reader   sets the bit, for good
///   empty   the reader   after close(): true once all have left, and nobody enters any more
///
/// All are read-modify-writes of one word, so a close() is before or after each enter(): there is no
/// third case, and no fence. Wait-free.
class gate {
public:
  [[nodiscard]] bool enter() noexcept {
    // relaxed: who is let in has what it needs from its lane; who is not touches nothing
    if ((word_.fetch_add(one_inside, std::memory_order_relaxed) & closed) == 0) [[likely]]
      return true;
    leave();
    return false;
  }

  void stay(std::uint64_t times = 1) noexcept {
    word_.fetch_add(times * one_inside, std::memory_order_relaxed); // publishes nothing
  }

  void leave() noexcept {
    // (1) seq_cst: release, what was done inside; pairs with the acquire (2). And before a notify()
    // after it: its reader waits, see (1) in event_count.cpp, and then looks here
    word_.fetch_sub(one_inside, std::memory_order_seq_cst);
  }

  void close() noexcept {
    word_.fetch_or(closed, std::memory_order_relaxed); // publishes nothing
  }

  [[nodiscard]] bool is_closed() const noexcept {
    return (word_.load(std::memory_order_relaxed) & closed) != 0; // may be old: enter() is exact
  }

  [[nodiscard]] bool empty() const noexcept {
    // (2) acquire: what was done inside; pairs with the seq_cst (1)
    return word_.load(std::memory_order_acquire) < one_inside;
  }

private:
  static constexpr std::uint64_t closed = 1, one_inside = 2;

  atomic<std::uint64_t> word_{0};
};

/// Inside a gate, until it goes or is handed on.
class way_out {
public:
  explicit way_out(gate& entered) noexcept : of_(&entered) {}
  way_out(const way_out&) = delete;
  way_out& operator=(const way_out&) = delete;
  ~way_out() {
    if (of_ != nullptr)
      of_->leave();
  }

  /// Somebody else leaves it.
  [[nodiscard]] gate* hand_on() noexcept { return std::exchange(of_, nullptr); }

private:
  gate* of_;
};

} // namespace convoy::detail
