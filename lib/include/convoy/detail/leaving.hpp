#pragma once

// The rest of partition: how its drainer gives the role up, so that nothing is left behind, and how
// memory is given back in between.

#include "convoy/detail/partition.hpp"

#include <cstdint>

namespace convoy::detail {

template <class Key, class Message, class State, class Hash, class Equal>
bool partition<Key, Message, State, Hash, Equal>::trim(pump& self) noexcept {
  if (!has_spares())
    return true;
  if (!take_role()) {
    spares_.ask();
    return true;
  }
  recycle();
  const bool all = spares_.trim(lanes_, ring);
  spares_.note(lanes_, ring);
  if (!leave())
    self.push_visit(*this);
  return all;
}

template <class Key, class Message, class State, class Hash, class Equal>
bool partition<Key, Message, State, Hash, Equal>::leave() noexcept {
  const auto next = ring.next_ticket();
  const auto asked = drain_point_.seen();
  if (ring.tickets() == next.ticket) {
    give_up_role();
    return !(ring.tickets() != next.ticket || more_work(asked)) || !take_role();
  }
  if (ring.peek() != ring_type::state::pending)
    return false;
  if (++patience_ % 16 != 0) { // it takes nanoseconds to publish
    for (unsigned i = 0; i < 8; ++i)
      pause();
    return false;
  }
  return leave_to_producer(next, asked);
}

/// A producer has taken the next ticket but does not get on, perhaps it was preempted. Its
/// signal() comes after its publication: after this fence either we see the publication, or it
/// will see that nobody is responsible.
template <class Key, class Message, class State, class Hash, class Equal>
bool partition<Key, Message, State, Hash, Equal>::leave_to_producer(
    typename ring_type::lookout next, std::uint64_t asked) noexcept {
  lookers_.fetch_add(1, std::memory_order_relaxed); // the next drainer sees it with the role
  give_up_role();
  fence_heavy();
  const bool more = ring_type::published(next) || more_work(asked);
  // (13) release: we are done with the segment; pairs with (14) in partition.hpp
  lookers_.fetch_sub(1, std::memory_order_release);
  return !more || !take_role();
}

} // namespace convoy::detail
