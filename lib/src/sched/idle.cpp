#include "convoy/detail/base/asymmetric_fence.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/base/wait_limits.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "sched/scheduler_parts.hpp"

#include <algorithm>
#include <chrono>

// What a pump does that has found nothing: it stands sentry, parks; and what it watches over
// meanwhile.

namespace convoy::detail {

void scheduler::stop_searching() noexcept {
  // relaxed: any_ready() fences, against who woke nobody while we searched
  const auto idle = idle_.fetch_sub(searching, std::memory_order_relaxed) - searching;
  if (count(idle, searching) + count(idle, sentry) != 0 || count_all(idle) == 0)
    return;
  // Nobody looks any more. Somebody must if there is more, or other pumps that could hide some.
  if (count_all(idle) + 1 < concurrency_ || any_ready())
    wake();
}

/// To be asked after a change of the idle word.
bool scheduler::any_ready() const noexcept {
  // (2) seq_cst: the word first, then the items; against (1) in scheduler.cpp
  thread_fence(std::memory_order_seq_cst);
  return !parts_->shared.empty() || any_in_pumps();
}

bool scheduler::any_in_pumps() const noexcept {
  return std::ranges::any_of(parts_->pumps,
                             [](const auto& each) { return each->approx_size() != 0; });
}

/// As any_ready(), for a pump that would go on searching. What is shared it takes: who is preempted
/// while it takes the last item leaves a queue that is not empty, but has nothing for others, and
/// all idle pumps would search until it runs again.
bool scheduler::found_ready(pump& self) noexcept {
  if (!any_ready())
    return false;
  if (auto* const item = self.next_shared()) {
    self.push_to(self.visits_, *item); // search() looks there, and so do others if we are held up
    return true;
  }
  return any_in_pumps();
}

/// Called while counted as searching. True: counted as searching again, with reason; false: counted
/// nowhere, leave.
bool scheduler::sleep(pump& self) noexcept {
  auto idle = idle_.load(std::memory_order_relaxed); // the swap decides
  for (;;) {
    const bool others_busy = count_all(idle) < concurrency_;
    const auto to = others_busy && count(idle, sentry) == 0 ? sentry : parked;
    // relaxed: any_ready() fences before we wait for long
    if (!idle_.compare_exchange_weak(idle, idle - searching + to, std::memory_order_relaxed))
      continue;
    return to == sentry ? stand_sentry(self) : park(self);
  }
}

/// Gives up one of `field`, to be counted under `to`; false if a waker has already counted us in as
/// searching.
bool scheduler::leave_field(std::uint64_t field, std::uint64_t to) noexcept {
  auto idle = idle_.load(std::memory_order_relaxed); // the swap decides
  while (count(idle, field) != 0)
    // relaxed: who does not search from here on fences before the last look
    if (idle_.compare_exchange_weak(idle, idle - field + to, std::memory_order_relaxed))
      return true;
  return false;
}

/// As leave_field(), until we are out. False: a waker has counted us in as searching, and we have
/// its signal. It may come late, and another pump that has counted itself in meanwhile may take it:
/// then that one is who was woken, and we leave in its place. (With a bare wait here the word named
/// a sentry that slept.)
bool scheduler::leave(semaphore& signals, std::uint64_t field, std::uint64_t to) noexcept {
  while (!leave_field(field, to))
    if (signals.wait_for(tuning::nap_time))
      return false;
  return true;
}

bool scheduler::park(pump& self) noexcept {
  const auto must_stay = [this, &self] {
    return found_ready(self) || parts_->trimming.should_trim(clock::now()); // search() will
  };
  if (!must_stay()) {
    const bool must_look = !parts_->shared.empty();
    if (parts_->park.wait_for(must_look ? tuning::short_park_time : tuning::park_time))
      return true;
    if (!must_look && !must_stay())
      return !leave(parts_->park, parked, 0);
  }
  (void)leave(parts_->park, parked, searching);
  return true;
}

/// Some pump runs handlers inline, and might be stuck in one.
bool scheduler::must_watch() const noexcept {
  return std::any_of(parts_->pumps.begin(), parts_->pumps.end(),
                     [](const auto& each) { return each->claim.needs_watcher(); });
}

void scheduler::watch(pump& self, clock::time_point now) noexcept {
  const std::chrono::nanoseconds since = now.time_since_epoch();
  const auto at = since.count();
  auto due = next_watch_.load(std::memory_order_relaxed); // the swap decides
  if (at < due ||
      !next_watch_.compare_exchange_strong(
          due, at + std::chrono::nanoseconds(tuning::nap_time).count(), std::memory_order_relaxed))
    return;
  for (const auto& each : parts_->pumps)
    if (auto* const partition = each->claim.take_if_stuck())
      self.push_visit(*partition);
  for (const auto& each : parts_->pumps)
    if (each.get() != &self && each->held_up())
      self.relieve(*each);
  parts_->trimming.trim(self, now);
}

bool scheduler::stand_sentry(pump& self) noexcept {
  for (unsigned naps = 0;; ++naps) {
    const bool woken = parts_->nap.wait_for(tuning::nap_time);
    watch(self, clock::now());
    if (woken)
      return true;
    const auto idle = idle_.load(std::memory_order_relaxed); // a hint
    if (any_ready() ||
        count_all(idle) == concurrency_) { // or nobody left to watch: the next sleep() parks
      (void)leave(parts_->nap, sentry, searching);
      return true;
    }
    if (naps == idle_naps) {
      if (!leave(parts_->nap, sentry, parked))
        return true;
      fence_heavy(); // against a pump that relies on us in cover() or takeover::open(): we see its
                     // items or its claim, or it sees us gone
      if (!must_watch())
        return park(self);
      (void)leave(parts_->park, parked, searching);
      return true;
    }
  }
}

} // namespace convoy::detail
