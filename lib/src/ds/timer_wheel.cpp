#include "convoy/detail/ds/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace convoy::detail {

void timer_wheel::add(timer& t, clock::time_point due) noexcept {
  t.due_tick = std::max(tick_of(due), now_) + 1;
  insert(t);
}

void timer_wheel::expire(clock::time_point now, function_ref<void(timer&)> function) noexcept {
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

clock::time_point timer_wheel::next() const noexcept {
  const auto first = first_slot();
  return first.level == levels ? clock::time_point::max()
                               : clock::time_point(clock::duration(first.begin << tick_bits));
}

/// On the wheel where its slot is another than now's, and all coarser ones agree.
void timer_wheel::insert(timer& t) noexcept {
  const auto level = (std::bit_width((t.due_tick ^ now_) | 1) - 1) / slot_bits;
  const auto slot = (t.due_tick >> (level * slot_bits)) & slot_mask;
  auto& end = slots_[level][slot];
  t.next = &end;
  t.previous = end.previous;
  end.previous = end.previous->next = &t;
  occupied_[level] |= std::uint64_t{1} << slot;
}

/// What is on a finer wheel is due earlier; on each wheel slots behind now's come first.
timer_wheel::position timer_wheel::first_slot() const noexcept {
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

} // namespace convoy::detail
