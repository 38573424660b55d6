#pragma once

// Handlers that a drainer runs straight from its ring, and how another pump takes the partition
// over when one of them does not come to an end. One per pump, for the partition that it drains.
//
// The words, both of the owner's pump:
//   running_   2n + 1 while the n-th handler runs, 2n between handlers. Only the owner writes.
//   takeover_  4r + what: 0 nobody asks, 1 asked, 2 taken; r numbers the requests, so that a late
//              thief can't mistake a new one for its own.
//
// While running_ is odd the owner leaves everything of the partition alone, so a thief finds it in
// order. Owner: store running_, light fence, load takeover_. Thief: ask, heavy fence, load
// running_, then asked → taken. Either the owner sees the question or the thief sees what the owner
// does; and who wins the swap of `asked` decides:
// - the owner, which answers when it begins or ends a handler: it moves, nobody need take over (the
//   thief may see that first, and withdraws its question);
// - the thief: the role is its own. The owner finds out when the handler it is in has returned (or
//   when it begins it, then it runs it first), and gives back the lane of that handler, nothing else.
// A request is always answered at the first look after the thief's fence, so `taken` is about the
// handler that the owner is in, never about an earlier one.

#include "convoy/detail/asymmetric_fence.hpp"
#include "convoy/detail/atomic.hpp"
#include "convoy/detail/ready_queue.hpp"
#include "convoy/detail/thread_sanitizer.hpp"

#include <cstdint>

namespace convoy::detail {

class inline_claim {
public:
  // ---- the owner ----

  /// From here on handlers of this partition may run inline. Somebody must be there who would take
  /// over: to be looked for after this.
  void open(ready_item& partition) noexcept {
    partition_.store(&partition, std::memory_order_relaxed); // ordered by running_
    open_.store(true, std::memory_order_relaxed);            // ordered by the fence
    fence_light(); // against a watcher that leaves, see scheduler::stand_sentry()
  }
  void close() noexcept { open_.store(false, std::memory_order_relaxed); } // a hint from here on

  /// Before a handler; everything is as a thief should find it. True: it is taken already, run the
  /// handler and give its lane back.
  [[nodiscard]] bool begin() noexcept { return step(); }

  /// After a handler. True: taken, only its lane is ours.
  [[nodiscard]] bool end() noexcept { return step(); }

  /// Taken, and the lane is about to be given back.
  void settle() noexcept {
    if ((running_.load(std::memory_order_relaxed) & 1) != 0) // only we write it
      running_.fetch_add(1, std::memory_order_relaxed);
    close();
    // (3) release: running_, to who asks next; pairs with (1)
    takeover_.store((takeover_.load(std::memory_order_relaxed) | 3) + 1, std::memory_order_release);
  }

  // ---- anybody ----

  /// Somebody must stay awake for what the owner may be stuck in.
  [[nodiscard]] bool needs_watcher() const noexcept {
    return open_.load(std::memory_order_relaxed) && // ordered by the watcher's heavy fence
           (takeover_.load(std::memory_order_relaxed) & 3) != taken;
  }

  /// Takes the partition over if the owner is in the handler that it was in at the last call; null
  /// if not.
  [[nodiscard]] ready_item* take_if_stuck() noexcept {
    const auto running = running_.load(std::memory_order_relaxed); // a first look
    if (seen_.exchange(running, std::memory_order_relaxed) != running ||
        (running & 1) == 0) // a hint
      return nullptr;
    auto word = takeover_.load(std::memory_order_relaxed); // ordered by the fence
    if ((word & 3) != 0 ||
        !takeover_.compare_exchange_strong(word, word + asked, std::memory_order_relaxed,
                                           std::memory_order_relaxed))
      return nullptr;
    word += asked;
    // What came before the values that we have read: that the owner is out of an earlier handler (3), and (1).
    fence_heavy();
    // (1) acquire: the partition as the owner left it; pairs with (2), (3). The fence alone would do, but
    // ThreadSanitizer knows of no fences.
    const bool moved = running_.load(std::memory_order_acquire) != running;
    // Before the swap: after it the owner may come back, and open another partition.
    auto* const partition = partition_.load(std::memory_order_relaxed); // the swap decides
    // relaxed: only who wins; the partition comes with running_
    if (!takeover_.compare_exchange_strong(word, moved ? word + 3 : word + 1,
                                           std::memory_order_relaxed, std::memory_order_relaxed))
      return nullptr;
    return moved ? nullptr : partition;
  }

private:
  static constexpr std::uint64_t asked = 1;
  static constexpr std::uint64_t taken = 2;

  [[nodiscard]] bool step() noexcept {
    tell_passed_on(partition_.load(std::memory_order_relaxed));    // our own
    const auto now = running_.load(std::memory_order_relaxed) + 1; // only we write it
    // (2) release: the partition and its lane, to a thief; pairs with (1)
    running_.store(now, std::memory_order_release);
    fence_light();                                         // against take_if_stuck()
    auto word = takeover_.load(std::memory_order_relaxed); // ordered by the fence
    // while asked: we move, and say so; if the swap fails, whoever asked has gone
    while ((word & 3) == asked) {
      if (takeover_.compare_exchange_weak(word, word + 3, std::memory_order_relaxed,
                                          std::memory_order_relaxed)) // only who wins
        return false;
    }
    return (word & 3) == taken;
  }

  alignas(cache_line) atomic<std::uint64_t> running_{0};
  atomic<std::uint64_t> takeover_{0};
  atomic<bool> open_{false};
  atomic<ready_item*> partition_{nullptr}; // written while running_ is even
  atomic<std::uint64_t> seen_{0};          // running_ at the last call of take_if_stuck()
};

} // namespace convoy::detail
