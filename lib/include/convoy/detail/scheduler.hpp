#pragma once

// Pumps and what wakes them. A pump is one long task on a worker thread: it takes a ready item and
// runs it, until it finds none. At most `concurrency` pumps run, so a runtime with nothing to do
// holds no thread and uses no CPU.
//
// The idle word says what the pumps that run nothing are doing. One compare-and-swap per
// transition:
//
//   searching  looks through all queues           a waker counts a pump in when it wakes it; it
//   counts itself out parked     waits on park_, until woken        counts itself in and looks once
//   more before it waits starting   its task is enqueued in the arena  counted in by the waker, out
//   by its first step absent     has given its thread back          counts itself in after a long
//   wait on park_ sentry     0 or 1: waits on nap_, looking through the queues every nap, as long
//   as some pump is busy
//
// Who makes an item ready calls wake() if it can't run it at once itself. Two things keep a ready
// item from being missed:
// - From outside: the item goes into the inbox, then the idle word is read; a pump that parks
// changes the idle word, then
//   looks into the inbox (both seq_cst). A searching pump looks once more after it has counted
//   itself out.
// - From a pump: the item is in the pump's own queue, so it is run at the latest by that pump.
// Should that pump be held up
//   in a handler, the sentry finds the item. A pump about to run a lane with other items behind it
//   sees to it that there is a searching pump or a sentry (cover()).
//
// Wake-ups cost microseconds, handlers may take nanoseconds. The sentry makes it affordable not to
// wake somebody for each item: what a busy pump has in its queue waits one nap at most.

#include "convoy/detail/ready_queue.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace convoy::detail {

class scheduler;

using clock = std::chrono::steady_clock;

class pump {
public:
  explicit pump(scheduler& where) noexcept : home(where) {}

  /// The pump that the calling thread runs; null outside.
  static pump* current() noexcept { return current_; }

  /// Makes an item ready on this pump. Only from its own thread; lock-free.
  void push(ready_item& item) noexcept;

  /// Must be called before anything that can take long: see that somebody looks after the items
  /// behind it.
  void cover() noexcept;

  /// Declares that memory of `owner` may be touched until the current item's run returns. To be
  /// called while the owner can't be destroyed yet: a message is unfinished, or its partition is
  /// scheduled.
  void enter(const void* owner) noexcept {
    touching_.store(
        owner, std::memory_order_relaxed); // ordered by the release with which the item is given up
  }

  ready_queue queue;
  scheduler& home;

private:
  friend class scheduler;

  static inline constinit thread_local pump* current_ = nullptr;

  std::atomic<const void*> touching_{nullptr};
  std::uint32_t turn_ = 0;   // every so many turns the inbox goes first
  std::uint32_t victim_ = 0; // where the next search starts
};

/// True on threads that must never wait for a handler: pumps, and whoever else works in a runtime's
/// arena.
[[nodiscard]] bool on_worker_thread() noexcept;

class scheduler {
public:
  explicit scheduler(unsigned concurrency);
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  ~scheduler(); ///< waits for the pumps to leave; terminates if a processor is still attached

  void attach() noexcept { users_.fetch_add(1, std::memory_order_relaxed); } // only counted
  void detach() noexcept { users_.fetch_sub(1, std::memory_order_relaxed); } // only counted

  [[nodiscard]] unsigned concurrency() const noexcept { return concurrency_; }

  /// Any thread. Lock-free, except for a system call when it must wake a sleeping pump.
  void make_ready(ready_item& item) noexcept;

  /// Waits until no pump touches memory of `owner`. Nothing of it may be ready or running any more.
  void wait_until_left(const void* owner) const noexcept;

private:
  friend class pump;
  struct parts;

  void put_in_inbox(ready_item& item) noexcept;
  ready_item* take_from_inbox() noexcept;

  void wake() noexcept;
  void start_task() noexcept;
  static void run_task(void* scheduler) noexcept;

  void run(pump& self) noexcept;
  ready_item* next(pump& self) noexcept;
  ready_item* search(pump& self) noexcept;
  void stop_searching(pump& self) noexcept;
  [[nodiscard]] bool any_ready() const noexcept;

  [[nodiscard]] bool sleep() noexcept;
  [[nodiscard]] bool park() noexcept;
  [[nodiscard]] bool stand_sentry() noexcept;
  [[nodiscard]] bool leave_field(std::uint64_t field, std::uint64_t to) noexcept;

  const unsigned concurrency_;
  std::unique_ptr<parts> parts_; // what would drag other libraries' headers in here
  alignas(cache_line) std::atomic<std::uint64_t> idle_;
  alignas(cache_line) std::atomic<std::uint64_t> inbox_edge_{0}; // orders what the inbox passes on
  alignas(cache_line) std::atomic<bool> stopping_{false};
  std::atomic<unsigned> users_{0}; // processors
};

inline void pump::push(ready_item& item) noexcept {
  if (!queue.push(item)) [[unlikely]]
    home.make_ready(item);
}

} // namespace convoy::detail
