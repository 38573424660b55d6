#pragma once

// A ticket_ring for models. Messages are so large that a segment has eight cells, so a few tickets come to
// the next one.

#include "convoy/detail/ds/ticket_ring.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

namespace model {

struct large {
  int number;
  std::byte rest[1000];
};
using ring = convoy::detail::ticket_ring<int, large, false>;
static_assert(ring::cells::segment_cells == 8);

inline void publish(ring& r, std::uint64_t ticket, int number) {
  auto& cell = r.at(ticket);
  ::new (static_cast<void*>(&cell.key)) int(0);
  ::new (static_cast<void*>(&cell.message)) large;
  cell.message.number = number;
  ring::publish(cell, ticket);
}

/// As submitter does, with the credit that the ring has.
inline bool put(ring& r, int number) {
  auto ticket = r.must_look() ? ring::no_ticket : r.claim();
  while (ticket == ring::no_ticket) {
    if (r.closed() || !r.grow(1))
      return false;
    ticket = r.claim();
  }
  publish(r, ticket, number);
  return true;
}

/// The number of the next message; 0: void; -1: none yet.
inline int take(ring& r) {
  const auto next = r.peek();
  if (next == ring::state::pending)
    return -1;
  const bool is_message = next == ring::state::message || next == ring::state::counted_message;
  const int number = is_message ? r.current().message.number : 0;
  r.consume();
  return number;
}

} // namespace model
