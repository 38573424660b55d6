#pragma once

// How far a partition is drained, and how far somebody wants it drained.
//
// The words: until_, the highest ticket that a drain() waits for, only grows; reached_, every
// message with a ticket below it is finished, only the drainer writes it and it never goes back.

#include "convoy/detail/atomic.hpp"

#include <cstdint>

namespace convoy::detail {

class drain_point {
public:
  // ---- any thread ----

  /// Asks for reached() to come to `ticket`. True: the partition has to be signalled afterwards; false:
  /// by somebody else, who has asked for as much.
  bool ask(std::uint64_t ticket) noexcept {
    // (1) seq_cst: before the caller's look at who is responsible, against (2)
    auto asked = until_.load(std::memory_order_relaxed); // the swap decides
    while (asked < ticket)
      if (until_.compare_exchange_weak(asked, ticket, std::memory_order_seq_cst,
                                       std::memory_order_relaxed))
        return true;
    return false;
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

  /// True: reached() has moved, and waiters should know. `lanes` count their messages by epoch,
  /// `consumed` tickets have left the ring.
  template <class Lanes>
  [[nodiscard]] bool advance(Lanes& lanes, std::uint64_t consumed) noexcept {
    seen_ = until_.load(std::memory_order_relaxed); // who leaves looks again
    if (!lanes.older_epoch_finished())
      return false;
    if (lanes.all_finished())
      epoch_began_ = consumed; // kept, so that reached_ never goes back
    const auto until = epoch_began_;
    const bool moved = until != reached_.load(std::memory_order_relaxed); // only we write it
    if (moved)
      // (4) release: what handlers did; pairs with (3). seq_cst: before notify() looks for waiters
      reached_.store(until, std::memory_order_seq_cst);
    if (until < seen_) {
      lanes.begin_epoch();
      epoch_began_ = consumed;
    }
    return moved;
  }

private:
  atomic<std::uint64_t> until_{0};
  atomic<std::uint64_t> reached_{0};
  std::uint64_t epoch_began_ = 0; // the first ticket of the current epoch
  std::uint64_t seen_ = 0;
};

} // namespace convoy::detail
