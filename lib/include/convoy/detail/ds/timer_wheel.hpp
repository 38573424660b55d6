#pragma once

// Timers of a partition: a hierarchical timing wheel (Varghese and Lauck, 1987), eight wheels of 64
// slots. Adding, removing and expiring cost the same however many there are: a timer moves to a
// finer wheel seven times at most. Only the drainer touches it.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace convoy::detail {

struct timer_link {
  timer_link() = default;
  timer_link(const timer_link&) = delete;
  timer_link& operator=(const timer_link&) = delete;
  ~timer_link() = default;

  timer_link* next = this;
  timer_link* previous = this;
};

/// What a timer is part of.
enum class timer_of : unsigned char { hold, idle_state, scheduled, awaiting };

struct timer : timer_link {
  explicit timer(timer_of whole = timer_of::hold) noexcept : of(whole) {}

  std::uint64_t due_tick = 0;
  const timer_of of;

  [[nodiscard]] bool is_set() const noexcept { return next != this; }
};

class timer_wheel {
public:
  explicit timer_wheel(clock::time_point now) noexcept : now_(tick_of(now)) {}
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  ~timer_wheel() = default;

  /// The timer must be in no wheel. It expires at `due` or a tick (131 us) later.
  void add(timer& t, clock::time_point due) noexcept;

  static void remove(timer& t) noexcept {
    t.next->previous = t.previous;
    t.previous->next = t.next; // if its slot is empty now, expire() will find out
    t.next = t.previous = &t;
  }

  /// Calls function(timer&) for each timer that is due, in the order of their ticks and of add();
  /// then it is in no wheel. The function may add and remove any.
  void expire(clock::time_point now, function_ref<void(timer&)> function) noexcept;

  /// When expire() should be called next; time_point::max(): there is no timer. May be early.
  [[nodiscard]] clock::time_point next() const noexcept;

private:
  static constexpr unsigned tick_bits = tuning::timer_tick_bits;
  static constexpr unsigned slot_bits = 6;
  static constexpr std::size_t levels =
      8; // 48 bits of ticks: more than a clock's 63 of nanoseconds
  static constexpr std::uint64_t slot_mask = (1u << slot_bits) - 1;

  /// Of a slot.
  struct position {
    std::size_t level;
    std::size_t slot;
    std::uint64_t begin; ///< tick
  };

  static std::uint64_t tick_of(clock::time_point time) noexcept {
    const std::chrono::nanoseconds since = time.time_since_epoch(); // whatever the clock counts in
    return static_cast<std::uint64_t>(since.count()) >> tick_bits;
  }

  void insert(timer& t) noexcept;
  [[nodiscard]] position first_slot() const noexcept;

  std::uint64_t now_;                   // tick; everything due until then has expired
  std::uint64_t occupied_[levels] = {}; // a bit for each slot that may have timers
  std::array<std::array<timer_link, slot_mask + 1>, levels> slots_;
};

} // namespace convoy::detail
