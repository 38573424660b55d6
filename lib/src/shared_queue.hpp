#pragma once

// Ready items that any pump may take. First of all what comes from outside or found no room in a
// pump's own queue, and partitions to drain while lanes are slow. Then slow lanes, in queues by
// length, the longest first: order lets only one worker at a time work on a lane, so what is put
// off in a long one is still there when the others have come to an end.
//
// How long is long? A worker that always has the longest lane is lost to the others. With 64 workers
// they hardly notice, and each message counts: with a thousand equally busy keys taking turns cost 3
// to 9 % of the makespan. With two they have only half of the workers left, and a key with half of
// the work tripled the others' p99, where taking turns costs nothing as long as a backlog is small.
// So lengths are counted in units of 63 / (workers - 1) messages, and what is less than two of them
// is all alike.

#include "convoy/detail/atomic.hpp"
#include "convoy/detail/ready_queue.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <concurrentqueue.h>
#include <cstddef>
#include <cstdint>

namespace convoy::detail {

class shared_queue {
public:
  explicit shared_queue(unsigned workers) noexcept : workers_(workers) {}

  /// What goes first. Any thread; lock-free, except that it waits for memory if there is none, as
  /// an item can't be refused.
  void push(ready_item& item) noexcept { push_to(first, item); }

  /// As push().
  void push_lane(ready_item& lane) noexcept {
    lanes_waiting_.fetch_add(1, std::memory_order_relaxed); // a hint that misses none
    push_to(length_of(lane.handed), lane);
  }

  /// Any thread, lock-free. Null: nothing, or it is being taken or hidden for a moment (see found_ready()).
  [[nodiscard]] ready_item* take() noexcept { return take_from(first); }

  /// The longest lane there is. But at every fourth take (with two workers every other one, and as
  /// long as there are enough of the longest for everybody) the next of the lengths that there are
  /// has its turn: what is long must not keep the others waiting for as long as it lasts. As
  /// take(); `turn` is the caller's.
  [[nodiscard]] ready_item* take_lane(slow_turn& turn) noexcept {
    if (!any_lane())
      return nullptr;
    auto longest = lengths - 1;
    while (longest != 0 && size_of(longest) == 0)
      --longest;
    const auto every = size_of(longest) >= workers_ ? 2u : std::clamp(workers_, 2u, 4u);
    const bool in_turn = ++turn.takes % every == 0;
    const auto begin = in_turn ? (turn.length + lengths - 1) % lengths : longest;
    for (std::size_t i = 0; i < lengths; ++i) {
      const auto length = (begin + lengths - i) % lengths;
      if (auto* const lane = take_from(length)) {
        lanes_waiting_.fetch_sub(1, std::memory_order_relaxed); // a hint that misses none
        if (in_turn)
          turn.length = length;
        return lane;
      }
    }
    return nullptr;
  }

  /// A guess that misses none that was pushed and is not taken.
  [[nodiscard]] bool any_lane() const noexcept {
    return lanes_waiting_.load(std::memory_order_relaxed) != 0; // a hint that misses none
  }

  /// A guess that does not miss what was pushed and is not taken.
  [[nodiscard]] bool empty() const noexcept {
    for (std::size_t i = 0; i <= first; ++i) // while a push is under way there is nothing yet
      if (size_of(i) != 0 && items_[i].size_approx() != 0)
        return false;
    return true;
  }

private:
  static constexpr std::size_t lengths = 15;
  static constexpr std::size_t first = lengths; // the queue of what goes first

  /// The queue for less than 2 units, for 2, 3, 4 and 5, 6 and 7, 8 to 11, 12 to 15, …, from 192 on.
  [[nodiscard]] std::size_t length_of(std::uint32_t messages) const noexcept {
    const auto units = std::uint64_t{messages} * (workers_ - 1) / 63;
    if (units < 2)
      return 0;
    const auto width = std::size_t{64} - static_cast<unsigned>(std::countl_zero(units));
    const auto half = (units >> (width - 2)) & 1;
    return std::min(2 * (width - 2) + half + 1, lengths - 1);
  }

  void push_to(std::size_t index, ready_item& item) noexcept {
    // (1) release: the item, where ThreadSanitizer sees it; pairs with (2)
    sizes_[index].fetch_add(1, std::memory_order_release);
    while (!items_[index].enqueue(&item))
      sleep_for(std::chrono::milliseconds(1));
  }

  [[nodiscard]] ready_item* take_from(std::size_t index) noexcept {
    if (size_of(index) == 0)
      return nullptr;
    // Inside there is a queue for each thread that pushes. Without a token the fullest is taken
    // from, and what a thread has left before it was held up might never be; each new token begins
    // at another one.
    moodycamel::ConsumerToken token(items_[index]);
    ready_item* item = nullptr;
    if (!items_[index].try_dequeue(token, item))
      return nullptr;
    // (2) acquire: the item; pairs with (1)
    sizes_[index].fetch_sub(1, std::memory_order_acquire);
    return item;
  }

  [[nodiscard]] std::uint32_t size_of(std::size_t index) const noexcept {
    return sizes_[index].load(std::memory_order_relaxed); // ordered by the caller's fence
  }

  const unsigned workers_;
  alignas(cache_line) atomic<std::uint32_t> lanes_waiting_{0}; // fast pumps look here
  // Pushed, or about to be, and not taken. All in one line, for those who look and find nothing.
  alignas(cache_line) std::array<atomic<std::uint32_t>, lengths + 1> sizes_{};
  std::array<moodycamel::ConcurrentQueue<ready_item*>, lengths + 1> items_;
};

} // namespace convoy::detail
