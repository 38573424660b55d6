#pragma once

// Which tickets of a ring may carry a message: those below the limit, which have credit (a place of
// the capacity) and a cell. So a producer compares its ticket with one word.
//
// The words:
//   limit_   tickets below it may carry a message. Changes under the lock of those who give cells:
//            raise() moves it on as cells and credit come, take() lowers it. Producers read it for
//            each message.
//   spare_   credit beyond the limit: so many tickets more may carry a message once they have cells.
//            Anybody adds; it is taken from under the same lock.
//   detour_  why a producer has to look before it takes a ticket, one bit for each reason; 0 nearly
//            always. It saves tickets that would be void, and decides nothing.
//
// limit_ + spare_ - the tickets given out = the credit that is left. A void ticket above the limit adds to
// spare_ what it takes. Below zero: tickets above the limit are not void yet. A limit that was raised
// past them would let them carry messages with the credit of void tickets behind them, so raise() waits
// until they have added theirs.

#include "convoy/detail/base/atomic.hpp"

#include <algorithm>
#include <cstdint>

namespace convoy::detail {

class ticket_limit {
public:
  explicit ticket_limit(std::uint64_t credit) noexcept : spare_(credit) {}

  // ---- any thread ----

  /// A ticket that the caller has taken may carry a message, and has a cell.
  [[nodiscard]] bool may_carry(std::uint64_t ticket) const noexcept {
    // (1) seq_cst: after our ticket, (1) in ticket_ring.hpp, against (3); acquire: the segments below,
    // pairs with (2)
    return ticket < limit_.load(std::memory_order_seq_cst);
  }

  void add(std::uint64_t credit) noexcept {
    // (4) seq_cst: before the caller looks for waiters; against (1) in event_count.cpp, and
    // release: the tickets that would have taken it; pairs with (5)
    spare_.fetch_add(credit, std::memory_order_seq_cst);
  }

  /// Tickets below it have credit. A guess, but under the lock.
  [[nodiscard]] std::uint64_t credit_end() const noexcept {
    return limit_.load(std::memory_order_relaxed) + // who waits has fenced, and takes the lock
           // (5) acquire: likewise; and the tickets of void ones whose credit it is, pairs with (4)
           spare_.load(std::memory_order_acquire);
  }

  // ---- why to look first ----

  static constexpr unsigned full = 1, closed = 2, limited_keys = 4;

  [[nodiscard]] bool must_look() const noexcept {
    return detour_.load(std::memory_order_relaxed) != 0; // a hint
  }
  void set(unsigned reason) noexcept { detour_.fetch_or(reason, std::memory_order_relaxed); }

  // ---- under the lock of those who give cells ----

  /// Tickets up to `end` have credit.
  [[nodiscard]] bool has_credit(std::uint64_t end) noexcept {
    const auto all = credit_end();
    const bool was_full = (detour_.load(std::memory_order_relaxed) & full) != 0; // under the lock
    if (end >= all && !was_full) // there is none for the next ticket
      set(full);
    else if (end < all && was_full)
      detour_.fetch_sub(full, std::memory_order_relaxed); // a hint
    return end <= all;
  }

  /// Tickets below `cells_end` have cells.
  template <class Tickets>
  void raise(std::uint64_t cells_end, Tickets&& tickets) noexcept {
    const auto all = credit_end(); // others only add to it
    if (tickets() > all)           // after that: all void tickets whose credit it has are seen
      return;
    const auto limit = limit_.load(std::memory_order_relaxed); // under the lock
    const auto more = std::min(cells_end, all) - limit;
    if (more == 0)
      return;
    spare_.fetch_sub(more, std::memory_order_relaxed); // only counted
    // (2) release: the segments below, and the links to them; pairs with (1)
    limit_.store(limit + more, std::memory_order_release);
  }

  /// Takes half of the credit that nobody has used, `most` at most.
  template <class Tickets>
  [[nodiscard]] std::uint64_t take(std::uint64_t most, Tickets&& tickets) noexcept {
    // (5) acquire: first this, then the tickets: spare credit may be that of void tickets, and these are
    // seen, too; pairs with (4)
    const auto spare = spare_.load(std::memory_order_acquire); // others only add to it
    const auto before = tickets();
    const auto limit = limit_.load(std::memory_order_relaxed); // under the lock
    if (before >= limit + spare)
      return 0;
    const auto wanted = std::min((limit + spare - before + 1) / 2, most);
    const auto easy = std::min(spare, wanted);         // nobody has a ticket for these
    spare_.fetch_sub(easy, std::memory_order_relaxed); // only counted
    auto rest = wanted - easy;
    if (rest == 0)
      return easy;
    // (3) seq_cst: first this, then the tickets: a claim sees the new limit (1), or we see its ticket
    limit_.store(limit - rest, std::memory_order_seq_cst);
    if (const auto after = tickets(); after > limit - rest) {
      rest -= std::min(rest, after - (limit - rest));
      limit_.store(limit - rest, std::memory_order_release); // (2) release: as above
    }
    return easy + rest;
  }

private:
  atomic<std::uint64_t> limit_{0};
  atomic<unsigned> detour_{0};
  // What follows is not for each message, though on the same line.
  atomic<std::uint64_t> spare_;
};

} // namespace convoy::detail
