#pragma once

// What holds lanes, and what lets them go: retries, parking, pauses, batches.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/insight/timed_run.hpp"
#include "convoy/detail/lane/lane_set.hpp"
#include "convoy/detail/lane/suspension.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace convoy::detail {

/// Calls function() until it does not throw std::bad_alloc: for what can't be undone.
template <class Function>
void until_there_is_memory(Function&& function) noexcept {
  for (;;) {
    try {
      return function();
    } catch (const std::bad_alloc&) {
      sleep_for(tuning::out_of_memory_nap);
    }
  }
}

template <class Core>
auto lane_set<Core>::stopped() noexcept -> held_lanes& {
  if (stopped_ == nullptr) {
    until_there_is_memory([this] { stopped_ = std::make_unique<held_lanes>(core_.made); });
    if (ended_)
      (void)stopped_->end(ended_at_);
  }
  return *stopped_;
}

/// Of a lane that has come back with a hold.
template <class Core>
bool lane_set<Core>::must_hold(lane_type& lane, std::uint64_t consumed) noexcept {
  if (is_suspended(lane)) {
    suspension_of(lane).was_resumed = lane.resumed;
    return true;
  }
  auto& t = *lane.hold;
  if (t.stopped == stop::none)
    return false;
  const bool abandoned = core_.is_abandoned(); // read once: if it changed between the two uses, a
                                               // parked lane would stay counted
  // A processor that is destroyed does not wait for resume().
  if (t.stopped == stop::park && ((lane.resumed && !core_.is_destroyed()) || abandoned))
    unpark(lane);
  if (abandoned)
    t.stopped = stop::none;
  if (t.stopped == stop::none)
    return false;
  return stopped().take_in(lane, consumed);
}

template <class Core>
void lane_set<Core>::hold_back(lane_type& lane) noexcept {
  if (is_suspended(lane))
    coroutines->take_in(lane);
  else
    begin_hold(lane, lane.hold->stopped);
}

/// Of a lane that needs_look(): as settle().
template <class Core>
std::uint32_t lane_set<Core>::settle_aside(lane_type& lane, std::uint64_t consumed) noexcept {
  if (joints != nullptr && joints->keeps(lane, consumed))
    return 0;
  const bool evicted = lane.is(lane_state::evicting);
  const auto finished = std::exchange(lane.finished, 0);
  unfinished.settle(lane, finished);
  lane.become(lane_state::resting);
  pool_.free_spent(lane);
  if (lane.has_requests)
    serve_waiting_requests(lane, finished, consumed);
  const bool holds = lane.hold != nullptr && must_hold(lane, consumed);
  lane.resumed = false;
  if (holds)
    hold_back(lane);
  else if (joints == nullptr || !joints->goes_on(lane))
    go_on(lane); // and it may be gone
  if (evicted)
    core_.callbacks.end();
  return finished;
}

/// `why` none: it is paused.
template <class Core>
void lane_set<Core>::begin_hold(lane_type& lane, stop why) noexcept {
  held.begin(lane, why, keys_of(lane));
  if (core_.insight != nullptr && lane.hold != nullptr)
    lane.hold->held_since = lane.hold->counted_until = now_;
  core_.tell(core_.options.observe.held, lane.key(), reason_of(why));
}

template <class Core>
void lane_set<Core>::end_hold(lane_type& lane) noexcept {
  const auto why = lane.hold == nullptr ? stop::none : lane.hold->held_for;
  held.end(lane, keys_of(lane));
  const auto since = lane.hold == nullptr
                         ? clock::time_point{}
                         : std::exchange(lane.hold->held_since, clock::time_point{});
  if (since != clock::time_point{}) {
    auto [hash, label] = called(core_, lane.key());
    core_.insight
        ->of(*pump::current()) // no other thread ends a hold
        .note_held({.hash = hash,
                    .label = std::move(label),
                    .begun = since,
                    .counted_until = lane.hold->counted_until,
                    .ended = now_,
                    .messages = lane.unsettled,
                    .why = reason_of(why),
                    .attempts = lane.hold->attempts});
  }
  core_.tell(core_.options.observe.resumed, lane.key());
}

template <class Core>
void lane_set<Core>::hold_paused(lane_type& lane) noexcept {
  begin_hold(lane, stop::none);
  if (ended_)
    end_pause(lane);
}

/// Of a lane that is held because it is paused.
template <class Core>
void lane_set<Core>::end_pause(lane_type& lane) noexcept {
  lane.paused = false;
  stopped().wait_until_the_end(hold_of(lane));
}

/// Of a lane that is held and stopped: it is not any more, but still held.
template <class Core>
void lane_set<Core>::release(lane_type& lane) noexcept {
  auto* const t = lane.hold;
  if (t == nullptr || t->stopped == stop::none)
    return;
  if (t->stopped == stop::park)
    core_.failures.count_parked(-1);
  held_lanes::release(*t);
}

/// It goes on, and its first message has all its attempts again.
template <class Core>
void lane_set<Core>::unpark(lane_type& lane) noexcept {
  auto& t = *lane.hold;
  core_.failures.count_parked(-1);
  held_lanes::release(t);
  if (t.doomed != 0)
    return;
  t.forget_attempts();
}

template <class Core>
template <class Function>
clock::time_point lane_set<Core>::release_stopped(clock::time_point now, std::uint64_t consumed,
                                                  bool lingers, Function&& function) noexcept {
  if (stopped_ == nullptr)
    return clock::time_point::max();
  stopped_->timers.expire(now, [&](timer& each) {
    if (each.of == timer_of::scheduled)
      return function(each);
    if (each.of == timer_of::idle_state) {
      if constexpr (!std::is_void_v<State>)
        idle_timer_is_due(static_cast<idle_timer<lane_type>&>(each));
      return;
    }
    if (each.of == timer_of::awaiting)
      return coroutines->is_due(static_cast<awaiting&>(each));
    auto& t = static_cast<hold&>(each);
    t.stopped = stop::none;
    go_on(static_cast<lane_type&>(t.lane));
  });
  stopped_->release_lingering(lingers ? now : clock::time_point::max(),
                              [this](lane_base& lane) { flush(static_cast<lane_type&>(lane)); });
  stopped_->release_waiting_for_tickets(
      consumed, [this](lane_base& lane) { go_on(static_cast<lane_type&>(lane)); });
  if (stopped_->waits_for_places()) [[unlikely]]
    coroutines->give_places();
  return stopped_->next();
}

template <class Core>
void lane_set<Core>::end_stopped(std::uint64_t tickets) noexcept {
  if (std::exchange(ended_, true))
    return;
  ended_at_ = tickets;
  if (stopped_ != nullptr)
    core_.failures.count_parked(-stopped_->end(tickets));
  table_.for_each([this](lane_type& lane) {
    if constexpr (shares)
      if (lane.has_siblings())
        return end_stopped_siblings(lane, ended_at_);
    if (!lane.is(lane_state::held))
      return;
    if (lane.paused && (lane.hold == nullptr || lane.hold->stopped == stop::none))
      end_pause(lane);
    else
      lane.paused = false; // it is stopped for something else
  });
}

// ---- batches ----

template <class Core>
bool lane_set<Core>::wants_more(const lane_type& lane) const noexcept {
  return lane.unsettled < core_.options.batch_limit && !lane.flush && lane.hold == nullptr &&
         !core_.is_ending();
}

template <class Core>
void lane_set<Core>::linger(lane_type& lane) noexcept {
  auto& t = hold_of(lane);
  t.stopped = stop::linger;
  t.due = later(now_, core_.options.linger);
  (void)stopped().take_in(lane, 0);
  begin_hold(lane, stop::linger);
}

/// Of a lane that needs_look().
template <class Core>
void lane_set<Core>::added_aside(lane_type& lane) noexcept {
  if (joints != nullptr)
    joints->appended(lane);
  if constexpr (shares)
    if (lane.is(lane_state::sharing))
      return share_more(lane);
  if (!lane.is(lane_state::held))
    return;
  if (lane.unsettled == 1)
    held.fill();
  auto* const t = lane.hold;
  if (t == nullptr || t->stopped != stop::linger || lane.unsettled < core_.options.batch_limit)
    return;
  flush(lane);
}

/// Of a lane that lingers: it is handed out as it is, and as old as it is.
template <class Core>
void lane_set<Core>::flush(lane_type& lane) noexcept {
  held_lanes::release(*lane.hold);
  end_hold(lane);
  hold::forget(lane);
  lane.flush = true;
  go_on(lane);
}

} // namespace convoy::detail
