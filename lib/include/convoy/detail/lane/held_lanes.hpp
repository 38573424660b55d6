#pragma once

// Lanes of a partition that have work but wait for something else than a worker: they hold no worker
// and no thread. Only the drainer touches it.

#include "convoy/detail/ds/timer_wheel.hpp"
#include "convoy/detail/lane/hold.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace convoy::detail {

template <class Lane>
class held_lanes {
public:
  using hold_type = hold<Lane>;

  /// Nothing is due before `begin`: what is, but was not told in time, then still comes in order.
  explicit held_lanes(clock::time_point begin) noexcept : timers(begin) {}
  held_lanes(const held_lanes&) = delete;
  held_lanes& operator=(const held_lanes&) = delete;
  ~held_lanes() = default;

  /// Of lanes that wait for a retry, and what else of the partition waits for a time.
  timer_wheel timers;

  /// A lane has come back with a hold, while so many tickets have left the ring. True: it is held;
  /// false: it goes on.
  [[nodiscard]] bool take_in(Lane& lane, std::uint64_t consumed) noexcept {
    auto& t = *lane.hold;
    switch (t.stopped) {
    case stop::retry:
      timers.add(t, t.due);
      return true;
    case stop::linger:
      link(t, lingering_);
      return true;
    case stop::park:
      if (!ending_) {
        link(t, parked_);
        return true;
      }
      bury_rest(t);
      [[fallthrough]];
    case stop::rest:
      if (consumed < t.rest_until) {
        link(t, resting_);
        return true;
      }
      doom(t);
      return false;
    case stop::none:
      break;
    }
    return false;
  }

  /// Calls function(lane&) for each lane that has waited for tickets and may go on now.
  template <class Function>
  void release_resting(std::uint64_t consumed, Function&& function) noexcept {
    for (auto* each = resting_.next; each != &resting_;) {
      auto& t = of(*std::exchange(each, each->next));
      if (consumed >= t.rest_until) {
        timer_wheel::remove(t);
        doom(t);
        function(t.lane);
      }
    }
  }

  /// Calls function(lane&), which releases it, for each lane that has lingered until `now`.
  template <class Function>
  void release_lingering(clock::time_point now, Function&& function) noexcept {
    while (lingering_.next != &lingering_ && of(*lingering_.next).due <= now)
      function(of(*lingering_.next).lane);
  }

  /// When something is due next.
  [[nodiscard]] clock::time_point next() const noexcept {
    const auto next = timers.next();
    return lingering_.next == &lingering_ ? next : std::min(next, of(*lingering_.next).due);
  }

  /// A lane that is held is not stopped any more.
  static void release(hold_type& t) noexcept {
    timer_wheel::remove(t);
    t.stopped = stop::none;
  }

  /// From now on what parks, and what is parked, becomes dead letters, with all that waits behind it.
  /// So many tickets were given out, and no more will be. Returns how many lanes were parked; they go
  /// on with release_resting().
  int end(std::uint64_t tickets) noexcept {
    ending_ = true;
    end_ = tickets;
    int parked = 0;
    for (; parked_.next != &parked_; ++parked) {
      auto& t = of(*parked_.next);
      timer_wheel::remove(t);
      bury_rest(t);
      link(t, resting_);
    }
    return parked;
  }

  /// Of a lane that is held: it rests until all tickets have left the ring, and then it and all that
  /// waits behind it become dead letters.
  void rest_until_the_end(hold_type& t) noexcept {
    bury_rest(t);
    link(t, resting_);
  }

private:
  static hold_type& of(timer_link& each) noexcept {
    return static_cast<hold_type&>(static_cast<timer&>(each));
  }

  static void link(hold_type& t, timer_link& list) noexcept {
    t.next = &list;
    t.previous = list.previous;
    list.previous = list.previous->next = &t;
  }

  static void doom(hold_type& t) noexcept {
    t.stopped = stop::none;
    t.doomed = t.lane.unsettled;
  }

  void bury_rest(hold_type& t) noexcept {
    t.stopped = stop::rest;
    t.rest_until = end_;
    t.why = death::shutdown;
  }

  timer_link parked_;
  timer_link lingering_; // all linger equally long, so they are in the order in which they are due
  timer_link resting_;   // until the ring is as far as when their handlers said fail_rest
  bool ending_ = false;
  std::uint64_t end_ = 0; // then all tickets that there will be
};

} // namespace convoy::detail
