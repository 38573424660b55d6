#include "convoy/detail/scheduler.hpp"

#include "arena.hpp"
#include "convoy/detail/asymmetric_fence.hpp"
#include "convoy/detail/pause.hpp"
#include "semaphore.hpp"
#include "tenancy.hpp"

#include <algorithm>
#include <concurrentqueue.h>
#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace convoy::detail {

namespace {

// The idle word's fields.
constexpr unsigned field_bits = 12;
constexpr std::uint64_t field_mask = (1u << field_bits) - 1;
constexpr std::uint64_t searching = 1;
constexpr std::uint64_t parked = searching << field_bits;
constexpr std::uint64_t starting = parked << field_bits;
constexpr std::uint64_t absent = starting << field_bits;
constexpr std::uint64_t sentry = absent << field_bits;

constexpr unsigned count(std::uint64_t idle, std::uint64_t field) noexcept {
  return static_cast<unsigned>((idle / field) & field_mask);
}

constexpr unsigned count_all(std::uint64_t idle) noexcept {
  return count(idle, searching) + count(idle, parked) + count(idle, starting) +
         count(idle, absent) + count(idle, sentry);
}

constexpr std::chrono::microseconds search_time{10}; // about what a wake-up costs
constexpr std::chrono::microseconds nap_time{50};    // how long work may hide behind a handler
constexpr unsigned idle_naps = 40;                   // then the sentry parks
constexpr std::chrono::milliseconds park_time{100};  // then the thread goes back to the arena

/// What TBB does for us anyway, where ThreadSanitizer can see it.
constinit std::atomic<std::uint64_t> tbb_edge{0};

} // namespace

struct scheduler::parts {
  explicit parts(unsigned concurrency) : workers(concurrency) {}

  arena workers;
  moodycamel::ConcurrentQueue<ready_item*> inbox;
  std::vector<std::unique_ptr<pump>> pumps;

  semaphore park;
  semaphore nap;

  std::mutex mutex; // guards what follows
  std::vector<pump*> absent_pumps;
  unsigned tasks = 0; // enqueued or running
  std::condition_variable task_ended;

  tenancy tenants;
};

bool on_worker_thread() noexcept {
  return pump::current() != nullptr || arena::on_worker_thread();
}

scheduler::scheduler(unsigned concurrency)
    : concurrency_(concurrency), parts_(std::make_unique<parts>(concurrency)),
      idle_(absent * concurrency) {
  for (unsigned i = 0; i < concurrency; ++i)
    parts_->pumps.push_back(std::make_unique<pump>(*this));
  for (auto& each : parts_->pumps)
    parts_->absent_pumps.push_back(each.get());
}

scheduler::~scheduler() {
  if (!parts_->tenants.empty()) {
    std::fputs("convoy: a runtime was destroyed before its processors; declare it before them\n",
               stderr);
    std::terminate();
  }
  stopping_.store(true, std::memory_order_relaxed); // ordered by the semaphores' mutexes
  parts_->nap.signal();
  for (unsigned i = 0; i < concurrency_; ++i)
    parts_->park.signal();
  std::unique_lock lock(parts_->mutex);
  parts_->task_ended.wait(lock, [this] { return parts_->tasks == 0; });
}

void scheduler::attach(tenant& t) {
  parts_->tenants.add(t);
}

void scheduler::detach(tenant& t) noexcept {
  parts_->tenants.remove(t);
}

void scheduler::make_ready(ready_item& partition) noexcept {
  auto* const self = pump::current();
  if (self != nullptr && &self->home == this) {
    self->push_visit(partition);
    return self->cover(); // a handler made it ready, and may yet take long
  }
  put_in_inbox(partition);
  // (14) seq_cst: the item first, then the word; pairs with (15)
  std::atomic_thread_fence(std::memory_order_seq_cst);
  wake();
}

void scheduler::put_in_inbox(ready_item& item) noexcept {
  inbox_edge_.fetch_add(
      1, std::memory_order_release);    // (1) release: what is behind the item; pairs with (2)
  while (!parts_->inbox.enqueue(&item)) // out of memory: the item can't be refused, so it waits
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

ready_item* scheduler::take_from_inbox() noexcept {
  ready_item* item = nullptr;
  if (!parts_->inbox.try_dequeue(item))
    return nullptr;
  (void)inbox_edge_.load(
      std::memory_order_acquire); // (2) acquire: what is behind the item; pairs with (1)
  return item;
}

void scheduler::wake() noexcept {
  // (3) seq_cst: the item first, then the word; against (4), (9), (10), (11)
  auto idle = idle_.load(std::memory_order_seq_cst);
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
    else
      return;
    const auto to = from == absent ? starting : searching;
    // (5) release: hands over to whom we wake; pairs with (6)
    if (!idle_.compare_exchange_weak(idle, idle - from + to, std::memory_order_seq_cst,
                                     std::memory_order_seq_cst))
      continue;
    if (from == sentry)
      parts_->nap.signal();
    else if (from == parked)
      parts_->park.signal();
    else
      start_task();
    return;
  }
}

void scheduler::start_task() noexcept {
  tbb_edge.fetch_add(
      1, std::memory_order_release); // (12) release: the scheduler itself; pairs with (13)
  {
    const std::lock_guard lock(parts_->mutex);
    ++parts_->tasks;
  }
  for (;;) {
    try {
      return parts_->workers.enqueue(&scheduler::run_task, this);
    } catch (...) { // out of memory: somebody has to run, so it waits
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

void scheduler::run_task(void* argument) noexcept {
  (void)tbb_edge.load(
      std::memory_order_acquire); // (13) acquire: the scheduler itself; pairs with (12)
  auto& self = *static_cast<scheduler*>(argument);
  // (6) acquire: what the waker had done; pairs with (5)
  self.idle_.fetch_add(searching - starting, std::memory_order_acq_rel);
  auto& parts = *self.parts_;
  pump* mine = nullptr;
  {
    const std::lock_guard lock(parts.mutex);
    mine = parts.absent_pumps.back();
    parts.absent_pumps.pop_back();
  }
  pump::current_ = mine;
  self.run(*mine);
  pump::current_ = nullptr;
  {
    const std::lock_guard lock(parts.mutex);
    parts.absent_pumps.push_back(mine);
  }
  // (4) seq_cst: the word first, then the items; against a maker that saw nobody to wake (3)
  self.idle_.fetch_add(absent, std::memory_order_seq_cst);
  fence_heavy(); // against a pump that thought all were busy, see watched()
  if (self.any_ready() || self.must_watch())
    self.wake();
  const std::lock_guard lock(parts.mutex);
  --parts.tasks;
  parts.task_ended.notify_all();
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
    do {
      item->home->run(*item, self);
      // (7) release: our last touch of the owner's memory; pairs with (8)
      self.touching_.store(nullptr, std::memory_order_release);
      self.note_item();
      item = self.next();
    } while (item != nullptr);
    idle_.fetch_add(searching, std::memory_order_relaxed); // promises nothing yet: see sleep()
  }
}

ready_item* scheduler::search(pump& self) noexcept {
  const auto begin = clock::now();
  watch(self, begin);
  for (auto* queue : {&self.visits_, &self.urgent_, &self.lanes_}) // what watch() has found
    if (auto* const item = queue->pop())
      return item;
  const auto until = begin + search_time;
  do {
    if (auto* const item = take_from_inbox())
      return item;
    for (std::size_t i = 0; i < parts_->pumps.size(); ++i) {
      auto& victim = *parts_->pumps[++self.victim_ % parts_->pumps.size()];
      if (&victim == &self)
        continue;
      if (auto* const item = self.steal_from(victim))
        return item;
    }
    for (unsigned i = 0; i < 16; ++i)
      pause();
  } while (clock::now() < until);
  return nullptr;
}

void scheduler::stop_searching() noexcept {
  // (9) seq_cst: the word first, then the items; against (3), who woke nobody while we searched
  const auto idle = idle_.fetch_sub(searching, std::memory_order_seq_cst) - searching;
  if (count(idle, searching) + count(idle, sentry) != 0 || count_all(idle) == 0)
    return;
  // Nobody looks any more. Somebody must if there is more, or other pumps that could hide some.
  if (count_all(idle) + 1 < concurrency_ || any_ready())
    wake();
}

/// To be asked after a change of the idle word.
bool scheduler::any_ready() const noexcept {
  // (15) seq_cst: the word first, then the items; pairs with (14)
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (parts_->inbox.size_approx() != 0)
    return true;
  for (const auto& each : parts_->pumps)
    if (each->approx_size() != 0)
      return true;
  return false;
}

/// Called while counted as searching. True: counted as searching again, with reason; false: counted
/// nowhere, leave.
bool scheduler::sleep(pump& self) noexcept {
  auto idle = idle_.load(std::memory_order_relaxed); // the swap decides
  for (;;) {
    const bool others_busy = count_all(idle) < concurrency_;
    const auto to = others_busy && count(idle, sentry) == 0 ? sentry : parked;
    // (10) seq_cst: the word first, then the items; against (3)
    if (!idle_.compare_exchange_weak(idle, idle - searching + to, std::memory_order_seq_cst,
                                     std::memory_order_relaxed))
      continue;
    return to == sentry ? stand_sentry(self) : park();
  }
}

/// Gives up one of `field`, to be counted under `to`; false if a waker has already counted us in as
/// searching.
bool scheduler::leave_field(std::uint64_t field, std::uint64_t to) noexcept {
  auto idle = idle_.load(std::memory_order_relaxed); // the swap decides
  while (count(idle, field) != 0)
    // (11) seq_cst: the word first, then the items; against (3)
    if (idle_.compare_exchange_weak(idle, idle - field + to, std::memory_order_seq_cst,
                                    std::memory_order_relaxed))
      return true;
  return false;
}

bool scheduler::park() noexcept {
  const auto must_stay = [this] {
    return any_ready() || parts_->tenants.should_trim(clock::now()); // search() will
  };
  if (!must_stay()) {
    if (parts_->park.wait_for(park_time))
      return true;
    if (!must_stay()) {
      if (leave_field(parked, 0))
        return false;
      parts_->park.wait(); // a waker was faster, its signal is on the way
      return true;
    }
  }
  if (!leave_field(parked, searching))
    parts_->park.wait();
  return true;
}

/// Some pump runs handlers inline, and might be stuck in one.
bool scheduler::must_watch() const noexcept {
  return std::any_of(parts_->pumps.begin(), parts_->pumps.end(),
                     [](const auto& each) { return each->claim.needs_watcher(); });
}

void scheduler::watch(pump& self, clock::time_point now) noexcept {
  const auto at = std::chrono::nanoseconds(now.time_since_epoch()).count();
  auto due = next_watch_.load(std::memory_order_relaxed); // the swap decides
  if (at < due ||
      !next_watch_.compare_exchange_strong(due, at + std::chrono::nanoseconds(nap_time).count(),
                                           std::memory_order_relaxed))
    return;
  for (const auto& each : parts_->pumps)
    if (auto* const partition = each->claim.take_if_stuck())
      self.push_visit(*partition);
  if (!self.lanes_are_slow()) // else it looks around anyway, and most pumps are in long items
    for (const auto& each : parts_->pumps)
      if (each.get() != &self && each->held_up())
        self.relieve(*each);
  parts_->tenants.trim(self, now);
}

bool scheduler::stand_sentry(pump& self) noexcept {
  for (unsigned naps = 0;; ++naps) {
    const bool woken = parts_->nap.wait_for(nap_time);
    watch(self, clock::now());
    if (woken)
      return true;
    const auto idle = idle_.load(std::memory_order_relaxed); // a hint
    if (any_ready() ||
        count_all(idle) == concurrency_) { // or nobody left to watch: the next sleep() parks
      if (!leave_field(sentry, searching))
        parts_->nap.wait();
      return true;
    }
    if (naps == idle_naps) {
      if (!leave_field(sentry, parked)) {
        parts_->nap.wait();
        return true;
      }
      fence_heavy(); // against a pump that relies on us in cover() or open_inline(): we see its
                     // items or its claim, or it sees us gone
      if (!must_watch())
        return park();
      if (!leave_field(parked, searching))
        parts_->park.wait();
      return true;
    }
  }
}

pump& scheduler::at(std::size_t index) const noexcept {
  return *parts_->pumps[index];
}

bool scheduler::watched() const noexcept {
  const auto idle = idle_.load(std::memory_order_relaxed); // ordered by the caller's fence
  return idle == 0 || count(idle, searching) + count(idle, sentry) != 0;
}

void scheduler::wait_until_left(const void* owner) const noexcept {
  for (const auto& each : parts_->pumps)
    // (8) acquire: the pump's last touch; pairs with (7)
    while (each->touching_.load(std::memory_order_acquire) == owner)
      std::this_thread::sleep_for(std::chrono::microseconds(20));
}

} // namespace convoy::detail
