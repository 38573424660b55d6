#pragma once

// Coroutines of a partition that may go on: completers push, the drainer takes all.
//
// The words: posted_, a stack, pushed by compare-and-swap and taken whole, so there is no ABA. Whoever
// pushes onto an empty one also asks for a visit, by a request, which it is itself: it is in the inbox
// once at most, as that takes the stack only after it has left it. posting_ counts who is at it: as
// soon as the coroutine is pushed it may end, and its processor too, whose destructor waits for them.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/lane/lane_set_suspended.hpp"
#include "convoy/detail/shared/requests.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace convoy::detail {

template <class Partition>
class resumptions final : private request<Partition> {
public:
  resumptions() noexcept : request<Partition>(turn::at_once) {}

  // ---- any thread ----

  void post(Partition& p, suspension& s) noexcept {
    // relaxed: before the push, which the destructor's thread knows of
    posting_.fetch_add(1, std::memory_order_relaxed);
    auto* top = posted_.load(std::memory_order_relaxed); // the swap decides
    // (1) release: what was completed, and posting_; pairs with (2)
    do
      s.link = top;
    while (!posted_.compare_exchange_weak(top, &s, std::memory_order_release,
                                          std::memory_order_relaxed));
    if (top == nullptr)
      p.post(std::unique_ptr<request<Partition>>(this));
    posting_.fetch_sub(1, std::memory_order_release); // (3) release: our last touch; pairs with (4)
  }

  [[nodiscard]] bool is_posting() const noexcept {
    return posting_.load(std::memory_order_acquire) != 0; // (4) acquire: pairs with (3)
  }

private:
  [[nodiscard]] bool serve(Partition& p) noexcept override {
    // (2) acquire: what was completed; pairs with (1)
    auto* newest = posted_.exchange(nullptr, std::memory_order_acquire);
    suspension* oldest = nullptr;
    while (newest != nullptr) {
      auto* const next = std::exchange(newest->link, oldest);
      oldest = std::exchange(newest, next);
    }
    suspended_lanes<typename Partition::core_type>(p.lanes()).go_on(oldest);
    return false; // we are the partition's
  }

  atomic<suspension*> posted_{nullptr};
  atomic<std::uint32_t> posting_{0};
};

} // namespace convoy::detail
