#pragma once

// How far a partition is drained, and how far somebody wants it drained.
//
// The words:
//   until_    the highest ticket that a drain() has asked for. Only grows.
//   reached_  every message with a ticket below it is finished. Only the drainer writes it, and it
//             never goes back.
//   awaited_  the lowest ticket that a thread sleeps for, so that only the visit that reaches it
//             wakes anybody. Threads lower it; the drainer takes it back as it notifies, and a thread
//             that is woken and waits for a higher one says so again.

#include "convoy/detail/base/atomic.hpp"

#include <cstdint>

namespace convoy::detail {

class drain_progress {
public:
  // ---- any thread ----

  /// Asks for reached() to come to `ticket`. True: the partition has to be signalled afterwards;
  /// false: by somebody else, who has asked for as much.
  bool ask(std::uint64_t ticket) noexcept {
    // (1) seq_cst: before the caller's look at who is responsible, against (2)
    auto asked = until_.load(std::memory_order_relaxed); // the swap decides
    while (asked < ticket)
      if (until_.compare_exchange_weak(asked, ticket, std::memory_order_seq_cst,
                                       std::memory_order_relaxed))
        return true;
    return false;
  }

  /// reached() has come to `ticket`. If not, take_waiters() tells when it has; to be called in
  /// event_count::wait().
  [[nodiscard]] bool await(std::uint64_t ticket) noexcept {
    // (5) seq_cst: before our look at reached_ (3), against (6); also if another thread has said so
    auto awaited = awaited_.load(std::memory_order_seq_cst);
    while (ticket < awaited &&
           !awaited_.compare_exchange_weak(awaited, ticket, std::memory_order_seq_cst)) {
    }
    return reached_.load(std::memory_order_seq_cst) >= ticket; // (3) as below; seq_cst: after (5)
  }

  /// Every message with a ticket below this is finished.
  [[nodiscard]] std::uint64_t reached() const noexcept {
    // (3) acquire: what handlers did; pairs with (4)
    return reached_.load(std::memory_order_acquire);
  }

  /// Somebody waits for more than was reached. A hint.
  [[nodiscard]] bool is_asked() const noexcept {
    return until_.load(std::memory_order_relaxed) >
           reached_.load(std::memory_order_relaxed); // likewise
  }

  /// Somebody has asked for more than `seen`. To be asked after the role was given up.
  [[nodiscard]] bool asked_since(std::uint64_t seen) const noexcept {
    return until_.load(std::memory_order_seq_cst) != seen; // (2) seq_cst: against (1)
  }

  // ---- the drainer ----

  /// What was asked for at the last advance().
  [[nodiscard]] std::uint64_t seen() const noexcept { return seen_; }

  /// True: reached() has moved. `unfinished` are those in lanes, `consumed` tickets have left
  /// the ring.
  template <class Epochs>
  [[nodiscard]] bool advance(Epochs& unfinished, std::uint64_t consumed) noexcept {
    seen_ = until_.load(std::memory_order_relaxed); // who leaves looks again
    if (!unfinished.older_is_finished())
      return false;
    if (unfinished.all_finished())
      epoch_began_ = consumed; // kept, so that reached_ never goes back
    const auto until = epoch_began_;
    const bool moved = until != reached_.load(std::memory_order_relaxed); // only we write it
    if (moved)
      // (4) release: what handlers did; pairs with (3). seq_cst: before take_waiters() looks (6)
      reached_.store(until, std::memory_order_seq_cst);
    if (until < seen_) {
      unfinished.begin();
      epoch_began_ = consumed;
    }
    return moved;
  }

  /// After advance() was true: threads wait for what was reached, and have to be notified.
  [[nodiscard]] bool take_waiters() noexcept {
    // (6) seq_cst: after reached_ has moved (4), against (5); and before notify() looks for waiters
    const auto reached = reached_.load(std::memory_order_relaxed); // only we write it
    if (awaited_.load(std::memory_order_seq_cst) > reached)
      return false;
    awaited_.exchange(nobody, std::memory_order_seq_cst); // (6) likewise
    return true;
  }

private:
  static constexpr std::uint64_t nobody = ~std::uint64_t{0};

  atomic<std::uint64_t> until_{0};
  atomic<std::uint64_t> reached_{0};
  atomic<std::uint64_t> awaited_{nobody};
  std::uint64_t epoch_began_ = 0; // the first ticket of the current epoch
  std::uint64_t seen_ = 0;
};

} // namespace convoy::detail
