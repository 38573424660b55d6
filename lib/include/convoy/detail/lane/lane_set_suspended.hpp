#pragma once

// Lanes of a partition whose handler, a coroutine, waits. In the drainer's role.

#include "convoy/detail/base/prefetch.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/lane/lane_set_held.hpp"
#include "convoy/detail/lane/suspension.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <stop_token>
#include <utility>

namespace convoy::detail {

/// A part of lane_set, for processors whose handlers are coroutines.
template <class Core>
class suspended_lanes {
  using lanes_type = lane_set<Core>;
  using lane_type = typename Core::lane_type;

public:
  explicit suspended_lanes(lanes_type& lanes) noexcept : lanes_(lanes) {}
  suspended_lanes(const suspended_lanes&) = delete;
  suspended_lanes& operator=(const suspended_lanes&) = delete;
  ~suspended_lanes() { pump::current()->push_by_age(by_age_); }

  /// Its runner has given it back.
  void take_in(lane_type& lane) noexcept {
    auto& s = suspension_of(lane);
    lane.resumed = s.was_resumed;
    if (std::exchange(s.is_posted, false))
      return hand_out(lane);
    lane.become(lane_state::suspended);
    ++lanes_.held.suspended;
    lane.since = lanes_.coarse_now_;
    lanes_.core_.tell(lanes_.core_.options.observe.held, lane.key(), hold_reason::suspended);
    if (s.is_stopped || lanes_.core_.is_abandoned())
      return stop(lane);
    auto until = s.limit;
    if (const auto limit = lanes_.core_.options.suspended.limit;
        limit != std::chrono::nanoseconds::max()) [[unlikely]]
      until = std::min(until, later(lanes_.now_, limit));
    until = std::min(until, s.waits_for->due);
    if (until != clock::time_point::max())
      lanes_.stopped().timers.add(*s.waits_for, until);
  }

  /// Those that were posted, linked.
  void go_on(suspension* first) noexcept {
    while (first != nullptr) {
      auto& s = *std::exchange(first, first->link);
      auto& lane = static_cast<lane_type&>(*s.lane);
      prefetch_frame(s);
      if (lane.is(lane_state::suspended))
        go_on(lane);
      else
        s.is_posted = true; // its runner has not given it back yet
    }
  }

  void is_due(awaiting& a) noexcept {
    auto& lane = static_cast<lane_type&>(*a.whose->lane);
    a.sleeps&& a.due <= lanes_.now_ ? go_on(lane) : stop(lane);
  }

  void stop_all() noexcept {
    lanes_.table_.for_each([this](lane_type& lane) {
      if (lane.is(lane_state::suspended))
        stop(lane);
    });
  }

  /// Handlers that wait for a place to begin.
  [[gnu::cold]] void give_places() noexcept {
    const auto release = [this](std::size_t most) {
      lanes_.stopped_->release_waiting_for_places(
          most, [this](lane_base& lane) { lanes_.go_on(static_cast<lane_type&>(lane)); });
    };
    auto& core = lanes_.core_;
    if (core.is_abandoned())
      return release(std::numeric_limits<std::size_t>::max());
    release(core.places.free());
    if (!lanes_.stopped_->waits_for_places())
      return;
    core.places.want();
    release(core.places.free()); // somebody may have given one back before
  }

private:
  /// It runs soon, and has waited for long.
  static void prefetch_frame(const suspension& s) noexcept {
    const auto* const frame = static_cast<const std::byte*>(s.at.address());
    for (std::size_t line = 0; line < tuning::prefetched_of_frame; line += cache_line)
      prefetch_for_writing(frame + line);
  }

  /// What it awaits is cancelled, if it is ours.
  void stop(lane_type& lane) noexcept {
    auto& s = suspension_of(lane);
    s.is_stopped = true;
    if (auto stop = s.stop; stop.stop_possible())
      stop.request_stop(); // calls users' callbacks, which may complete what it waits for
    auto& a = *s.waits_for;
    timer_wheel::remove(a);
    if (!a.sleeps && (a.cell == nullptr || !a.cell->cancel()))
      return; // it is posted, or will be
    a.is_cancelled = true;
    go_on(lane);
  }

  void go_on(lane_type& lane) noexcept {
    timer_wheel::remove(*suspension_of(lane).waits_for);
    --lanes_.held.suspended;
    lane.become(lane_state::resting);
    lanes_.core_.tell(lanes_.core_.options.observe.resumed, lane.key());
    hand_out(lane);
  }

  void hand_out(lane_type& lane) noexcept {
    auto& self = *pump::current();
    lane.since = lanes_.coarse_now_;
    // What they are about is not handed out, and of what was, no more than this one is handled first.
    const bool awaited = lane.paused || lane.has_requests;
    suspension_of(lane).gives_back = awaited;
    if (!awaited)
      lanes_.hand(lane);
    lane.become(lane_state::lined_up);
    lane.become(lane_state::out);
    if (self.lanes_are_slow())
      by_age_.push(lane);
    else
      self.push(lane); // from here on it is the runner's
  }

  lanes_type& lanes_;
  ready_list by_age_;
};

} // namespace convoy::detail
