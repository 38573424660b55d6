#pragma once

// Reports handlers that run for long.
//
// The word armed_: an alarm is set, or the timer thread is about to look. Who notes a run and finds
// it false sets the alarm; the timer thread clears it before it looks at the notes. Relaxed, since
// the notes have a mutex: if the timer thread looked too early for a note, its clearing came before
// the noter's mutex.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/report.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/options.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace convoy::detail {

template <class Key, class Lane>
class watchdog_alarm final : public alarm {
public:
  /// Throws as scheduler::add_alarm().
  watchdog_alarm(scheduler& where, convoy::watchdog<Key> wanted, const void* owner)
      : scheduler_(where), wanted_(std::move(wanted)), owner_(owner) {
    scheduler_.add_alarm(*this);
  }
  watchdog_alarm(const watchdog_alarm&) = delete;
  watchdog_alarm& operator=(const watchdog_alarm&) = delete;
  ~watchdog_alarm() { scheduler_.remove_alarm(*this); }

  /// A run was noted.
  void watch() noexcept {
    if (!armed_.exchange(true, std::memory_order_relaxed)) // ordered by the note's mutex
      scheduler_.set_alarm(*this, later(clock::now(), wanted_.threshold));
  }

  void ring_alarm() noexcept override {
    armed_.exchange(false, std::memory_order_relaxed); // ordered by the notes' mutexes
    auto next = clock::duration::max();
    for (unsigned worker = 0; worker < scheduler_.concurrency(); ++worker)
      next = std::min(next, look_at(worker));
    // relaxed: who finds it set relies on our alarm
    if (next != clock::duration::max() && !armed_.exchange(true, std::memory_order_relaxed))
      scheduler_.set_alarm(*this, later(clock::now(), next));
  }

private:
  /// Returns when to look again.
  clock::duration look_at(unsigned worker) noexcept try {
    auto next = clock::duration::max();
    std::optional<Key> key; // the report is made without the lock, and the lane may be gone then
    clock::duration running{};
    std::size_t waiting = 0;
    scheduler_.run_of(worker).look(owner_, wanted_.threshold,
                                   [&](const running_handler::report& r) {
                                     next = r.next;
                                     if (!r.is_due)
                                       return;
                                     const auto& lane = *static_cast<const Lane*>(r.lane);
                                     const std::uint32_t unfinished = lane.whole().unsettled;
                                     key.emplace(lane.key());
                                     running = r.running;
                                     waiting = unfinished == 0 ? 0 : unfinished - 1;
                                   });
    if (key)
      wanted_.report({*key, running, worker, waiting});
    return next;
  } catch (...) {
    report_to_stderr(thrower::watchdog_report, std::current_exception());
    return wanted_.threshold;
  }

  scheduler& scheduler_;
  const convoy::watchdog<Key> wanted_;
  const void* const owner_;
  atomic<bool> armed_{false};
};

} // namespace convoy::detail
