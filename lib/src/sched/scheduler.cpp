#include "convoy/detail/sched/scheduler.hpp"

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/insight/insight.hpp"
#include "sched/process.hpp"
#include "sched/scheduler_parts.hpp"

#include <cstdio>
#include <exception>
#include <mutex>
#include <stdexcept>

// Making things ready, waking pumps, and a pump's life. What it does when it finds nothing is in
// idle.cpp.

namespace convoy::detail {

namespace {

void say_that_nobody_comes() noexcept {
  static constinit atomic<bool> said{false};
  if (!said.exchange(true, std::memory_order_relaxed)) // once
    std::fputs(
        "convoy: a message waits for ever: its runtime was made before fork(), and its threads are "
        "the parent's; make a runtime in the child\n",
        stderr);
}

} // namespace

bool on_worker_thread() noexcept {
  return pump::current() != nullptr || alarm_clock::is_caller() || arena::on_worker_thread();
}

bool runs_tbb_task() noexcept {
  return arena::in_task();
}

scheduler::scheduler(unsigned concurrency)
    : concurrency_(concurrency), made_after_(forks()),
      parts_(std::make_unique<parts>(*this, concurrency)), idle_(starting * concurrency) {
  for (unsigned i = 0; i < concurrency; ++i)
    parts_->pumps.push_back(std::make_unique<pump>(*this, i));
  for (auto& each : parts_->pumps)
    parts_->absent_pumps.push_back(each.get());
  // Making a thread takes some 0.2 ms: the first messages should not have to wait for it.
  for (unsigned i = 0; i < concurrency; ++i)
    parts_->threads.ask();
}

scheduler::~scheduler() {
  if (is_inherited()) { // what its threads had locked stays so
    (void)parts_.release();
    return;
  }
  if (!parts_->trimming.empty()) {
    std::fputs("convoy: a runtime was destroyed before its processors; declare it before them\n",
               stderr);
    std::terminate();
  }
  stopping_.store(true, std::memory_order_relaxed); // ordered by the semaphores' mutexes
  parts_->nap.signal();
  for (unsigned i = 0; i < concurrency_; ++i)
    parts_->park.signal();
  parts_->threads.end();
}

bool scheduler::is_inherited() const noexcept {
  return made_after_ != forks();
}

void scheduler::refuse_if_inherited() const {
  if (is_inherited())
    throw std::logic_error(
        "convoy: this runtime was made before fork(), and its threads are the parent's; "
        "make a runtime in the child");
}

void scheduler::refuse_to_wait() const {
  if (is_inherited())
    throw std::logic_error("convoy: this processor was made before fork(), and its threads are the "
                           "parent's: nobody would handle what you wait for");
  if (on_worker_thread())
    throw std::logic_error("convoy: drain() (or shutdown(), or a processor's destructor) inside a "
                           "handler would wait for that handler; call it from a thread outside "
                           "the runtime");
}

void scheduler::attach(trimmable& t) {
  refuse_if_inherited();
  parts_->trimming.add(t);
}

void scheduler::detach(trimmable& t) noexcept {
  parts_->trimming.remove(t);
}

void scheduler::attach(insight_base& i) {
  const std::lock_guard lock(parts_->insights_mutex);
  parts_->insights.push_back(&i);
}

void scheduler::detach(insight_base& i) noexcept {
  {
    const std::lock_guard lock(parts_->insights_mutex);
    std::erase(parts_->insights, &i);
  }
  while (i.is_pinned())
    sleep_for(tuning::straggler_nap);
}

pinned_insight scheduler::pin_insight(std::size_t nth) const noexcept {
  const std::lock_guard lock(parts_->insights_mutex);
  auto* const found = nth < parts_->insights.size() ? parts_->insights[nth] : nullptr;
  return pinned_insight(found); // NOLINT(modernize-return-braced-init-list): it is explicit
}

std::unique_lock<mutex> scheduler::try_recording() const {
  std::unique_lock lock(parts_->recording_mutex, std::try_to_lock);
  return lock;
}

void scheduler::each_insight(function_ref<void(insight_base&)> function) const {
  const std::lock_guard lock(parts_->insights_mutex);
  for (auto* const each : parts_->insights)
    function(*each);
}

void scheduler::make_ready(ready_item& partition) noexcept {
  auto* const self = pump::current();
  if (self != nullptr && &self->home == this) {
    self->push_visit(partition);
    return self->cover(); // a handler made it ready, and may yet take long
  }
  partition.since = coarse(clock::now());
  push_shared(partition);
  // (1) seq_cst: the item first, then the word; against (2) in idle.cpp
  thread_fence(std::memory_order_seq_cst);
  wake();
}

void scheduler::add_alarm(alarm& a) {
  refuse_if_inherited();
  parts_->alarms.add(a);
}

void scheduler::remove_alarm(alarm& a) noexcept {
  if (is_inherited()) // its lock may be held by a thread that is not here
    return;
  parts_->alarms.remove(a);
}

void scheduler::set_alarm(alarm& a, clock::time_point due) noexcept {
  parts_->alarms.set(a, due);
}

void scheduler::push_shared(ready_item& item) noexcept {
  const auto* const self = pump::current();
  parts_->shared.push(item, self != nullptr ? self->number + 1 : 0);
}

void scheduler::wake() noexcept {
  if (is_inherited()) [[unlikely]]
    return say_that_nobody_comes();
  auto idle = idle_.load(std::memory_order_relaxed); // ordered by the caller's fence
  for (;;) {
    std::uint64_t from = 0;
    if (count(idle, searching) != 0)
      return; // it looks once more after it has counted itself out
    if (count(idle, sentry) != 0)
      from = sentry;
    else if (count(idle, parked) != 0)
      from = parked;
    else if (count(idle, absent) != 0 && count(idle, starting) == 0)
      from = absent;
    else {
      if (count(idle, starting) != 0)
        parts_->threads.hasten();
      return;
    }
    const auto to = from == absent ? starting : searching;
    // relaxed: only who wakes it; what is handed over comes with the signal, or with the thread
    if (!idle_.compare_exchange_weak(idle, idle - from + to, std::memory_order_relaxed))
      continue;
    if (from == sentry)
      parts_->nap.signal();
    else if (from == parked)
      parts_->park.signal();
    else {
      parts_->threads.ask();
      parts_->threads.hasten();
    }
    return;
  }
}

bool scheduler::is_busy() const noexcept {
  return count_all(idle_.load(std::memory_order_relaxed)) < concurrency_; // a hint
}

bool scheduler::work_waits() const noexcept {
  const auto idle = idle_.load(std::memory_order_relaxed); // ordered by the caller's fence
  return count(idle, searching) + count(idle, sentry) == 0 && (any_ready() || must_watch());
}

void scheduler::run_pump() noexcept {
  idle_.fetch_add(searching - starting, std::memory_order_relaxed); // promises nothing yet
  pump* mine = nullptr;
  {
    const std::lock_guard lock(parts_->mutex);
    mine = parts_->absent_pumps.back();
    parts_->absent_pumps.pop_back();
  }
  current<pump>::value = mine;
  run(*mine);
  current<pump>::value = nullptr;
  {
    const std::lock_guard lock(parts_->mutex);
    parts_->absent_pumps.push_back(mine);
  }
  idle_.fetch_add(absent, std::memory_order_relaxed); // ordered by the fence
  // The word first, then the items: against a maker that saw nobody to wake, and a pump that thought all
  // were busy, see watched().
  fence_heavy();
  if (any_ready() || must_watch())
    wake();
}

void scheduler::run(pump& self) noexcept {
  for (;;) {
    auto* item = search(self);
    if (item == nullptr) {
      if (stopping_.load(std::memory_order_relaxed) || !sleep(self)) // see the destructor
        return;
      continue;
    }
    stop_searching();
    self.lanes_run_ = 0; // what they took is not what they and the search took
    self.last_visit_ = clock::now();
    do {
      item->home->run(*item, self);
      // (5) release: our last touch of the owner's memory; pairs with (6)
      self.touching_.store(nullptr, std::memory_order_release);
      self.note_item();
      item = self.next();
    } while (item != nullptr);
    idle_.fetch_add(searching, std::memory_order_relaxed); // promises nothing yet: see sleep()
  }
}

pump& scheduler::at(std::size_t index) const noexcept {
  return *parts_->pumps[index];
}

running_handler& scheduler::run_of(unsigned worker) const noexcept {
  return at(worker).running;
}

void pump::set_limit(clock::time_point due) {
  if (!has_limits_)
    home.add_alarm(running);
  has_limits_ = true;
  running.limit(due);
  home.set_alarm(running, due);
}

bool scheduler::watched() const noexcept {
  const auto idle = idle_.load(std::memory_order_relaxed); // ordered by the caller's fence
  return idle == 0 || count(idle, searching) + count(idle, sentry) != 0;
}

void scheduler::wait_until_left(const void* owner) const noexcept {
  for (const auto& each : parts_->pumps)
    // (6) acquire: the pump's last touch; pairs with (5), and with (5) in scheduler.hpp
    while (each->touching_.load(std::memory_order_acquire) == owner)
      sleep_for(tuning::straggler_nap);
}

} // namespace convoy::detail
