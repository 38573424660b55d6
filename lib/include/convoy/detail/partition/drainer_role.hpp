#pragma once

#include "convoy/detail/base/atomic.hpp"

namespace convoy::detail {

/// Who looks after a partition: nobody, or one pump at a time, as its drainer.
///
/// The word taken_: false, nobody is responsible; true, a pump drains the partition, or it is in a
/// ready queue for one that will. A thread that leaves work looks at the word afterwards, and takes
/// the role if it is free; the drainer gives the role up, and looks for work afterwards: at least
/// one of them sees the other.
class drainer_role {
public:
  // ---- any thread ----

  /// Nobody is responsible. To be asked after a ticket was published, or something left in the
  /// inbox.
  [[nodiscard]] bool is_free() const noexcept {
    // (1) seq_cst: after our ticket or lane is there to see; against (2)
    return !taken_.load(std::memory_order_seq_cst);
  }

  /// True if nobody had it. Who takes it must make the partition ready, or never let it go.
  [[nodiscard]] bool take() noexcept {
    // (3) acquire: the last drainer's work, for whoever gets the partition from us; pairs with (2)
    return !taken_.exchange(true, std::memory_order_acquire);
  }

  // ---- the drainer ----

  void give_up() noexcept {
    // (2) release: our work, to (3); seq_cst: what we look at from here on is newer, against (1)
    taken_.exchange(false, std::memory_order_seq_cst);
  }

private:
  atomic<bool> taken_{false};
};

} // namespace convoy::detail
