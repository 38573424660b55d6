#pragma once

// The cells of a ticket ring: a list of segments that grows with the backlog and shrinks after it,
// so a shallow ring is two segments that stay in cache and a deep one has no end. Ticket t lives in
// the segment whose base is the last multiple of segment_cells up to t.
//
// The words:
//   limit    tickets below it may carry a message, see ticket_limit. Its lock is links_.
//   hint_    the segment that producers look into first. Moved on by whoever finds it behind,
//            never back.
//   oldest_  the consumer's segment, for count(). The consumer moves it on.
//   pinned_  segments from this base on are not recycled: count() looks at them.
//
// Who frees a segment: the consumer, when all of its tickets are consumed and no producer can hold
// a pointer to it. A producer reads hint_ after it has taken its ticket and uses the pointer only
// until it publishes. So the consumer notes how many tickets have been given out when it first sees
// that hint_ has left a segment: once these are consumed, nobody holds the pointer. From a
// producer's own ticket on all segments are alive, and so are the links between them.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/cell_prefetch.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/detail/ds/spare_list.hpp"
#include "convoy/detail/ds/ticket_limit.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace convoy::detail {

template <class Cell>
class segment_list {
  struct segment;

public:
  static constexpr std::uint64_t segment_cells =
      std::bit_floor(std::clamp(tuning::segment_bytes / sizeof(Cell), tuning::fewest_segment_cells,
                                tuning::most_segment_cells));

  explicit segment_list(std::uint64_t credit) : limit(credit) {
    auto second = std::make_unique<segment>();
    link(new segment);
    first_ = marked_ = last_;
    link(second.release());
    raise_limit_to_cells([] { return std::uint64_t{0}; });
    hint_.store(first_, std::memory_order_relaxed);   // nobody else is here yet
    oldest_.store(first_, std::memory_order_relaxed); // likewise
  }

  segment_list(const segment_list&) = delete;
  segment_list& operator=(const segment_list&) = delete;

  ~segment_list() {
    while (first_ != nullptr)
      delete std::exchange(
          first_, first_->next.load(std::memory_order_relaxed)); // nobody else is here any more
    while (retired_first_ != nullptr)
      delete std::exchange(retired_first_, retired_first_->prev);
  }

  // ---- producers ----

  /// The cell of a ticket that has one, which the caller holds and has not published.
  [[nodiscard]] Cell& at(std::uint64_t ticket) noexcept {
    auto& s = segment_of(ticket);
    auto& cell = s.cells[ticket - s.base];
    prefetch::ahead_of(cell);
    return cell;
  }

  /// As at(), where `behind` is what comes after the cell of the ticket before.
  [[nodiscard]] Cell& at(std::uint64_t ticket, Cell* behind) noexcept {
    if (ticket % segment_cells == 0) [[unlikely]] // no cell of that segment
      return at(ticket);
    prefetch::ahead_of(*behind);
    return *behind;
  }

  /// count() leaves the ticket out. The caller holds it and publishes it afterwards.
  void leave_out(std::uint64_t ticket) noexcept {
    segment_of(ticket).left_out.fetch_add(1, std::memory_order_relaxed); // published with its cell
  }

  /// Gives cells to all tickets below `end`. False: out of memory. Takes a lock.
  [[nodiscard]] bool link_until(std::uint64_t end) noexcept {
    const std::lock_guard lock(links_);
    return link_more(end);
  }

  /// Raises the limit for `count` more tickets than were given out. False: they have no credit.
  /// Throws std::bad_alloc. Takes a lock.
  template <class Tickets>
  [[nodiscard]] bool raise_limit(std::uint64_t count, Tickets&& tickets) {
    const std::lock_guard lock(links_);
    const auto end = tickets() + count;
    if (!limit.has_credit(end))
      return false;
    if (!link_more(end + segment_cells))
      throw std::bad_alloc();
    raise_limit_to_cells(tickets);
    return true;
  }

  /// See ticket_limit::take(). Takes a lock.
  template <class Tickets>
  [[nodiscard]] std::uint64_t take_credit(std::uint64_t most, Tickets&& tickets) noexcept {
    const std::lock_guard lock(links_);
    return limit.take(most, tickets);
  }

  // ---- any thread, but one at a time ----

  /// Tickets below `end` that were not left out, and that were consumed or is_there(cell, ticket). Looks
  /// at each cell that is not consumed. Lock-free; nobody recycles these cells meanwhile.
  template <class IsThere>
  [[nodiscard]] std::uint64_t count(std::uint64_t end, IsThere&& is_there) noexcept {
    // (11) seq_cst: all are pinned, then we take the first; against a consumer that leaves one (12) and
    // then looks what is pinned (13)
    pinned_.store(0, std::memory_order_seq_cst);
    auto* s = oldest_.load(std::memory_order_seq_cst); // (11) pairs with (12), too
    // (14) release: we are done with those before; pairs with (13)
    pinned_.store(s->base, std::memory_order_release);
    auto sum = s->counted_before;
    for (; s != nullptr && s->base < end; s = next_of(*s))
      for (auto ticket = s->base; ticket < std::min(end, s->base + segment_cells); ++ticket)
        sum += is_there(std::as_const(s->cells[ticket - s->base]), ticket) ? 1u : 0u;
    pinned_.store(nothing_pinned, std::memory_order_release); // (14) as above
    return sum;
  }

  // ---- the consumer ----

  /// Tickets consumed so far.
  [[nodiscard]] std::uint64_t consumed() const noexcept { return first_->base + index_; }

  /// The cell of the next ticket to consume; null if it has none yet.
  [[nodiscard]] Cell* current() noexcept {
    if (index_ == segment_cells && !go_on()) [[unlikely]]
      return nullptr;
    return &first_->cells[index_];
  }

  void consume() noexcept { ++index_; }

  /// The next cell is used on behind the consumer's back: its segment stays until take_back().
  void lend() noexcept { ++first_->lent; }
  /// Of lend()'s cell, where `part` of it lies.
  void take_back(const void* part) noexcept {
    auto* s = first_;
    if (!s->contains(part))
      for (s = retired_first_; !s->contains(part);)
        s = s->prev;
    --s->lent;
  }

  /// The next cells lie side by side, so many of them.
  [[nodiscard]] std::uint64_t side_by_side() const noexcept { return segment_cells - index_; }

  /// Gives a new life to segments that nobody can hold any more. `tickets()`: given out so far.
  template <class Tickets>
  void recycle(Tickets&& tickets) noexcept {
    // (9) acquire: those who looked out are done; pairs with (10)
    if (lookouts_.load(std::memory_order_acquire) != 0)
      return;
    mark_old(tickets);
    segment* kept = nullptr; // the last one that is lent: there are no more than pumps
    for (;;) {
      auto*& next = kept == nullptr ? retired_first_ : kept->prev;
      if (next == nullptr || next->free_at > consumed() || // hint_ has left them all
          is_pinned(*next))
        return;
      if (next->lent != 0) {
        kept = next;
        continue;
      }
      const std::unique_lock lock(links_, std::try_to_lock); // never waits for a producer
      if (!lock)
        return;
      auto* const s = std::exchange(next, next->prev);
      if (retired_last_ == s)
        retired_last_ = kept;
      if (linked_end_ < tickets() + tuning::segments_ahead * segment_cells) { // under links_
        link(s); // producers will soon need it
        raise_limit_to_cells(tickets);
      } else {
        spares_.put(s);
      }
    }
  }

  /// More segments are spare, or will be, than an idle ring keeps. A hint.
  [[nodiscard]] bool has_spares() const noexcept {
    for (const auto* s = retired_first_; s != nullptr; s = s->prev)
      if (s->lent == 0)
        return true;
    return spares_.count() > tuning::kept_segments;
  }

  /// Gives up to `most` segments back to the system that have not been used since the last time.
  /// True: there are no more of them.
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    segment* unused = nullptr;
    bool all = true;
    if (const std::unique_lock lock(links_, std::try_to_lock); lock) // else it is not idle
      all = spares_.give_up_unused(most, unused);
    while (unused != nullptr)
      delete std::exchange(unused, unused->prev);
    return all;
  }

  /// Where the next ticket will be, also when the role was given up: while it lives nobody recycles.
  class lookout {
  public:
    explicit lookout(segment_list& cells) noexcept
        : ticket(cells.consumed()), in_(cells.first_), lookouts_(cells.lookouts_) {
      lookouts_.fetch_add(1, std::memory_order_relaxed); // the next consumer sees it with the role
    }
    lookout(const lookout&) = delete;
    lookout& operator=(const lookout&) = delete;
    ~lookout() {
      lookouts_.fetch_sub(1, std::memory_order_release); // (10) release: our looks; pairs with (9)
    }

    /// Null if it has no cell yet.
    [[nodiscard]] const Cell* look() const noexcept {
      auto* s = in_;
      if (ticket - s->base == segment_cells)
        s = s->next.load(std::memory_order_acquire); // (6) acquire: the segment; pairs with (7)
      return s != nullptr ? &s->cells[ticket - s->base] : nullptr;
    }
    /// To the next cell. look() has found this one.
    void go_on() noexcept {
      if (ticket++ - in_->base == segment_cells)
        in_ = next_of(*in_);
    }

    std::uint64_t ticket;

  private:
    segment* in_;
    atomic<std::uint32_t>& lookouts_;
  };

private:
  using prefetch = cell_prefetch<Cell, segment_cells>;

  struct segment {
    std::uint64_t base = 0;            // ticket of cells[0]
    std::uint64_t free_at = 0;         // nobody can hold it once so many tickets are consumed
    segment* prev = nullptr;           // retired or spare: the next one of these
    std::uint64_t counted_before = 0;  // see count(); known when the consumer comes here
    std::uint32_t lent = 0;            // cells that are in use though they were consumed
    atomic<std::uint32_t> left_out{0}; // tickets of this segment
    atomic<segment*> next{nullptr};    // stays when retired: a late producer may walk on
    alignas(cache_line) alignas(Cell) Cell cells[segment_cells];

    [[nodiscard]] bool contains(const void* part) const noexcept {
      const std::less<> before;
      const void* const begin = cells;
      const void* const end = cells + segment_cells;
      return !before(part, begin) && before(part, end);
    }
  };

  [[nodiscard]] segment& segment_of(std::uint64_t ticket) noexcept {
    auto* s = hint_.load(
        std::memory_order_seq_cst); // (3) seq_cst: after our ticket; against (4), pairs with (5)
    if (ticket - s->base >= segment_cells) [[unlikely]]
      s = walk(s, ticket);
    return *s;
  }

  [[gnu::noinline]] segment* walk(segment* const from, std::uint64_t ticket) noexcept {
    auto* s = from;
    while (ticket < s->base)
      s = s->prev;
    while (ticket - s->base >= segment_cells)
      s = s->next.load(std::memory_order_relaxed); // set before the limit was here
    if (s->base > from->base) {
      auto* expected = from;
      // (5) release: the segment, to later readers; pairs with (3)
      hint_.compare_exchange_strong(expected, s, std::memory_order_release,
                                    std::memory_order_relaxed);
      prefetch::first_of(s->cells);
    }
    return s;
  }

  /// Under links_, as what follows.
  [[nodiscard]] bool link_more(std::uint64_t end) noexcept {
    while (linked_end_ < end) {
      auto* const s = spares_.empty() ? new (std::nothrow) segment : spares_.take();
      if (s == nullptr)
        return false;
      link(s);
    }
    return true;
  }

  /// Or alone.
  void link(segment* s) noexcept {
    s->base = linked_end_;
    s->prev = last_;
    s->next.store(nullptr, std::memory_order_relaxed); // published by what follows
    s->left_out.store(0, std::memory_order_relaxed);   // likewise
    if (last_ != nullptr)
      last_->next.store(s, std::memory_order_release); // (7) release: it; pairs with (6), (8)
    last_ = s;
    linked_end_ = s->base + segment_cells;
  }

  /// A segment is kept beyond: tickets above the limit must be published, and should need no memory for it.
  void raise_limit_to_cells(auto&& tickets) noexcept { // under links_
    limit.raise(linked_end_ - segment_cells, tickets);
  }

  /// Notes for the segments that hint_ has left whose tickets may still hold them: first hint_,
  /// then the tickets. Who read an older value had its ticket before, and nobody will read it again.
  template <class Tickets>
  void mark_old(Tickets&& tickets) noexcept {
    auto* const hint = hint_.load(std::memory_order_seq_cst); // (4) seq_cst: against (3)
    if (marked_ == hint)
      return;
    const auto until = tickets();
    for (; marked_ != hint; marked_ = next_of(*marked_))
      marked_->free_at = until;
  }

  [[nodiscard]] static segment* next_of(const segment& s) noexcept {
    return s.next.load(std::memory_order_acquire); // (8) acquire: the segment; pairs with (7)
  }

  /// Retired: count() has left it, or will not come to it.
  [[nodiscard]] bool is_pinned(const segment& s) const noexcept {
    // (13) seq_cst: after we left it (12), against (11); acquire: what count() looked at, pairs with (14)
    return pinned_.load(std::memory_order_seq_cst) <= s.base;
  }

  /// To the next segment, if there is one; the one that is used up is retired.
  [[nodiscard]] bool go_on() noexcept {
    auto* const next = next_of(*first_);
    if (next == nullptr)
      return false;
    auto* const old = std::exchange(first_, next);
    index_ = 0;
    next->counted_before = old->counted_before + segment_cells -
                           old->left_out.load(std::memory_order_relaxed); // all were published
    // (12) seq_cst: before we look what is pinned (13), against (11); release: the segment, to (11)
    oldest_.store(next, std::memory_order_seq_cst);
    auto* expected = old;
    // relaxed: who reads it has a ticket behind the old one, and knows the segments up to its own from
    // the limit, or from links_
    hint_.compare_exchange_strong(expected, next, std::memory_order_relaxed);
    old->prev = nullptr;
    (retired_first_ == nullptr ? retired_first_ : retired_last_->prev) = old;
    retired_last_ = old;
    return true;
  }

  // Read by producers for each message, written once per segment, or as credit runs out.
public:
  alignas(cache_line) ticket_limit limit;

private:
  atomic<segment*> hint_{nullptr};

  // The consumer's.
  alignas(cache_line) segment* first_ = nullptr;
  std::uint64_t index_ = 0;          // cells of first_ consumed
  segment* marked_ = nullptr;        // free_at is known for all before this
  segment* retired_first_ = nullptr; // used up, perhaps still held
  segment* retired_last_ = nullptr;
  atomic<std::uint32_t> lookouts_{0};

  static constexpr std::uint64_t nothing_pinned = ~std::uint64_t{0};
  alignas(cache_line) atomic<segment*> oldest_{nullptr};
  atomic<std::uint64_t> pinned_{nothing_pinned};

  alignas(cache_line) mutex links_; // guards what follows, and is the limit's lock
  std::uint64_t linked_end_ = 0;    // tickets below it have cells
  segment* last_ = nullptr;
  spare_list<segment> spares_;
};

} // namespace convoy::detail
