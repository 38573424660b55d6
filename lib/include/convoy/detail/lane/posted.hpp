#pragma once

// Coroutines that may go on: completers push, the drainer takes all.
//
// The words: first_, a stack, pushed by compare-and-swap and taken whole, so there is no ABA. Who pushes
// onto an empty one tells the drainer, and until it has, nobody takes: so what it has pushed keeps the
// processor alive. All others are through when they have pushed. telling_ counts who tells: as soon as
// the drainer knows, the coroutine may end, and so may its processor, whose destructor waits for them.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/prefetch.hpp"
#include "convoy/detail/lane/suspension.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace convoy::detail {

class posted {
public:
  // ---- any thread ----

  /// True: there was none, so the drainer has to be told. Else this may be gone when it returns.
  [[nodiscard]] bool push(suspension& s) noexcept {
    auto* top = first_.load(std::memory_order_relaxed); // the swap decides
    // (1) release: what was completed; acquire, of the first one: what the drainer did before it took
    // all; pairs with (2)
    do
      s.link = top;
    while (!first_.compare_exchange_weak(top, &s, std::memory_order_acq_rel,
                                         std::memory_order_relaxed));
    return top == nullptr;
  }
  /// Before and after the drainer is told.
  void begin_telling() noexcept {
    telling_.fetch_add(1, std::memory_order_relaxed); // published by what tells
  }
  void end_telling() noexcept {
    telling_.fetch_sub(1, std::memory_order_release); // (3) release: our last touch; pairs with (4)
  }

  /// Of those that have gone on.
  [[nodiscard]] bool is_being_told() const noexcept {
    return telling_.load(std::memory_order_acquire) != 0; // (4) acquire: pairs with (3)
  }

  // ---- the drainer ----

  /// Linked, in the order in which they came.
  [[nodiscard]] suspension* take() noexcept {
    // (2) acquire: what was completed; release: whom to tell of the next one, which we have been told
    // by; pairs with (1)
    auto* newest = first_.exchange(nullptr, std::memory_order_acq_rel);
    suspension* oldest = nullptr;
    while (newest != nullptr) {
      prefetch_for_writing(newest->lane); // it has waited for long
      prefetch_for_writing(static_cast<const std::byte*>(static_cast<const void*>(newest->lane)) +
                           cache_line);
      auto* const next = std::exchange(newest->link, oldest);
      oldest = std::exchange(newest, next);
    }
    return oldest;
  }

private:
  atomic<suspension*> first_{nullptr};
  atomic<std::uint32_t> telling_{0};
};

} // namespace convoy::detail
