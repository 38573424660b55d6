#pragma once

// The threads that pumps run on. TBB lends them; where it does not, the runtime has its own.
//
// Whoever wants one more pump to begin asks TBB. TBB need not answer: a limit of the process may
// leave one thread, and tasks of higher priority may hold all of them, perhaps while they wait for
// room in a processor of ours. So somebody who has work and finds that pumps have not begun calls
// hasten(), and a moment later the timer thread looks: if work still waits and no pump has begun, a
// thread of the runtime's own begins one. What TBB was asked for stays with it; when it comes late
// it finds that nothing is wanted.
//
// Under mutex_:
//   wanted   pumps that are to begin            + ask()            - the thread that begins it
//   owed     TBB was asked and has not come     + ask(), up to     - a thread of TBB's that comes
//                                                 `wanted`
//   called   own threads that are to come       + look(), 0 to 1   - the thread that comes
//   idle     own threads that run no pump, the called one too
// and armed_: the alarm is set, or it rings and has not looked yet. Whoever finds it set relies on
// that look.
//
// So that no work waits without a pump that looks for it:
// - work comes first, then hasten(); the alarm's ring clears armed_ first, then looks (a fence on
//   both sides).
// - called: that thread comes. It begins a pump, or somebody else has begun it meanwhile. A pump
//   that begins looks for work, and calls hasten() if there is more (scheduler::wake()).
// - if no thread can be made the alarm is set again. One is made with the runtime, so there is
//   always one.

#include "convoy/detail/base/atomic.hpp"
#include "sched/alarm_clock.hpp"
#include "sched/arena.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace convoy::detail {

class scheduler;

class workers final : alarm {
public:
  /// Throws std::bad_alloc, std::system_error (no thread could be made).
  workers(scheduler& home, alarm_clock& alarms, unsigned concurrency);
  workers(const workers&) = delete;
  workers& operator=(const workers&) = delete;
  ~workers() { end(); }

  /// One more pump is to begin, on any thread. At most `concurrency` at once run or are to begin.
  /// Any thread; a short lock.
  void ask() noexcept;

  /// Work waits, and pumps that are to begin have not. Any thread; nearly always a load.
  void hasten() noexcept;

  /// No pump begins any more. Waits for those that run; when it returns no thread runs code of
  /// ours.
  void end() noexcept;

private:
  void ring_alarm() noexcept override;
  [[nodiscard]] clock::duration look() noexcept;
  void make_one();
  void work() noexcept;
  static void come_from_tbb(void* workers) noexcept;
  static void run_pump(void* workers) noexcept;

  scheduler& home_;
  alarm_clock& alarms_;
  const unsigned most_;
  std::optional<arena> arena_; // none: TBB is lost, see arena::may_be_made()
  atomic<bool> armed_{false};
  atomic<bool> tbb_comes_{false}; // a hint: it did when we looked last, or has since

  mutex mutex_; // guards what follows
  unsigned wanted_ = 0;
  unsigned owed_ = 0;
  unsigned called_ = 0;
  unsigned idle_ = 0;
  bool ending_ = false;
  std::uint64_t came_ = 0;      // threads of TBB's, so far
  std::uint64_t seen_came_ = 0; // at the last look
  std::vector<thread> own_;
  condition_variable change_;
};

} // namespace convoy::detail
