#include "convoy/detail/lane/held_lanes.hpp"

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace convoy::detail {

// ---- hold ----

hold& hold::of(lane_base& lane, pool_type& pool) noexcept {
  while (lane.hold == nullptr) {
    lane.hold = pool.make(lane, pool);
    if (lane.hold == nullptr)
      sleep_for(tuning::out_of_memory_nap);
  }
  return *lane.hold;
}

void hold::forget(lane_base& lane) noexcept {
  auto& t = *std::exchange(lane.hold, nullptr);
  t.from.give_back(t);
}

void hold::forget_first(lane_base& lane) noexcept {
  auto& t = *lane.hold;
  t.singly -= t.singly != 0;
  t.spared -= t.spared != 0;
  if (t.singly + t.spared + t.doomed == 0)
    return forget(lane);
  t.forget_attempts();
}

void hold::forget_attempts() noexcept {
  attempts = 0;
  first_error = last_error = nullptr;
  last = outcome::done;
}

void hold::offer_later() noexcept {
  const auto delay = std::min(tuning::first_offer_again * (1 << std::min(refusals++, 10u)),
                              tuning::longest_offer_again);
  due = later(clock::now(), delay);
  stopped = stop::retry;
}

// ---- held_counts ----

void held_counts::begin(lane_base& lane, stop why, std::uint32_t keys) noexcept {
  lane.become(lane_state::held);
  if (lane.hold != nullptr)
    lane.hold->held_for = why;
  count_of(lane) += keys;
  empty_ += lane.unsettled == 0;
}

void held_counts::end(lane_base& lane, std::uint32_t keys) noexcept {
  count_of(lane) -= keys;
  empty_ -= lane.unsettled == 0;
  lane.become(lane_state::resting);
}

std::size_t& held_counts::count_of(const lane_base& lane) noexcept {
  switch (lane.hold == nullptr ? stop::none : lane.hold->held_for) {
  case stop::none:
    return counts_.paused;
  case stop::park:
    return counts_.parked;
  case stop::linger:
    return counts_.lingering;
  case stop::retry:
  case stop::tickets:
  case stop::place:
    break;
  }
  return counts_.backoff;
}

// ---- held_lanes ----

bool held_lanes::take_in(lane_base& lane, std::uint64_t consumed) noexcept {
  auto& t = *lane.hold;
  switch (t.stopped) {
  case stop::retry:
    timers.add(t, t.due);
    return true;
  case stop::linger:
    link(t, lingering_);
    return true;
  case stop::place:
    link(t, waiting_for_places_);
    return true;
  case stop::park:
    if (!ending_) {
      link(t, parked_);
      return true;
    }
    bury_rest(t);
    [[fallthrough]];
  case stop::tickets:
    if (consumed < t.rest_until) {
      link(t, waiting_for_tickets_);
      return true;
    }
    doom(t);
    return false;
  case stop::none:
    break;
  }
  return false;
}

clock::time_point held_lanes::next() const noexcept {
  const auto next = timers.next();
  return lingering_.next == &lingering_ ? next : std::min(next, of(*lingering_.next).due);
}

void held_lanes::release(hold& t) noexcept {
  timer_wheel::remove(t);
  t.stopped = stop::none;
}

int held_lanes::end(std::uint64_t tickets) noexcept {
  ending_ = true;
  end_ = tickets;
  int parked = 0;
  for (; parked_.next != &parked_; ++parked) {
    auto& t = of(*parked_.next);
    timer_wheel::remove(t);
    bury_rest(t);
    link(t, waiting_for_tickets_);
  }
  return parked;
}

void held_lanes::wait_until_the_end(hold& t) noexcept {
  bury_rest(t);
  link(t, waiting_for_tickets_);
}

void held_lanes::link(hold& t, timer_link& list) noexcept {
  t.next = &list;
  t.previous = list.previous;
  list.previous = list.previous->next = &t;
}

void held_lanes::doom(hold& t) noexcept {
  t.stopped = stop::none;
  t.doomed = t.lane.unsettled;
}

void held_lanes::bury_rest(hold& t) noexcept {
  t.stopped = stop::tickets;
  t.rest_until = end_;
  t.why = death::shutdown;
}

} // namespace convoy::detail
