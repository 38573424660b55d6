#pragma once

// What others ask of the lanes of a partition: pause, resume, purge, fence, resubmit; and state that
// goes when its key is idle.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/lane/lane_set_held.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy::detail {

// ---- state that goes when its key is idle ----
//
// A timer that is set stays where it is when its lane is used: when it is due it looks how long the
// lane has been idle, and is set again for the rest. So messages pay a store.

template <class Core>
template <class Lane>
void lane_set<Core>::note_idle(Lane& lane) noexcept {
  while (lane.idle_since == nullptr && !pool_.make_idle_timer(lane))
    sleep_for(tuning::out_of_memory_nap); // it must not be forgotten
  auto& t = *lane.idle_since;
  t.used = now_;
  if (!t.is_set())
    stopped().timers.add(t, later(now_, core_.options.state.idle));
}

template <class Core>
template <class Lane>
void lane_set<Core>::idle_timer_is_due(idle_timer<Lane>& t) noexcept {
  auto& lane = t.lane;
  if (!lane.is(lane_state::resting) || core_.is_abandoned())
    return; // it is set again when the lane is idle
  const auto due = later(t.used, core_.options.state.idle);
  if (due > now_)
    return stopped_->timers.add(t, due);
  hold_of(lane).evict = true; // a pump does it, in the lane's turn
  core_.callbacks.begin();    // nothing of it is unfinished, but the processor must wait
  lane.become(lane_state::evicting);
  lane.since = coarse_now_;
  pump::current()->push(lane);
}

// ---- requests ----

template <class Core>
bool lane_set<Core>::serve(request_type& r, std::uint64_t consumed) noexcept {
  auto* lane = table_.find(r.key, r.hash);
  if constexpr (shares) // while it is lined up it is the drainer's as well
    if (lane != nullptr &&
        (lane->has_siblings() ||
         (lane->is(lane_state::lined_up) && (r.what == wish::purge || r.what == wish::put_before))))
      return serve_sharing(*lane, r, consumed);
  if (joints != nullptr && lane != nullptr && joints->serve(r.what, *lane)) {
    callback::make_ready(std::move(r.then));
    return true;
  }
  switch (r.what) {
  case wish::pause:
    if (ended_) // what was asked for before the end still counts
      break;
    if (lane == nullptr)
      lane = &make_lane(r);
    lane->paused = true;
    if (lane->is(lane_state::resting))
      hold_paused(*lane);
    if (!lane->is(lane_state::held) && r.then != nullptr)
      return wait_for_lane(*lane, r), false;
    break;
  case wish::resume:
    if (lane == nullptr)
      break;
    lane->paused = false;
    if (!lane->is(lane_state::held)) {
      lane->resumed = !lane->is(lane_state::resting);
    } else {
      if (lane->hold != nullptr && lane->hold->stopped == stop::park)
        unpark(*lane);
      if (lane->hold == nullptr || lane->hold->stopped == stop::none)
        go_on(*lane);
    }
    break;
  case wish::try_now:
    if (lane != nullptr && !lane->paused)
      try_again(*lane);
    break;
  case wish::purge:
    if (lane == nullptr || lane->unsettled == 0)
      break;
    if (!lane->is(lane_state::held))
      return wait_for_lane(*lane, r), false;
    doom(*lane, lane->unsettled);
    if (r.then != nullptr)
      wait_for_lane(*lane, r);
    go_on(*lane);
    return r.then == nullptr;
  case wish::fence:
    if (lane == nullptr || lane->unsettled == 0)
      break;
    wait_for_lane(*lane, r);
    if (lane->is(lane_state::held) && lane->hold != nullptr && lane->hold->stopped == stop::linger)
      flush(*lane);
    return false;
  case wish::put_before: {
    if (lane == nullptr)
      lane = &make_lane(r);
    const auto count = static_cast<std::uint32_t>(r.messages.size());
    if (lane->has_requests)
      waiting_requests_.of(*lane).finished -= count;
    if (lane->is(lane_state::held) && lane->unsettled == 0 && count != 0)
      held.fill();
    unfinished.count_before(*lane, count);
    if (!lane->is(lane_state::resting) && !lane->is(lane_state::held)) {
      wait_for_lane(*lane, r);
      waiting_requests_.of(*lane).put_at_return += count;
      return false;
    }
    put_before(*lane, r.messages, consumed);
    if (lane->is(lane_state::resting))
      start(*lane);
    else if (lane->hold == nullptr ? !lane->paused : lane->hold->stopped == stop::none)
      go_on(*lane);
    break;
  }
  }
  callback::make_ready(std::move(r.then));
  return true;
}

template <class Core>
void lane_set<Core>::try_again(lane_type& lane) noexcept {
  if (!lane.is(lane_state::held) || lane.hold == nullptr)
    return;
  const auto& t = *lane.hold; // a dead letter that its sink refuses is not handled again
  if ((t.stopped == stop::retry || t.stopped == stop::park) && (t.doomed == 0 || t.spared != 0)) {
    release(lane);
    go_on(lane);
  }
}

template <class Core>
auto lane_set<Core>::make_lane(request_type& r) noexcept -> lane_type& {
  lane_type* lane = nullptr;
  while ((lane = pool_.make_lane(home_, std::move(r.key), r.hash)) == nullptr)
    sleep_for(tuning::out_of_memory_nap); // the caller has been told already
  table_.insert(*lane);
  return *lane;
}

/// The request waits for a lane, which is then not freed: it is out. It belongs to
/// `waiting_requests_` now.
template <class Core>
void lane_set<Core>::wait_for_lane(lane_type& lane, request_type& r) noexcept {
  until_there_is_memory([&] { (void)waiting_requests_.make(lane); });
  lane.has_requests = true;
  auto& waiting = waiting_requests_.of(lane);
  auto& later = waiting.at_return;
  if (r.what == wish::purge) {
    waiting.purged = waiting.finished + lane.unsettled;
    waiting.purges = true;
  }
  if (!later.empty() && later.last().is_quiet_purge() && r.is_quiet_purge()) {
    waiting.set_mark(later.last(), in_line(lane)); // it does for both: they must not pile up
    delete &r;
    return;
  }
  waiting.set_mark(r, in_line(lane));
  const bool is_fence = // of a lane with siblings, or lined up, serve_sharing() has done it
      r.what == wish::fence ||
      (r.what == wish::purge &&
       (lane.is(lane_state::held) ||
        (shares && (lane.has_siblings() || lane.is(lane_state::lined_up)))));
  (is_fence && later.empty() ? waiting.fences : later).push(std::unique_ptr<request_type>(&r));
}

/// A lane that requests wait for has come back.
template <class Core>
void lane_set<Core>::serve_waiting_requests(lane_type& lane, std::uint32_t finished,
                                            std::uint64_t consumed) noexcept {
  auto& waiting = waiting_requests_.of(lane);
  waiting.finished += finished;
  while (!waiting.at_return.empty() && !is_suspended(lane)) {
    auto r = waiting.at_return.pop();
    switch (r->what) {
    case wish::put_before:
      waiting.put_at_return -= static_cast<std::uint32_t>(r->messages.size());
      put_before(lane, r->messages, consumed);
      continue;
    case wish::purge:
      if (const auto count = waiting.before(*r); count != 0 && !lane.has_siblings())
        doom(lane, count);
      [[fallthrough]];
    case wish::fence:
      if (r->then != nullptr)
        waiting.fences.push(std::move(r));
      continue;
    case wish::pause:
    case wish::resume:
    case wish::try_now:
      break;
    }
    callback::make_ready(std::move(r->then));
  }
  waiting.purges = waiting.purges && !waiting.at_return.empty();
  serve_reached(lane, 0);
}

/// Of a lane that requests wait for so many messages are finished.
template <class Core>
void lane_set<Core>::serve_reached(lane_type& lane, std::uint32_t finished) noexcept {
  auto& waiting = waiting_requests_.of(lane);
  waiting.finished += finished;
  while (auto reached = waiting.take_reached())
    callback::make_ready(std::move(reached->then));
  lane.has_requests = !waiting.empty();
  if (!lane.has_requests)
    waiting_requests_.forget(lane);
}

/// Of a lane that is not out, or is held: so many messages become dead letters, though it is
/// stopped or paused.
template <class Core>
void lane_set<Core>::doom(lane_type& lane, std::uint32_t count) noexcept {
  auto& t = hold_of(lane);
  if (lane.is(lane_state::held) || (shares && t.stopped == stop::tickets))
    release(lane);
  else if (std::exchange(t.stopped, stop::none) == stop::park)
    core_.failures.count_parked(-1);
  t.doomed = std::max(t.doomed, count);
  t.why = death::purged;
  t.spared = 0;
  t.then_rest = false;
  t.then_stop = lane.paused;
}

/// Of a lane that is not out, or is held. They have been counted. A rare thing, so it is simple:
/// all that wait move.
template <class Core>
void lane_set<Core>::put_before(lane_type& lane, std::vector<Message>& first,
                                std::uint64_t consumed) noexcept {
  const auto count = static_cast<std::uint32_t>(first.size());
  const std::uint32_t waiting = lane.handed + lane.staged;        // others may be counted, too
  const auto takes_in = core_.options.conflate ? lane.staged : 0; // see lane_set_conflate.hpp
  const auto released = lane.since;
  const auto number = waiting != 0 ? lane.next_number() : static_cast<std::uint32_t>(consumed);
  std::vector<std::pair<Message, coarse_time>> all;
  until_there_is_memory([&] { all.reserve(waiting + count); });
  for (auto& each : first) // as old as what they are put before
    all.emplace_back(std::move(each), waiting != 0 ? lane.first_came() : coarse_now_);
  for (std::uint32_t i = 0; i < waiting; ++i, ++lane.front_index) {
    const auto came = lane.first_came();
    auto& message = first_of(lane);
    all.emplace_back(std::move(message), came);
    std::destroy_at(&message);
  }
  if (joints != nullptr)
    joints->take_rest(lane);
  while (lane.front != lane.back) // an empty one at the end
    advance(lane);
  pool_.free_spent(lane);
  pool_.rewind(lane);
  lane.first.number = number;
  for (auto& [message, came] : all)
    // NOLINTNEXTLINE(bugprone-use-after-move): what can't be appended is as it was
    while (!pool_.append(lane, std::move(message), came))
      sleep_for(tuning::out_of_memory_nap);
  if (joints != nullptr)
    joints->put_rest(lane);
  if (waiting != 0 && is_before(lane.since, released))
    lane.since = released;
  if constexpr (shares) { // some of them may be shared
    lane.staged = waiting + count;
    lane.handed = 0;
  } else {
    lane.handed = waiting + count - takes_in;
    lane.staged = takes_in;
  }
  if (auto* const t = lane.hold) { // it was about another message
    if (t->stopped == stop::retry || t->stopped == stop::linger)
      lane.is(lane_state::held) ? held_lanes::release(*t) : void(t->stopped = stop::none);
    t->forget_attempts();
    if (t->singly != 0)
      t->singly += count;
    if (t->doomed != 0)
      t->spared += count;
  }
}

} // namespace convoy::detail
