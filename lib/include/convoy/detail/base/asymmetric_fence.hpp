#pragma once

// A fence that costs the frequent side nothing: when both sides put one between their store and
// their load, at least one of them sees the other's store, and only the rare side pays. Linux's
// membarrier makes every running thread of the process fence itself (the idea: P1202, folly's
// asymmetric_thread_fence). Where it is missing both sides fence.

#include "convoy/detail/base/atomic.hpp"

#include <atomic>

namespace convoy::detail {

/// Set once before main. False (also while statics are still being constructed) makes fence_light a
/// full fence.
extern atomic<bool> fences_are_asymmetric;

[[gnu::always_inline]] inline void fence_light() noexcept {
  const bool asymmetric = fences_are_asymmetric.load(std::memory_order_relaxed); // either is right
  if (asymmetric) [[likely]]
    std::atomic_signal_fence(std::memory_order_seq_cst);
  else
    // (1) seq_cst: pairs with (1) in asymmetric_fence.cpp
    thread_fence(std::memory_order_seq_cst);
}

/// About a microsecond, more with many running threads.
void fence_heavy() noexcept;

} // namespace convoy::detail
