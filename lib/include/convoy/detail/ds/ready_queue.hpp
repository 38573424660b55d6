#pragma once

// The ready items of one pump: a bounded FIFO that its owner pushes to and everybody takes from.
//
// The word: head_ counts items taken, tail_ items pushed; slots [head_, tail_) hold items. Only the
// owner moves tail_; head_ is moved by compare-and-swap, by the owner one at a time and by a thief
// for half of what there is. A slot is read before the swap that takes it: if it was overwritten
// meanwhile, head_ has moved and the swap fails (64 bits: it cannot come round). The design is that
// of Go's and Tokio's run queues.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace convoy::detail {

inline constexpr std::size_t cache_line = 64;

class pump;

struct ready_item;

/// Knows how to run ready items: a partition, for itself and its lanes (partition::run), and a
/// callback, for itself (callback::run).
class runner {
public:
  virtual void run(ready_item& item, pump& self) noexcept = 0;

protected:
  ~runner() = default;
};

/// A time, in steps of 16 us. It comes round after 19 hours, so only what lies less than half of
/// that apart can be compared.
using coarse_time = std::uint32_t;

[[nodiscard]] inline coarse_time coarse(clock::time_point when) noexcept {
  const std::chrono::nanoseconds since = when.time_since_epoch();
  return static_cast<coarse_time>(since.count() >> tuning::coarse_time_bits);
}
[[nodiscard]] inline std::chrono::nanoseconds duration_of(coarse_time steps) noexcept {
  return std::chrono::nanoseconds(std::int64_t{steps} << tuning::coarse_time_bits);
}
[[nodiscard]] inline bool is_before(coarse_time a, coarse_time b) noexcept {
  return static_cast<std::int32_t>(a - b) < 0;
}

/// A lane with work, or a partition to drain. Belongs to whoever took it from a queue.
struct ready_item {
  explicit ready_item(runner& where) noexcept : home(&where) {}

  runner* home;
  ready_item* link = nullptr;  ///< in a list
  ready_item* below = nullptr; ///< of a lane with a joint message at its turn: that
  std::uint32_t handed = 0;    ///< of a lane: messages that may be handled
  coarse_time since = 0; ///< its first message has waited for a worker since then; see make_ready()
};

/// Items in the order in which they are to be made ready, linked; of one thread.
class ready_list {
public:
  ready_list() = default;
  ready_list(const ready_list&) = delete;
  ready_list& operator=(const ready_list&) = delete;
  ~ready_list() = default;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  void push(ready_item& item) noexcept {
    item.link = nullptr;
    (empty() ? first_ : last_->link) = &item;
    last_ = &item;
    ++size_;
  }
  [[nodiscard]] ready_item& last() const noexcept { return *last_; } // there must be one

  /// Null: empty.
  [[nodiscard]] ready_item* pop() noexcept {
    auto* const first = first_;
    if (first != nullptr) {
      first_ = first->link;
      --size_;
    }
    return first;
  }
  [[nodiscard]] ready_item& first() const noexcept { return *first_; } // there must be one

private:
  ready_item* first_ = nullptr; // the others by `link`
  ready_item* last_ = nullptr;  // if there is one
  std::uint32_t size_ = 0;
};

class ready_queue {
public:
  static constexpr std::uint64_t capacity = tuning::ready_queue_capacity;

  /// Owner only, wait-free. False: no room, the item is still the caller's.
  [[nodiscard]] bool push(ready_item& item) noexcept {
    const auto tail = tail_.load(std::memory_order_relaxed); // only we write it
    if (tail - head_.load(std::memory_order_acquire) >=
        capacity) // (1) acquire: the slot's last reader is done; pairs with (3), (4)
      return false;
    slot(tail).store(&item, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release); // (2) release: publishes the item and all
                                                      // behind it; pairs with (5)
    return true;
  }

  /// Owner only, lock-free. Null: empty.
  [[nodiscard]] ready_item* pop() noexcept {
    auto head = head_.load(std::memory_order_relaxed);      // the swap decides
    while (head != tail_.load(std::memory_order_relaxed)) { // only we write it
      auto* const item = slot(head).load(std::memory_order_relaxed);
      // (3) release: our read of the slot comes before its reuse; pairs with (1), (7)
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_release,
                                      std::memory_order_relaxed))
        return item;
    }
    return nullptr;
  }

  /// Any thread, lock-free; one item, the oldest. Null: empty, or another thread was faster.
  [[nodiscard]] ready_item* take() noexcept {
    auto head = head_.load(std::memory_order_relaxed); // the swap decides
    // (5) acquire: as in steal_into(); pairs with (2), (6)
    const auto tail = tail_.load(std::memory_order_acquire);
    if (head == tail || tail - head > capacity) // empty, or head is long out of date
      return nullptr;
    auto* const item = slot(head).load(std::memory_order_relaxed);
    // (4) release: as in steal_into(); pairs with (1), (7)
    return head_.compare_exchange_strong(head, head + 1, std::memory_order_release,
                                         std::memory_order_relaxed)
               ? item
               : nullptr;
  }

  /// Any thread but the owner; moves up to half of the items to `mine` (empty, owned by the caller)
  /// and returns one more. Lock-free; null also when another thief was faster.
  [[nodiscard]] ready_item* steal_into(ready_queue& mine) noexcept {
    auto head = head_.load(std::memory_order_relaxed); // the swap decides
    // (5) acquire: the items and all behind them; pairs with (2), (6)
    const auto tail = tail_.load(std::memory_order_acquire);
    if (head == tail || tail - head > capacity) // empty, or head is long out of date
      return nullptr;
    const auto count = (tail - head + 1) / 2;
    const auto mine_tail = mine.tail_.load(std::memory_order_relaxed); // only we write it
    // (7) acquire: the last readers of our slots are done; pairs with (3), (4)
    (void)mine.head_.load(std::memory_order_acquire);
    for (std::uint64_t i = 1; i < count; ++i)
      mine.slot(mine_tail + i - 1)
          .store(slot(head + i).load(std::memory_order_relaxed), std::memory_order_relaxed);
    auto* const first = slot(head).load(std::memory_order_relaxed);
    // (4) release: our reads of the slots come before their reuse; pairs with (1), (7)
    if (!head_.compare_exchange_strong(head, head + count, std::memory_order_release,
                                       std::memory_order_relaxed))
      return nullptr;
    // (6) release: passes the items on to the next thief; pairs with (5)
    mine.tail_.store(mine_tail + count - 1, std::memory_order_release);
    return first;
  }

  /// Exact for the owner, a guess for others.
  [[nodiscard]] std::uint64_t approx_size() const noexcept {
    const auto head = head_.load(std::memory_order_relaxed); // a guess
    const auto tail = tail_.load(std::memory_order_relaxed); // a guess
    return tail > head ? tail - head : 0;
  }

private:
  atomic<ready_item*>& slot(std::uint64_t index) noexcept { return slots_[index % capacity]; }

  alignas(cache_line) atomic<std::uint64_t> head_{0};
  alignas(cache_line) atomic<std::uint64_t> tail_{0};
  alignas(cache_line) std::array<atomic<ready_item*>, capacity> slots_{};
};

} // namespace convoy::detail
