#pragma once

// When messages came, without a clock for each: a drainer sees now and then how many tickets were
// given out, and takes those in between for evenly spread. Only the drainer touches it.
//
// With the time of the visit alone all that a partition had got in a burst was older than what
// another one had, which was visited a moment later: a hot key in the last of 16 partitions had no
// worker while two fifths of all messages were handled, and the makespan was 1.3 times the bound.

#include "convoy/detail/ds/ready_queue.hpp"

#include <cstdint>

namespace convoy::detail {

class arrival_times {
public:
  /// At `now` so many tickets were given out. Those from `consumed` on were not given out before
  /// `since`, unless they were seen before.
  void see(std::uint64_t tickets, coarse_time now, std::uint64_t consumed,
           coarse_time since) noexcept {
    if (consumed >= to_) {
      from_ = to_ = consumed;
      first_ = last_ = consumed >= seen_ ? since : last_;
    }
    seen_ = tickets;
    now_ = now;
  }

  /// When see() was called last: tickets that were given out later are younger.
  [[nodiscard]] coarse_time last_look() const noexcept { return now_; }

  /// Of a ticket that has left the ring, after all that have left it before.
  [[nodiscard]] coarse_time of(std::uint64_t ticket) noexcept {
    if (ticket >= to_) {
      if (ticket >= seen_)
        return now_;
      from_ = to_;
      first_ = last_;
      to_ = seen_;
      last_ = now_;
      pace_ = is_before(first_, last_) ? (std::uint64_t{last_ - first_} << 32) / (to_ - from_) : 0;
    }
    return first_ + static_cast<coarse_time>(((ticket - from_) * pace_) >> 32);
  }

private:
  // Tickets from from_ on came between first_ and last_, up to to_.
  std::uint64_t from_ = 0, to_ = 0;
  coarse_time first_ = 0, last_ = 0;
  std::uint64_t pace_ = 0; // from ticket to ticket, in 2^-32 steps

  std::uint64_t seen_ = 0; // those from here on come later than now_
  coarse_time now_ = 0;
};

} // namespace convoy::detail
