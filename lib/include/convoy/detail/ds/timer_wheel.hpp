#pragma once

// Timers of a partition: a hierarchical timing wheel (Varghese and Lauck, 1987), eight wheels of 64
// slots. Adding, removing and expiring cost the same however many there are: a timer moves to a finer
// wheel seven times at most. Only the drainer touches it.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

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
enum class timer_of : unsigned char { hold, idle_state, scheduled };

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
  void add(timer& t, clock::time_point due) noexcept {
    t.due_tick = std::max(tick_of(due), now_) + 1;
    insert(t);
  }

  static void remove(timer& t) noexcept {
    t.next->previous = t.previous;
    t.previous->next = t.next; // if its slot is empty now, expire() will find out
    t.next = t.previous = &t;
  }

  /// Calls function(timer&) for each timer that is due, in the order of their ticks and of add();
  /// then it is in no wheel. The function may add and remove any.
  template <class Function>
  void expire(clock::time_point now, Function&& function) noexcept {
    const auto until = tick_of(now);
    for (auto first = first_slot(); first.level != levels && first.begin <= until;
         first = first_slot()) {
      now_ = first.begin;
      occupied_[first.level] &= ~(std::uint64_t{1} << first.slot);
      auto& slot = slots_[first.level][first.slot];
      if (slot.next == &slot) // all removed
        continue;
      timer_link list;
      list.next = std::exchange(slot.next, &slot);
      list.previous = std::exchange(slot.previous, &slot);
      list.next->previous = list.previous->next = &list;
      while (list.next != &list) {
        auto& t = static_cast<timer&>(*list.next);
        remove(t);
        if (t.due_tick <= now_)
          function(t);
        else
          insert(t);
      }
    }
    now_ = std::max(now_, until);
  }

  /// When expire() should be called next; time_point::max(): there is no timer. May be early.
  [[nodiscard]] clock::time_point next() const noexcept {
    const auto first = first_slot();
    return first.level == levels ? clock::time_point::max()
                                 : clock::time_point(clock::duration(first.begin << tick_bits));
  }

private:
  static constexpr unsigned tick_bits = tuning::timer_tick_bits;
  static constexpr unsigned slot_bits = 6;
  static constexpr std::size_t levels =
      8; // 48 bits of ticks: more than a clock's 63 of nanoseconds
  static constexpr std::uint64_t slot_mask = (1u << slot_bits) - 1;

  struct place {
    std::size_t level;
    std::size_t slot;
    std::uint64_t begin; ///< tick
  };

  static std::uint64_t tick_of(clock::time_point time) noexcept {
    const std::chrono::nanoseconds since = time.time_since_epoch(); // whatever the clock counts in
    return static_cast<std::uint64_t>(since.count()) >> tick_bits;
  }

  /// On the wheel where its slot is another than now's, and all coarser ones agree.
  void insert(timer& t) noexcept {
    const auto level = (std::bit_width((t.due_tick ^ now_) | 1) - 1) / slot_bits;
    const auto slot = (t.due_tick >> (level * slot_bits)) & slot_mask;
    auto& end = slots_[level][slot];
    t.next = &end;
    t.previous = end.previous;
    end.previous = end.previous->next = &t;
    occupied_[level] |= std::uint64_t{1} << slot;
  }

  /// What is on a finer wheel is due earlier; on each wheel slots behind now's come first.
  [[nodiscard]] place first_slot() const noexcept {
    for (std::size_t level = 0; level < levels; ++level)
      if (occupied_[level] != 0) {
        const auto shift = level * slot_bits;
        const auto here = (now_ >> shift) & slot_mask;
        const auto ahead = occupied_[level] >> here; // none is behind: it would be over
        const auto slot = here + static_cast<std::size_t>(std::countr_zero(ahead));
        const auto turn = now_ >> shift >> slot_bits << slot_bits;
        return {level, slot, std::max(now_, (turn + slot) << shift)};
      }
    return {levels, 0, 0};
  }

  std::uint64_t now_;                   // tick; everything due until then has expired
  std::uint64_t occupied_[levels] = {}; // a bit for each slot that may have timers
  std::array<std::array<timer_link, slot_mask + 1>, levels> slots_;
};

} // namespace convoy::detail
