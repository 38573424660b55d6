#pragma once

// Pumps and what wakes them. A pump runs on a worker thread: it takes a ready item and
// runs it, until it finds none. At most `concurrency` pumps run, so a runtime with nothing to do
// uses no CPU, and after a while gives the threads back that TBB lends.
//
// The idle word says what the pumps that run nothing are doing. One compare-and-swap per
// transition:
//
//   searching  looks through all queues     a waker counts a pump in when it wakes it; it counts
//                                           itself out
//   parked     waits on park, until woken   counts itself in and looks once more before it waits
//   starting   is to begin on some thread   counted in by the waker or at first, out by its first
//              (src/sched/workers.hpp)      step
//   absent     has given its thread back    counts itself in after a long wait on park
//   sentry     0 or 1: waits on nap, looks through the queues every nap, as long as some pump is
//              busy
//
// Who makes an item ready calls wake() if it can't run it at once itself. Two things keep a ready
// item from being missed:
// - From outside: the item goes into the shared queue, then the idle word is read; a pump that
//   parks changes the idle word, then looks into the queue (each side has a fence between its store
//   and its load). A searching pump looks once more after it has counted itself out.
// - From a pump: the item is in the pump's own queue, or in the shared one, where it looks before
//   it leaves, so it is run at the latest by that pump. Should that pump be held up in a handler,
//   the sentry finds the item. A pump about to run a lane with other items behind it sees to it
//   that there is a searching pump or a sentry (cover()).
//
// Wake-ups cost microseconds, handlers may take nanoseconds. The sentry makes it affordable not to
// wake somebody for each item: what a busy pump has in its queue waits one nap at most.

#include "convoy/detail/base/alarm.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/base/thread_sanitizer.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sched/blocks.hpp"
#include "convoy/detail/sched/running_handler.hpp"
#include "convoy/detail/sched/takeover.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace convoy::detail {

class insight_base;
class pinned_insight;
class scheduler;
class semaphore;

/// A time that never comes, instead of an overflow.
[[nodiscard]] inline clock::time_point later(clock::time_point now,
                                             std::chrono::nanoseconds after) noexcept {
  constexpr auto longest = std::chrono::hours(24 * 365 * 100);
  return now + std::min<std::chrono::nanoseconds>(after, longest);
}

class pump {
public:
  pump(scheduler& where, unsigned its_number) noexcept : home(where), number(its_number) {}

  /// The pump that the calling thread runs; null outside.
  static pump* current() noexcept { return detail::current<pump>::value; }

  /// Makes a lane ready on this pump. Only from its own thread; lock-free.
  void push(ready_item& lane) noexcept {
    tell_passed_on(&lane);
    push_to(lanes_, lane);
  }

  /// As push(), for lanes that wait their turn by age: any pump may take them. Under a short lock.
  void push_by_age(ready_list& lanes) noexcept;

  /// As push(), for a partition to drain.
  void push_visit(ready_item& partition) noexcept;

  [[nodiscard]] std::uint64_t approx_size() const noexcept {
    return lanes_.approx_size() + visits_.approx_size();
  }

  /// A partition ran handlers inline here, fast ones or not: now it is the turn of a lane.
  void note_inline(bool fast) noexcept {
    ran_inline_ = true;
    inline_was_fast_ = fast;
  }

  /// Tells when a partition was drained here: the slower the lanes in between, the sooner comes the
  /// next visit.
  void note_visit(clock::time_point now) noexcept;

  /// Tells when the visit has ended, if it took long: longer than the lanes may take that it handed
  /// out.
  void note_visit_end(clock::time_point now) noexcept { last_visit_ = now; }

  /// Lanes take so long that finding the best next one costs nothing in comparison.
  [[nodiscard]] bool lanes_are_slow() const noexcept { return interval_ == 1; }

  /// Must be called before anything that can take long: see that somebody looks after the items
  /// behind it.
  void cover() noexcept;

  /// What runs inline here, if anything.
  takeover claim;

  /// What the handler does that runs here, if somebody watches.
  running_handler running;

  /// A user's function is called here that was asked for, see callback.
  bool calls_back = false;

  /// For coroutines that run here.
  block_cache blocks;

  /// As scheduler::set_alarm() of `running`. Throws as add_alarm(). From its own thread.
  void set_limit(clock::time_point due);

  /// A lane is run here.
  void note_lane() noexcept { ++lanes_run_; }

  /// Declares that memory of `owner` may be touched until the current item's run returns. To be
  /// called while the owner can't be destroyed yet: a message is unfinished, or its partition is
  /// ready.
  void enter(const void* owner) noexcept {
    // (5) release: our last touch of another owner's memory, which this may follow; pairs with (6)
    // in scheduler.cpp
    touching_.store(owner, std::memory_order_release);
  }

  scheduler& home;
  const unsigned number; ///< 0 to concurrency() - 1

private:
  friend class scheduler;

  atomic<const void*> touching_{nullptr};
  atomic<std::uint64_t> items_run_{0};
  void push_to(ready_queue& queue, ready_item& item) noexcept;
  ready_item* next() noexcept;
  ready_item* next_lane() noexcept;
  ready_item* next_while_slow() noexcept;
  ready_item* next_shared() noexcept;
  void share() noexcept;
  ready_item* steal_from(pump& victim) noexcept;
  void relieve(pump& other) noexcept;
  void take_half(ready_queue& from, ready_queue& to) noexcept;

  /// It has been in the same item since the last call, with others behind it.
  [[nodiscard]] bool held_up() noexcept {
    const auto now = items_run_.load(std::memory_order_relaxed); // a hint
    return seen_items_run_.exchange(now, std::memory_order_relaxed) == now && approx_size() != 0;
  }
  void note_item() noexcept { // only we write it
    items_run_.store(items_run_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  ready_queue lanes_;
  ready_queue visits_;

  atomic<std::uint64_t> seen_items_run_{0};
  bool has_limits_ = false; // `running` is among the alarms
  bool ran_inline_ = false; // since the last lane
  clock::time_point last_visit_{};
  std::uint32_t lanes_run_ = 0;       // since then
  bool inline_was_fast_ = false;      // by it
  std::uint32_t interval_ = 1;        // how many lanes between two visits
  std::uint32_t until_visit_ = 1;     // lanes still to run before the next
  std::uint32_t turn_ = 0;            // every so many of these something else goes first
  bool shared_first_ = false;         // the next lane is one by age, if there is one
  std::uint32_t visits_in_a_row_ = 0; // while lanes are slow
  std::uint32_t victim_ = 0;          // where the next search starts
};

/// True on threads that must never wait for a handler: pumps, and whoever else works in a runtime's
/// arena.
[[nodiscard]] bool on_worker_thread() noexcept;

/// The calling thread runs a task of oneTBB's, in whatever arena.
[[nodiscard]] bool runs_tbb_task() noexcept;

/// What lives on a scheduler: a processor, which keeps memory that it may not need.
class trimmable {
public:
  [[nodiscard]] virtual bool has_spares() const noexcept = 0; ///< a hint

  /// Gives some of what was not needed since the last time back. False: there is more.
  [[nodiscard]] virtual bool trim(pump& self) noexcept = 0;

protected:
  ~trimmable() = default;
};

class scheduler {
public:
  explicit scheduler(unsigned concurrency);
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  ~scheduler(); ///< waits for the pumps to leave; terminates if a processor is still attached

  void attach(trimmable& t); ///< throws std::bad_alloc; std::logic_error in a child of fork()
  void detach(trimmable& t) noexcept; ///< it is not called any more

  /// Processors that look at themselves, see runtime::snapshot(). attach() throws std::bad_alloc.
  void attach(insight_base& i);
  void detach(insight_base& i) noexcept; ///< waits for each_insight(), and while it is pinned
  /// One at a time; it has no lock if somebody else records.
  [[nodiscard]] std::unique_lock<mutex> try_recording() const;
  /// To be asked for something that may take long: the nth of those, if there is one.
  [[nodiscard]] pinned_insight pin_insight(std::size_t nth) const noexcept;
  /// Calls function(insight) for each, in the order in which they came.
  void each_insight(function_ref<void(insight_base&)> function) const;

  [[nodiscard]] unsigned concurrency() const noexcept { return concurrency_; }

  /// This process is a child of fork(), made since: the scheduler's threads are not here.
  [[nodiscard]] bool is_inherited() const noexcept;
  void refuse_if_inherited() const; ///< throws std::logic_error
  /// Throws std::logic_error where a handler would wait for itself, or for threads that are not
  /// here.
  void refuse_to_wait() const;

  /// Some pump looks around, or will as soon as it has nothing to do. To be asked after cover()'s
  /// or takeover::open()'s fence; if nobody does, wake() somebody.
  [[nodiscard]] bool watched() const noexcept;

  /// Some pump runs something. A hint.
  [[nodiscard]] bool is_busy() const noexcept;
  void wake() noexcept;

  /// To be called by every pump often: at times one of them looks for inline handlers that are
  /// stuck, and takes their partitions over, and for pumps that are held up in an item, and takes
  /// half of what is behind it; and now and then it trims those who keep spare memory.
  void watch(pump& self, clock::time_point now) noexcept;

  /// Makes a partition ready, from any thread. Lock-free, except for a system call when it must
  /// wake a sleeping pump. From outside it notes the time in `since`.
  void make_ready(ready_item& partition) noexcept;

  /// Alarms ring on the runtime's timer thread, which starts with the runtime. add_alarm() throws
  /// std::bad_alloc, and std::logic_error in a child of fork(); remove_alarm() waits while it
  /// rings; set_alarm() has it ring at `due`, once, instead of when it was to ring before.
  void add_alarm(alarm& a);
  void remove_alarm(alarm& a) noexcept;
  void set_alarm(alarm& a, clock::time_point due) noexcept;

  /// What pumps have too many of.
  block_depot blocks;

  /// What a worker's handler does, by its number.
  [[nodiscard]] running_handler& run_of(unsigned worker) const noexcept;

  /// Waits until no pump touches memory of `owner`. Nothing of it may be ready or running any more.
  void wait_until_left(const void* owner) const noexcept;

private:
  friend class pump;
  friend class workers;
  struct parts;

  void push_shared(ready_item& item) noexcept;
  [[nodiscard]] pump& at(std::size_t index) const noexcept;

  /// A pump's life, on the calling thread. Counted as starting before.
  void run_pump() noexcept;
  /// Work waits, and nobody looks for any. To be asked after a heavy fence.
  [[nodiscard]] bool work_waits() const noexcept;

  void run(pump& self) noexcept;
  ready_item* search(pump& self) noexcept;
  ready_item* steal(pump& self) noexcept;
  void stop_searching() noexcept;
  [[nodiscard]] bool any_ready() const noexcept;
  [[nodiscard]] bool any_in_pumps() const noexcept;
  [[nodiscard]] bool found_ready(pump& self) noexcept;

  [[nodiscard]] bool sleep(pump& self) noexcept;
  [[nodiscard]] bool park(pump& self) noexcept;
  [[nodiscard]] bool stand_sentry(pump& self) noexcept;
  [[nodiscard]] bool must_watch() const noexcept;
  [[nodiscard]] bool leave_field(std::uint64_t field, std::uint64_t to) noexcept;
  [[nodiscard]] bool leave(semaphore& signals, std::uint64_t field, std::uint64_t to) noexcept;

  const unsigned concurrency_;
  const unsigned made_after_;    // so many forks()
  std::unique_ptr<parts> parts_; // what would drag other libraries' headers in here
  alignas(cache_line) atomic<std::uint64_t> idle_;
  alignas(cache_line) atomic<bool> stopping_{false};
  alignas(cache_line) atomic<std::int64_t> next_watch_{0}; // ns, of the steady clock
};

inline void pump::push_to(ready_queue& queue, ready_item& item) noexcept {
  if (!queue.push(item)) [[unlikely]]
    home.push_shared(item);
}

inline void pump::push_visit(ready_item& partition) noexcept {
  tell_passed_on(&partition);
  if (lanes_are_slow()) // it should not wait for the next one here
    home.push_shared(partition);
  else
    push_to(visits_, partition);
}

inline void pump::note_visit(clock::time_point now) noexcept {
  const auto took = std::max<std::int64_t>((now - last_visit_).count(), 1);
  const bool fast = std::exchange(inline_was_fast_, false);
  if (lanes_run_ != 0) // visits in a row say nothing about lanes
    interval_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
        tuning::visit_time.count() * lanes_run_ / took, 1,
        std::min(tuning::interval_growth * interval_, tuning::most_lanes_between_visits)));
  else if (lanes_are_slow() && fast) // the same handlers
    interval_ = 2;
  lanes_run_ = 0;
  last_visit_ = now;
}

} // namespace convoy::detail
