#pragma once

// Tells threads that wait for room in a full processor that a partition has some. Only the drainer
// touches it.
//
// Room for n messages wakes n threads at most, else all would come for a place that one gets. While
// room is scarce one thread is woken for many places: it takes them without sleeping in between.
// When there is plenty, or the partition comes to rest, all places that nobody was told of are
// told. What that leaves (slow handlers between two visits, a thread that was woken and throws) is
// found by the threads that sleep: they look every 10 ms, see event_count.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/event_count.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace convoy::detail {

class room_notifier {
public:
  /// Of a processor with so many places. If keys have limits of their own, who is woken may wait
  /// for another key: then all are.
  room_notifier(event_count& room, std::uint64_t places, bool keys_are_limited) noexcept
      : room_(room),
        places_per_thread_(std::clamp(places / tuning::part_of_places, std::uint64_t{1},
                                      tuning::most_places_per_thread)),
        keys_are_limited_(keys_are_limited) {}

  /// So many places were added to the ring.
  void add(std::uint64_t places) noexcept {
    untold_ += places;
    fresh_ += places;
  }

  template <class Ring>
  void tell(const Ring& ring, bool comes_to_rest) noexcept {
    if (untold_ == 0)
      return;
    if (!room_.has_waiters()) { // from here on who waits has seen the room
      untold_ = fresh_ = 0;
    } else if (keys_are_limited_) {
      untold_ = fresh_ = 0;
      room_.notify();
    } else if (comes_to_rest || ring.has_more_room_than_messages()) {
      fresh_ = 0;
      room_.notify(std::exchange(untold_, 0));
    } else if (const auto threads = fresh_ / places_per_thread_; threads != 0) {
      fresh_ %= places_per_thread_;
      untold_ -= threads;
      room_.notify(threads);
    }
  }

private:
  event_count& room_;
  const std::uint64_t places_per_thread_;
  const bool keys_are_limited_;
  std::uint64_t untold_ = 0; // places for which nobody was woken
  std::uint64_t fresh_ = 0;  // places since the last thread was woken
};

} // namespace convoy::detail
