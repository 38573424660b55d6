#pragma once

// What a partition's drainer does besides handing messages on: it serves requests, releases lanes
// that have waited, and gives scheduled messages their tickets. A partition of which nothing of
// this was ever asked looks at a few words per visit, see partition::drain().

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/lane/lane_set_siblings.hpp"
#include "convoy/detail/shared/core.hpp"
#include "convoy/detail/shared/requests.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace convoy::detail {

template <class Partition>
class maintenance {
public:
  using request_type = request<Partition>;
  using core_type = typename Partition::core_type;
  using message_type =
      scheduled_message<Partition, typename core_type::key_type, typename core_type::message_type>;

  /// Late in a visit, if something waits: lanes were handed out and cells recycled.
  template <class Inbox>
  void attend(Partition& p, core_type& core, Inbox& inbox, clock::time_point now) noexcept {
    const bool rung = inbox.has_rung();
    if (rung)
      alarm_at_ = clock::time_point::max();
    take_requests(p, inbox);
    serve_fences(p);
    auto& lanes = p.lanes();
    auto due = now;
    // destroyed and abandoned are set before the alarm rings, so they and what was done before come
    // with the ring.
    if (rung && core.is_abandoned() && !std::exchange(abandoned_, true)) {
      due = clock::time_point::max() - std::chrono::hours(1); // all that waits for a time
      if (lanes.coroutines != nullptr)
        lanes.coroutines->stop_all();
      core.callbacks.end();
    }
    if (rung && (core.is_destroyed() || core.is_abandoned()) && !std::exchange(buries_, true))
      end_at_ = p.ring.tickets(); // what was asked before has its turn, a resume() too
    if (buries_) {
      must_end_ = p.ring.consumed() < end_at_;
      if (!must_end_)
        lanes.end_stopped(p.ring.tickets());
    }
    const bool lingers = !core.is_ending() && !p.wants_drain();
    auto next = lanes.release_stopped(due, p.ring.consumed(), lingers, [&](timer& each) {
      submit(p, core, static_cast<message_type&>(each));
    });
    if (p.limits && p.limits->must_sweep())
      next = std::min(next, p.limits->sweep(now));
    if (next != std::exchange(alarm_at_, next) && next != clock::time_point::max())
      core.scheduler.set_alarm(p.own_alarm(), next);
  }

  /// Also when a void ticket has left the ring: some requests have their place in the order, and
  /// are in the inbox before their ticket can be consumed.
  template <class Inbox>
  void take_requests(Partition& p, Inbox& inbox) noexcept {
    inbox.take_requests([&](std::unique_ptr<request_type> each) {
      switch (each->when) {
      case turn::at_once:
        return serve(p, std::move(each));
      case turn::consumed:
        return coming_.push(std::move(each));
      case turn::drained:
        return fences_.push(std::move(each));
      }
    });
    while (auto each = coming_.take_until(p.ring.consumed()))
      serve(p, std::move(each));
  }

  void serve_fences(Partition& p) noexcept {
    while (auto each = fences_.take_until(p.drained()))
      serve(p, std::move(each));
  }

  /// There are requests that could not be served yet, or the end.
  [[nodiscard]] bool is_waiting() const noexcept {
    return must_end_ || !coming_.empty() || !fences_.empty();
  }

  void schedule(Partition& p, core_type& core, std::shared_ptr<message_type> message) noexcept {
    auto& m = *message;
    m.self = std::move(message);
    if (abandoned_)
      submit(p, core, m);
    else
      p.lanes().stopped().timers.add(m, m.at);
  }

  /// It was cancelled. Perhaps it has been due meanwhile.
  [[gnu::cold]] void forget(Partition& p, core_type& core, message_type& message) noexcept {
    if (message.self == nullptr)
      return;
    timer_wheel::remove(message);
    discard(p, core, message);
  }

private:
  static void serve(Partition& p, std::unique_ptr<request_type> what) noexcept {
    if (!what->serve(p))
      (void)what.release();
  }

  /// It takes its place in its lane, unless it was cancelled.
  static void submit(Partition& p, core_type& core, message_type& due) noexcept {
    if (!due.take(false))
      return discard(p, core, due);
    auto ticket = p.ring.claim_reserved();
    for (; ticket == p.ring.no_ticket; ticket = p.ring.claim_reserved()) // it was accepted
      sleep_for(tuning::out_of_memory_nap);
    auto& cell = p.ring.at(ticket);
    cell.set_hash(due.hash);
    std::construct_at(&cell.key, std::move(due.key));
    std::construct_at(&cell.message, std::move(due.message));
    p.ring.publish_counted(cell, ticket);
    leave_schedule(p, core, due);
  }

  static void discard(Partition& p, core_type& core, message_type& cancelled) noexcept {
    if (p.limits)
      p.limits->take_back(cancelled.key, cancelled.message);
    // (1) release: that it was accepted; pairs with (1) in submitter_look.hpp
    core.cancelled.fetch_add(1, std::memory_order_release);
    leave_schedule(p, core, cancelled);
  }

  static void leave_schedule(Partition& p, core_type& core, message_type& m) noexcept {
    p.ring.add_credit(1);
    m.self.reset();
    core.not_due.fetch_sub(1, std::memory_order_relaxed); // only counted
    core.scheduled.end();
    core.room.notify(); // who saw its ticket in the ring without its credit, too
  }

  request_heap<request_type> coming_;                     // the ring is not as far as their tickets
  request_heap<request_type> fences_;                     // of all keys
  clock::time_point alarm_at_ = clock::time_point::max(); // it will ring
  bool abandoned_ = false;
  bool buries_ = false;      // what is parked or paused
  bool must_end_ = false;    // that, when the ring is as far as
  std::uint64_t end_at_ = 0; // the tickets when it rang
};

} // namespace convoy::detail
