#pragma once

// Ready items that any pump may take. First of all what comes from outside or found no room in a
// pump's own queue, and partitions to drain while lanes are slow. Then lanes by age: slow ones, and
// those of which a quantum has left some over.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "sched/lanes_by_age.hpp"

#include <array>
#include <chrono>
#include <concurrentqueue.h>
#include <cstdint>
#include <mutex>

namespace convoy::detail {

class shared_queue {
public:
  /// What goes first. Any thread; lock-free, except that it waits for memory if there is none, as
  /// an item can't be refused. `from`: another number than most other threads'.
  void push(ready_item& item, unsigned from) noexcept {
    // (1) release: the item, where ThreadSanitizer sees it; pairs with (2)
    size_.fetch_add(1, std::memory_order_release);
    for (unsigned i = 0; i < entries_.size(); ++i)
      if (entries_[(from + i) % entries_.size()].push(item, items_))
        return;
    while (!items_.enqueue(&item))
      sleep_for(tuning::out_of_memory_nap);
  }

  /// Any thread, lock-free. Null: nothing, or it is being taken or hidden for a moment (see
  /// found_ready()).
  [[nodiscard]] ready_item* take() noexcept {
    if (size_.load(std::memory_order_relaxed) == 0) // a hint that misses none
      return nullptr;
    // Inside there is a queue for each entry. Without a token the fullest is taken from, and what a thread has left before it was held up might never be; each new token begins
    // at another one.
    moodycamel::ConsumerToken token(items_);
    ready_item* item = nullptr;
    if (!items_.try_dequeue(token, item))
      return nullptr;
    // (2) acquire: the item; pairs with (1)
    size_.fetch_sub(1, std::memory_order_acquire);
    return item;
  }

  /// Any thread, under a short lock; without memory their order is not kept. The list is empty
  /// then. If the caller does not `wait` for the lock it may stay as it is.
  void push_lanes(ready_list& lanes, bool wait) noexcept {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (!get(lock, wait))
      return;
    const auto count =
        lanes_waiting_.load(std::memory_order_relaxed) + lanes.size(); // we have the lock
    while (auto* const each = lanes.pop())
      lanes_.push(*each);
    lanes_waiting_.store(count, std::memory_order_relaxed); // who looks without the lock fences
  }

  /// The lane whose first message has waited longest. Null: there is none, or the caller does not
  /// `wait` for the lock. As push_lanes().
  [[nodiscard]] ready_item* take_lane(bool wait) noexcept {
    if (!any_lane())
      return nullptr;
    std::unique_lock lock(mutex_, std::defer_lock);
    if (!get(lock, wait))
      return nullptr;
    auto* const lane = lanes_.pop();
    if (lane != nullptr)
      lanes_waiting_.store(lanes_waiting_.load(std::memory_order_relaxed) - 1,
                           std::memory_order_relaxed); // we have the lock
    return lane;
  }

  /// A guess that misses none that was pushed and is not taken.
  [[nodiscard]] bool any_lane() const noexcept {
    return lanes_waiting_.load(std::memory_order_relaxed) != 0; // ordered by the caller's fence
  }

  /// Likewise.
  [[nodiscard]] bool empty() const noexcept {
    return !any_lane() &&
           (size_.load(std::memory_order_relaxed) == 0 || // ordered by the caller's fence
            items_.size_approx() == 0);                   // while a push is under way
  }

private:
  using queue = moodycamel::ConcurrentQueue<ready_item*>;

  /// Threads push through a few of these, one at a time; who finds all in use pushes as who he is. With a
  /// queue for each of 256 threads, takers looked through them for a fifth of all time.
  class entry {
  public:
    explicit entry(queue& of) : token_(of) {}

    /// False: it is in use, or out of memory.
    [[nodiscard]] bool push(ready_item& item, queue& of) noexcept {
      // (3) acquire: what is in the token; pairs with (4)
      if (!token_.valid() || is_used_.load(std::memory_order_relaxed) || // a hint
          is_used_.exchange(true, std::memory_order_acquire))
        return false;
      const bool done = of.enqueue(token_, &item);
      is_used_.store(false, std::memory_order_release); // (4) release: pairs with (3)
      return done;
    }

  private:
    alignas(cache_line) atomic<bool> is_used_{false};
    moodycamel::ProducerToken token_;
  };

  [[nodiscard]] static bool get(std::unique_lock<mutex>& lock, bool wait) noexcept {
    if (!wait)
      return lock.try_lock();
    lock.lock();
    return true;
  }

  alignas(cache_line) atomic<std::uint32_t> lanes_waiting_{0}; // fast pumps look here
  alignas(cache_line) atomic<std::uint32_t> size_{0}; // pushed, or about to be, and not taken
  alignas(cache_line) queue items_;
  std::array<entry, 8> entries_{entry(items_), entry(items_), entry(items_), entry(items_),
                                entry(items_), entry(items_), entry(items_), entry(items_)};

  alignas(cache_line) mutex mutex_; // guards what follows
  lanes_by_age lanes_;
};

} // namespace convoy::detail
