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
// order. Owner, when a handler has ended: store running_, light fence, load takeover_. Thief: ask,
// heavy fence, load running_, then asked → taken. Either the owner sees the question or the thief
// sees that the handler has ended; and who wins the swap of `asked` decides:
// - the owner, which answers: it moves, nobody need take over (the thief may see that first, and
//   withdraws its question);
// - the thief: the role is its own. The owner finds out when its handler has returned, and gives
//   back the lane of that handler, nothing else.
// The owner does not look when it begins a handler. A question that comes between two handlers is
// about one that has ended, which the thief sees after its fence: it withdraws. So `taken` is about
// the handler that the owner is in, never about another one.

#include "convoy/detail/base/asymmetric_fence.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/thread_sanitizer.hpp"
#include "convoy/detail/ds/ready_queue.hpp"

#include <cstdint>

namespace convoy::detail {

class takeover {
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

  /// Before a handler; everything is as a thief should find it.
  void begin() noexcept { move_on(); }

  /// After a handler. True: taken, only its lane is ours.
  [[nodiscard, gnu::always_inline]] inline bool end() noexcept {
    move_on();
    fence_light();                                               // against take_if_stuck()
    const auto word = takeover_.load(std::memory_order_relaxed); // ordered by the fence
    return (word & 3) != 0 && is_taken(word);
  }

  /// Taken, and the lane is about to be given back.
  void settle() noexcept {
    close();
    // relaxed: running_ has moved before our fence in end(), so who asks next sees that after its
    // own
    takeover_.store((takeover_.load(std::memory_order_relaxed) | 3) + 1, std::memory_order_relaxed);
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
    // What came before the values that we have read: that the owner is out of an earlier handler,
    // and (1).
    fence_heavy();
    // (1) acquire: the partition as the owner left it; pairs with (2). The fence alone would do,
    // but ThreadSanitizer knows of no fences.
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

  void move_on() noexcept {
    tell_passed_on(partition_.load(std::memory_order_relaxed));    // our own
    const auto now = running_.load(std::memory_order_relaxed) + 1; // only we write it
    // (2) release: the partition and its lane, to a thief; pairs with (1)
    running_.store(now, std::memory_order_release);
  }

  /// Somebody has asked, or taken it.
  [[nodiscard, gnu::cold, gnu::noinline]] bool is_taken(std::uint64_t word) noexcept {
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
