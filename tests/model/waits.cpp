// Locks, threads, time, and queues.

#include "checker.hpp"
#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace model {

namespace {

/// What a mutex hands on, and that it is there.
view& known_at(run& r, const void* mutex) {
  use_atomic(r, mutex);
  return r.known_at[mutex];
}
bool take(run& r, const void* mutex) {
  auto& known = known_at(r, mutex);
  if (std::exchange(r.locked[mutex], true))
    return false;
  r.memory.acquire(r.self(), known);
  return true;
}
void give_up(run& r, const void* mutex) {
  auto& known = known_at(r, mutex); // a use, before what is handed on
  known = r.memory.release(r.self());
  r.locked[mutex] = false;
  r.wake_those_waiting_for(mutex);
}

} // namespace

bool try_lock(const void* mutex) {
  auto* const r = run::current;
  if (r == nullptr)
    return true;
  const inside_checker in;
  r->step();
  if (!r->locked[mutex] && !r->failed_weakly && r->choose(2) == 1) {
    r->failed_weakly = true;
    return false;
  }
  return take(*r, mutex);
}

void lock(const void* mutex) {
  if (auto* const r = run::current) {
    const inside_checker in;
    r->step();
    while (!take(*r, mutex))
      (void)r->block(fiber::state::blocked, mutex);
  }
}

void unlock(const void* mutex) {
  if (auto* const r = run::current) {
    const inside_checker in;
    give_up(*r, mutex);
    r->step();
  }
}

bool wait(const void* condition, const void* mutex, std::chrono::nanoseconds most) {
  auto* const r = run::current;
  bool notified = true;
  {
    const inside_checker in;
    r->step();
    use_atomic(*r, condition);
    if (r->traced())
      r->trace(most == run::never
                   ? "waits for a condition"
                   : "waits for a condition, or " + std::to_string(most.count()) + " ns");
    give_up(*r, mutex);
    notified = r->block(fiber::state::waiting, condition,
                        most > run::never - r->now ? run::never : r->now + most);
  }
  lock(mutex);
  return notified;
}

void notify(const void* condition, bool all) {
  if (auto* const r = run::current) {
    const inside_checker in;
    r->step();
    use_atomic(*r, condition);
    if (r->traced())
      r->trace(all ? "notifies all who wait" : "notifies one who waits");
    r->wake_those_waiting_for(condition, all);
  }
}

unsigned start(std::function<void()> body) {
  const inside_checker in;
  auto& r = *run::current;
  const auto child = r.add(std::move(body));
  r.memory.start(r.self(), child);
  r.step();
  return child;
}

void join(unsigned thread) {
  const inside_checker in;
  auto& r = *run::current;
  auto& other = r.at(thread);
  while (other.is != fiber::state::over)
    (void)r.block(fiber::state::blocked, &other);
  r.memory.acquire(r.self(), r.known_at[&other]);
}

void sleep(std::chrono::nanoseconds time) {
  if (auto* const r = run::current) {
    const inside_checker in;
    const auto most = std::min<std::chrono::nanoseconds>(time, std::chrono::milliseconds(1));
    (void)r->block(fiber::state::asleep, nullptr, r->now + most);
  }
}

void rest() {
  const inside_checker in;
  (void)run::current->block(fiber::state::resting, nullptr);
}

std::chrono::nanoseconds now() {
  auto* const r = run::current;
  return r != nullptr ? r->now += std::chrono::microseconds(4) : std::chrono::nanoseconds(0);
}

void*& local(const void* key) {
  static void* outside = nullptr;
  auto* const r = run::current;
  if (r == nullptr)
    return outside;
  const inside_checker in;
  return r->at(r->self()).locals[key];
}

void push(const void* queue, void* item) {
  const inside_checker in;
  auto& r = *run::current;
  r.step();
  use_atomic(r, queue);
  r.queues[queue].push_back({item, r.memory.release(r.self())});
}

void* pop(const void* queue) {
  const inside_checker in;
  auto& r = *run::current;
  r.step();
  use_atomic(r, queue);
  auto& items = r.queues[queue];
  if (items.empty())
    return nullptr;
  const auto first = std::move(items.front());
  items.pop_front();
  r.memory.acquire(r.self(), first.with);
  return first.item;
}

} // namespace model
