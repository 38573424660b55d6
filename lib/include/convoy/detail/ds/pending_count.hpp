#pragma once

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/ds/event_count.hpp"

#include <cstdint>

namespace convoy::detail {

/// Counts what the end of a processor must wait for besides tickets.
///
/// Dekker with close(): begin() increments, then checks closed; close() sets closed, then checks
/// none(). One of them sees the other. What becomes a message gets its ticket before end().
class pending_count {
public:
  /// `over` is told when nothing is left.
  explicit pending_count(event_count& over) noexcept : over_(over) {}

  void begin(std::uint64_t count = 1) noexcept {
    // (1) seq_cst: before the look at what is closed, (3) in ticket_ring.hpp; against (2)
    count_.fetch_add(count, std::memory_order_seq_cst);
  }

  void end(std::uint64_t count = 1) noexcept {
    // (1) seq_cst: after its ticket, before notify() looks for waiters; against (2)
    if (count_.fetch_sub(count, std::memory_order_seq_cst) == count)
      over_.notify();
  }

  [[nodiscard]] bool none() const noexcept {
    // (2) seq_cst: after the caller closed, (4) in ticket_ring.hpp; against (1)
    return count_.load(std::memory_order_seq_cst) == 0;
  }

private:
  atomic<std::uint64_t> count_{0};
  event_count& over_;
};

} // namespace convoy::detail
