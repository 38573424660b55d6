#pragma once

// Lanes of a partition that have work but wait for something else than a worker: they hold no
// worker and no thread. Only the drainer touches it.

#include "convoy/detail/ds/timer_wheel.hpp"
#include "convoy/detail/lane/hold.hpp"
#include "convoy/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace convoy::detail {

/// Lanes that are held, by what for.
class held_counts {
public:
  /// `why` none: it is paused. It counts as so many `keys`.
  void begin(lane_base& lane, stop why, std::uint32_t keys = 1) noexcept;
  void end(lane_base& lane, std::uint32_t keys = 1) noexcept;
  /// A lane that is held has got its first messages.
  void fill() noexcept { --empty_; }
  /// Of those that have messages: a key that is paused need not have any.
  [[nodiscard]] lane_counts get() const noexcept {
    auto counts = counts_;
    counts.paused -= empty_;
    counts.suspended = suspended;
    return counts;
  }

  std::size_t suspended = 0; ///< lanes, see suspended_lanes

private:
  [[nodiscard]] std::size_t& count_of(const lane_base& lane) noexcept;

  lane_counts counts_;
  std::size_t empty_ = 0;
};

class held_lanes {
public:
  /// Nothing is due before `begin`: what is, but was not told in time, then still comes in order.
  explicit held_lanes(clock::time_point begin) noexcept : timers(begin) {}
  held_lanes(const held_lanes&) = delete;
  held_lanes& operator=(const held_lanes&) = delete;
  ~held_lanes() = default;

  /// Of lanes that wait for a retry, and what else of the partition waits for a time.
  timer_wheel timers;

  /// A lane has come back with a hold, while so many tickets have left the ring. True: it is held;
  /// false: it goes on.
  [[nodiscard]] bool take_in(lane_base& lane, std::uint64_t consumed) noexcept;

  /// Calls function(lane&) for each lane that has waited for tickets and may go on now.
  template <class Function>
  void release_waiting_for_tickets(std::uint64_t consumed, Function&& function) noexcept {
    for (auto* each = waiting_for_tickets_.next; each != &waiting_for_tickets_;) {
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

  /// Calls function(lane&) for up to `most` lanes that wait for a place.
  template <class Function>
  void release_waiting_for_places(std::size_t most, Function&& function) noexcept {
    for (; most != 0 && waits_for_places(); --most) {
      auto& t = of(*waiting_for_places_.next);
      release(t);
      function(t.lane);
    }
  }
  [[nodiscard]] bool waits_for_places() const noexcept {
    return waiting_for_places_.next != &waiting_for_places_;
  }

  /// When something is due next.
  [[nodiscard]] clock::time_point next() const noexcept;

  /// A lane that is held is not stopped any more.
  static void release(hold& t) noexcept;

  /// From now on what parks, and what is parked, becomes dead letters, with all that waits behind
  /// it. So many tickets were given out, and no more will be. Returns how many lanes were parked;
  /// they go on with release_waiting_for_tickets().
  int end(std::uint64_t tickets) noexcept;

  /// Of a lane that is held: it waits until all tickets have left the ring. Then it and all that
  /// waits behind it become dead letters.
  void wait_until_the_end(hold& t) noexcept;

private:
  static hold& of(timer_link& each) noexcept {
    return static_cast<hold&>(static_cast<timer&>(each));
  }

  static void link(hold& t, timer_link& list) noexcept;
  static void doom(hold& t) noexcept;
  void bury_rest(hold& t) noexcept;

  timer_link parked_;
  timer_link lingering_; // all linger equally long, so they are in the order in which they are due
  timer_link waiting_for_places_;
  timer_link waiting_for_tickets_; // until the ring has come to their rest_until
  bool ending_ = false;
  std::uint64_t end_ = 0; // then all tickets that there will be
};

} // namespace convoy::detail
