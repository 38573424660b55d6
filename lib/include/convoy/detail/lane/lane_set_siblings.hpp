#pragma once

// Siblings that come back, are held, or are controlled: what lane_set_held.hpp and
// lane_set_control.hpp are for other lanes. See lane_set_shared.hpp.

#include "convoy/detail/lane/lane_set_shared.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace convoy::detail {

/// As settle().
template <class Core>
template <class Lane>
std::uint32_t lane_set<Core>::settle_sibling(Lane& sibling, std::uint64_t consumed) noexcept {
  auto& main = *sibling.main;
  --main.siblings_out;
  sibling.become(lane_state::resting);
  const auto finished = sibling.finished;
  if (finished != 0) {
    if (sibling.hold != nullptr) [[unlikely]] {
      if (sibling.hold->stopped == stop::tickets)
        doom_rest(main, sibling.hold->rest_until, sibling.hold->why);
      hold::forget(sibling);
    }
    end_sibling(sibling);
  } else {
    if (sibling.is_purged)
      doom(sibling, 1);
    const bool parks = sibling.hold != nullptr && sibling.hold->stopped == stop::park;
    const bool holds = sibling.hold != nullptr && must_hold(sibling, consumed);
    sibling.resumed = false;
    if (parks && ended_ && (holds || sibling.hold->doomed != 0)) // it is dead, and so is the rest
      doom_rest(main, ended_at_, death::shutdown);
    if (holds)
      begin_hold(sibling, sibling.hold->stopped);
    else
      go_on(sibling);
  }
  if (main.has_requests && main.siblings_out == 0) [[unlikely]]
    serve_waiting_requests(main, 0, consumed);
  end_sharing(main);
  return finished;
}

/// Of a lane one of whose siblings has come back.
template <class Core>
template <class Lane>
void lane_set<Core>::end_sharing(Lane& main) noexcept {
  if (main.has_siblings())
    return share_more(main);
  if (!main.is(lane_state::sharing))
    return; // it is lined up
  main.become(lane_state::resting);
  if (main.hold != nullptr && main.hold->stopped != stop::none) [[unlikely]]
    return begin_hold(main, main.hold->stopped);
  go_on(main); // and it may be gone
}

/// As go_on(), of a sibling; or of a lane with siblings, for whose end it waits.
template <class Core>
template <class Lane>
void lane_set<Core>::go_on_sharing(Lane& lane) noexcept {
  if (lane.is_sibling())
    return go_on_sibling(lane);
  lane.hold->doomed = waiting(lane); // it has waited for tickets
  share_more(lane);
}

template <class Core>
template <class Lane>
void lane_set<Core>::go_on_sibling(Lane& sibling) noexcept {
  auto& main = *sibling.main;
  if (sibling.is(lane_state::held)) {
    sibling.since = coarse_now_;
    end_hold(sibling);
  }
  if (main.paused && (sibling.hold == nullptr || sibling.hold->doomed == 0))
    return begin_hold(sibling, stop::none);
  if (main.siblings_out >= most_shared())
    return main.late.push(sibling);
  ++main.siblings_out;
  line_up(sibling);
}

/// What waits in a lane with siblings, or will when all tickets below `until` have left the ring,
/// becomes dead letters when no sibling is left.
template <class Core>
template <class Lane>
void lane_set<Core>::doom_rest(Lane& main, std::uint64_t until, death why) noexcept {
  auto& t = hold_of(main);
  t.why = why;
  if (t.stopped == stop::tickets) { // of another sibling, and it is linked
    t.rest_until = std::max(t.rest_until, until);
    return;
  }
  t.stopped = stop::tickets;
  t.rest_until = until;
  (void)stopped().take_in(main, 0); // the visit goes on with release_stopped()
  take_out_of_line(main);
}

/// A lane with siblings must not part with more, though it was lined up. A rare thing.
template <class Core>
template <class Lane>
void lane_set<Core>::take_out_of_line(Lane& main) noexcept {
  if (!main.is(lane_state::lined_up))
    return;
  for (auto left = lined_up_.size(); left != 0; --left)
    if (auto* const each = lined_up_.pop(); each != &main)
      lined_up_.push(*each);
  main.become(lane_state::sharing);
}

// ---- requests ----

/// As serve(), of a lane with siblings.
template <class Core>
template <class Lane>
bool lane_set<Core>::serve_sharing(Lane& main, request_type& r, std::uint64_t consumed) noexcept {
  switch (r.what) {
  case wish::pause:
    if (ended_)
      break;
    main.paused = true;
    take_out_of_line(main);
    if (main.siblings_out != 0 && r.then != nullptr)
      return wait_for_lane(main, r), false;
    break;
  case wish::resume:
    main.paused = false;
    for_each_sibling(main, [this](lane_type& each) {
      if (!each.is(lane_state::held)) {
        each.resumed = true;
        return;
      }
      if (each.hold != nullptr && each.hold->stopped == stop::park)
        unpark(each);
      if (each.hold == nullptr || each.hold->stopped == stop::none)
        go_on(each);
    });
    share_more(main);
    break;
  case wish::try_now:
    if (!main.paused)
      for_each_sibling(main, [this](lane_type& each) { try_again(each); });
    break;
  case wish::purge:
    for_each_sibling(main, [this](lane_type& each) {
      if (each.is(lane_state::out)) {
        each.is_purged = true;
        return;
      }
      doom(each, 1);
      if (each.is(lane_state::held))
        go_on(each);
    });
    if (waiting(main) != 0)
      doom(main, waiting(main));
    if (r.then == nullptr)
      break;
    [[fallthrough]];
  case wish::fence:
    return wait_for_lane(main, r), false;
  case wish::put_before: { // before what has not begun
    const auto count = static_cast<std::uint32_t>(r.messages.size());
    if (main.has_requests)
      waiting_requests_.of(main).finished -= count;
    unfinished.count_before(main, count);
    put_before(main, r.messages, consumed);
    share_more(main);
    break;
  }
  }
  callback::make_ready(std::move(r.then));
  return true;
}

/// Of a lane with siblings, as end_stopped(): those that were parked wait for tickets by now.
template <class Core>
template <class Lane>
void lane_set<Core>::end_stopped_siblings(Lane& main, std::uint64_t tickets) noexcept {
  bool rests = main.paused;
  main.paused = false;
  for_each_sibling(main, [&](lane_type& each) {
    if (!each.is(lane_state::held))
      return;
    if (each.hold == nullptr || each.hold->stopped == stop::none)
      stopped().wait_until_the_end(hold_of(each));
    rests |= each.hold->stopped == stop::tickets;
  });
  if (rests)
    doom_rest(main, tickets, death::shutdown);
  else
    share_more(main);
}

} // namespace convoy::detail
