#pragma once

// What a coroutine and the one who completes what it waits for agree on.
//
// The word, and who makes each step:
//
//   empty      neither has come                         the state at first
//   waiting    the coroutine is suspended               empty: the coroutine, wait()
//   ready      what it waits for is there               any: the completer, once, finish()
//   cancelled  the coroutine goes on without it         waiting: who stops it, cancel()
//   left       the coroutine does not look any more     any but waiting: the coroutine, leave()
//
// Contended is waiting: the completer and who stops the coroutine both want to wake it, and one swap
// decides. Whoever comes last, of leave() and finish(), frees what they share. A completer that finds
// waiting owns the coroutine's wake-up: nobody else makes it go on, so it is there until then.

#include "convoy/detail/base/atomic.hpp"

namespace convoy::detail {

class one_shot {
public:
  enum class state : unsigned char { empty, waiting, ready, cancelled, left };

  // ---- the coroutine ----

  /// False: what it waits for is there already.
  [[nodiscard]] bool wait() noexcept {
    auto was = state::empty;
    // (1) release: the coroutine, to the completer that will wake it; pairs with (2). Else acquire:
    // what was completed; pairs with (2)
    return word_.compare_exchange_strong(was, state::waiting, std::memory_order_release,
                                         std::memory_order_acquire);
  }

  /// The last thing that it does. True: the completer has come, and will not touch what they share.
  [[nodiscard]] bool leave() noexcept {
    // (3) acquire: the completer's last touch, pairs with (2); release: ours, to (2)
    if (word_.load(std::memory_order_acquire) == state::ready) [[likely]]
      return true; // it stays so
    return word_.exchange(state::left, std::memory_order_acq_rel) == state::ready;
  }

  // ---- who stops it, and has the coroutine's lane ----

  /// False: it is completed, and the completer wakes it.
  [[nodiscard]] bool cancel() noexcept {
    auto was = state::waiting;
    // relaxed: the lane comes and goes with the coroutine, and the completer gets nothing
    return word_.compare_exchange_strong(was, state::cancelled, std::memory_order_relaxed,
                                         std::memory_order_relaxed);
  }

  // ---- the completer, once ----

  /// What was before: waiting, then it must wake the coroutine; left, then it must free what they
  /// share. Else it must not touch that any more.
  [[nodiscard]] state finish() noexcept {
    // (2) release: what was completed, to (1), (3); acquire: the coroutine, or its last touch; pairs
    // with (1), (3)
    return word_.exchange(state::ready, std::memory_order_acq_rel);
  }

private:
  atomic<state> word_{state::empty};
};

} // namespace convoy::detail
