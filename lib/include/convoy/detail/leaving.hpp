#pragma once

// The rest of partition: how its drainer gives the role up, so that nothing is left behind, and how
// memory is given back in between.

#include "convoy/detail/partition.hpp"
#include "convoy/detail/patience.hpp"

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
  ring.recycle();
  const bool all = spares_.trim(lanes_, troubles, ring, limits);
  spares_.note(lanes_, troubles, ring, limits);
  if (!leave())
    self.push_visit(*this);
  return all;
}

template <class Key, class Message, class State, class Hash, class Equal>
bool partition<Key, Message, State, Hash, Equal>::leave() noexcept {
  const auto next = ring.consumed();
  const auto asked = drain_point_.seen();
  if (ring.tickets() == next) {
    give_up_role();
    return !(ring.tickets() != next || more_work(asked)) || !take_role();
  }
  if (ring.peek() != ring_type::state::pending)
    return false;
  if (++looks_ % looks_at_ticket != 0) { // it takes nanoseconds to publish
    for (unsigned i = 0; i < 8; ++i)
      pause();
    return false;
  }
  return leave_to_producer(asked);
}

/// A producer has taken the next ticket but does not get on, perhaps it was preempted. Its
/// signal() comes after its publication: after this fence either we see the publication, or it
/// will see that nobody is responsible.
template <class Key, class Message, class State, class Hash, class Equal>
bool partition<Key, Message, State, Hash, Equal>::leave_to_producer(std::uint64_t asked) noexcept {
  const auto next = ring.look_out();
  give_up_role();
  fence_heavy();
  return !(ring_type::published(next) || more_work(asked)) || !take_role();
}

} // namespace convoy::detail
