#pragma once

// The ingress of a partition: any number of producers, one consumer, strict order by ticket.
//
// A ticket is a number from tail_.fetch_add; it names one cell for ever, and every ticket is
// published: with a message, or void when its producer could not use it. Ticket order is submit
// order, whatever the threads. The cells live in a list of segments that grows with the backlog and
// shrinks after it, so an idle ring is two segments and a deep one has no end.
//
// The words:
//   tail_    tickets given out, and the closed bit on top. Producers add; close() sets the bit.
//   Contended, nobody else reads
//            it often.
//   limit_   tickets below it may carry a message: both credit (capacity) and a cell are there.
//   Written under ledger_, read
//            by producers; with the closed bit set a ticket is above any limit.
//   hint_    the segment that producers look into first. Moved on by whoever finds it behind.
//   cell.word  2 (ticket + 1), plus 1 if void, once the ticket is published. Never reset: a
//   segment's next tickets are higher.
//
// Who frees a segment: the consumer, when all of its tickets are consumed and no producer can hold
// a pointer to it. A producer reads hint_ after it has taken its ticket and uses the pointer only
// until it publishes; hint_ never goes back. So the consumer notes tail_ when it first sees that
// hint_ has left a segment: once all tickets below that are consumed, nobody holds the pointer.

#include "convoy/detail/ready_queue.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>

namespace convoy::detail {

template <bool Stored>
struct cell_hash {
  void set_hash(std::uint64_t) noexcept {}
};

template <>
struct cell_hash<true> {
  void set_hash(std::uint64_t hash) noexcept { stored_hash = hash; }
  std::uint64_t stored_hash = 0;
};

/// StoreHash: cells keep their key's hash, for keys where computing it again costs more.
template <class Key, class Message, bool StoreHash>
class ticket_ring {
  struct segment;

public:
  struct cell : cell_hash<StoreHash> {
    cell() noexcept {} // key and message live from publication to consumption only
    ~cell() {}

    std::atomic<std::uint64_t> word{0};
    union {
      Key key;
    };
    union {
      Message message;
    };
  };

  /// The capacity of a segment, about 8 KiB worth of cells.
  static constexpr std::uint64_t segment_cells =
      std::bit_floor(std::clamp<std::uint64_t>(8192 / sizeof(cell), 8, 256));

  explicit ticket_ring(std::uint64_t credit) : credit_end_(credit) {
    auto first = std::make_unique<segment>();
    link(new segment); // takes the place of last_ for a moment
    first_ = marked_ = last_;
    link(first.release());
    hint_.store(first_, std::memory_order_relaxed); // nobody else is here yet
    publish_limit();
  }

  ticket_ring(const ticket_ring&) = delete;
  ticket_ring& operator=(const ticket_ring&) = delete;

  /// Everything must have been consumed.
  ~ticket_ring() {
    while (first_ != nullptr)
      delete std::exchange(
          first_, first_->next.load(std::memory_order_relaxed)); // nobody else is here any more
    while (retired_first_ != nullptr)
      delete std::exchange(retired_first_, retired_first_->prev);
    while (spare_ != nullptr)
      delete take_spare();
  }

  // ---- producers
  // ------------------------------------------------------------------------------------------------

  static constexpr std::uint64_t no_ticket = ~std::uint64_t{0};
  static constexpr std::uint64_t void_tickets = no_ticket - 1;

  /// Takes `count` consecutive tickets and returns the first. If they don't fit: no_ticket, or
  /// void_tickets if some were taken all the same and published void, so that the consumer must be
  /// told; closed() and grow() say more. One atomic read-modify-write; wait-free but for the rare
  /// walk in at().
  [[nodiscard]] std::uint64_t claim(std::uint64_t count = 1) noexcept {
    // relaxed: a first look, so that a full ring refuses without taking tickets
    if (tail_.load(std::memory_order_relaxed) + count > limit_.load(std::memory_order_relaxed))
      return no_ticket;
    // (1) seq_cst: with the load of limit_ (2) against take_credit() (3), with the load of hint_
    // (4) against mark_old() (5), with the partition's look at scheduled_ against its drainer's
    // look at tickets() (11)
    const auto ticket = tail_.fetch_add(count, std::memory_order_seq_cst);
    // (2) seq_cst: see (1); acquire: the segments below the limit; pairs with (6)
    if (ticket + count <= limit_.load(std::memory_order_seq_cst)) [[likely]]
      return ticket;
    for (std::uint64_t i = 0; i < count; ++i)
      publish_void((ticket & ~closed_bit) + i);
    return void_tickets;
  }

  /// The cell of a ticket that the caller holds and has not published.
  [[nodiscard]] cell& at(std::uint64_t ticket) noexcept {
    auto* s = hint_.load(
        std::memory_order_seq_cst); // (4) seq_cst: after our ticket (1); against retire() (5)
    if (ticket - s->base >= segment_cells) [[unlikely]]
      s = walk(s, ticket);
    const auto index = ticket - s->base;
    prefetch(*s, index);
    return s->cells[index];
  }

  static void publish(cell& at, std::uint64_t ticket) noexcept {
    at.word.store(2 * (ticket + 1),
                  std::memory_order_release); // (7) release: key and message; pairs with (8)
  }

  /// Publishes a ticket that carries nothing, because it was taken beyond the limit or constructing
  /// its message threw.
  void publish_void(std::uint64_t ticket) noexcept {
    {
      const std::lock_guard lock(ledger_);
      while (ticket >=
             linked_end_) // only when more producers than a segment has cells overshoot at once
        if (!link_another())
          std::this_thread::sleep_for(
              std::chrono::milliseconds(1)); // the ticket can't be given back
      publish_limit();
    }
    // (9) release: our use of the segment is over; pairs with (8)
    at(ticket).word.store(2 * (ticket + 1) + 1, std::memory_order_release);
  }

  /// Links cells until `count` tickets more than given out have one. True: the limit is now above
  /// that, claim() again; false: credit is missing. Throws std::bad_alloc. Blocks while another
  /// thread is in here or in the drainer's part of it.
  [[nodiscard]] bool grow(std::uint64_t count = 1) {
    const std::lock_guard lock(ledger_);
    const auto wanted = tickets() + count;
    if (wanted > credit_end_)
      return false;
    while (linked_end_ < wanted)
      if (!link_another())
        throw std::bad_alloc();
    publish_limit();
    return true;
  }

  [[nodiscard]] bool closed() const noexcept {
    return (tail_.load(std::memory_order_relaxed) & closed_bit) !=
           0; // the claim decides, this only tells why
  }

  /// No ticket taken after this carries a message.
  void close() noexcept {
    tail_.fetch_or(closed_bit, std::memory_order_seq_cst);
  } // (10) seq_cst: as (1)

  /// Tickets given out so far.
  [[nodiscard]] std::uint64_t tickets() const noexcept {
    return tail_.load(std::memory_order_seq_cst) & ~closed_bit; // (11) seq_cst: against (1)
  }

  // ---- credit: tickets that may still carry a message
  // -----------------------------------------------------------------

  void add_credit(std::uint64_t count) noexcept {
    const std::lock_guard lock(ledger_);
    credit_end_ += count;
    publish_limit();
  }

  [[nodiscard]] bool has_credit(std::uint64_t count) noexcept {
    const std::lock_guard lock(ledger_);
    return tickets() + count <= credit_end_;
  }

  /// Takes back half of the credit that nobody has used, for another ring.
  [[nodiscard]] std::uint64_t take_credit() noexcept {
    const std::lock_guard lock(ledger_);
    const auto before = tickets();
    if (before >= credit_end_)
      return 0;
    auto taken = (credit_end_ - before + 1) / 2;
    credit_end_ -= taken;
    publish_limit(); // (3) seq_cst inside: now a claim sees the new limit, or we see its ticket (1)
    if (const auto after = tickets(); after > credit_end_) {
      const auto used = std::min(taken, after - credit_end_);
      taken -= used;
      credit_end_ += used;
      publish_limit();
    }
    return taken;
  }

  // ---- the consumer: one thread at a time
  // ---------------------------------------------------------------------------

  enum class state { pending, message, void_ticket };

  /// The next ticket in order: not yet published (or not given out), a message, or void.
  [[nodiscard]] state peek() noexcept {
    if (index_ == segment_cells && !next_segment()) [[unlikely]]
      return state::pending;
    // (8) acquire: what the producer put there; pairs with (7), (9)
    const auto word = current().word.load(std::memory_order_acquire) - 2 * (consumed() + 1);
    return word == 0 ? state::message : word == 1 ? state::void_ticket : state::pending;
  }

  /// The cell that peek() looked at.
  [[nodiscard]] cell& current() noexcept { return first_->cells[index_]; }

  /// Done with the current cell; what lived in it has been destroyed.
  void consume() noexcept { ++index_; }

  /// Tickets consumed so far.
  [[nodiscard]] std::uint64_t consumed() const noexcept { return first_->base + index_; }

  /// Where the next ticket will be published. Remains valid after the consumer's role was given up,
  /// as long as whoever takes it over does not recycle().
  struct lookout {
    segment* in;
    std::uint64_t ticket;
  };
  [[nodiscard]] lookout next_ticket() const noexcept { return {first_, consumed()}; }

  [[nodiscard]] static bool published(lookout next) noexcept {
    auto* s = next.in;
    if (next.ticket - s->base == segment_cells)
      s = s->next.load(std::memory_order_acquire); // (15) acquire: the segment; pairs with (13)
    // relaxed: only whether; the cell is read after peek()
    return s != nullptr && s->cells[next.ticket - s->base].word.load(std::memory_order_relaxed) >=
                               2 * (next.ticket + 1);
  }

  /// Gives a new life to segments taken out earlier that nobody can hold any more. To be called now
  /// and then.
  void recycle() noexcept {
    mark_old();
    while (retired_first_ != nullptr && retired_first_->free_at <= consumed()) {
      auto* const s = std::exchange(retired_first_, retired_first_->prev);
      const std::lock_guard lock(ledger_);
      if (linked_end_ < tickets() + 2 * segment_cells) { // producers will soon need it
        link(s);
        publish_limit();
      } else {
        s->prev = spare_;
        spare_ = s;
        ++spares_;
      }
    }
  }

  /// Gives up to `most` segments that a backlog has left behind back to the system. True: no more
  /// than a few are kept.
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    const std::lock_guard lock(ledger_);
    for (; spares_ > kept_spares && most != 0; --most)
      delete take_spare();
    return spares_ <= kept_spares;
  }

private:
  static constexpr std::size_t kept_spares = 2;
  static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 63;

  struct segment {
    std::uint64_t base = 0;    // ticket of cells[0]
    std::uint64_t free_at = 0; // retired: nobody can hold it once so many tickets are consumed
    segment* prev = nullptr;   // retired or spare: the next one of these
    std::atomic<segment*> next{
        nullptr}; // stays when retired: a late producer may still walk on from here
    cell cells[segment_cells];
  };

  segment* walk(segment* const from, std::uint64_t ticket) noexcept {
    // From our ticket's segment on all are alive, and so are the links between them; an older one
    // still has its link.
    auto* s = from;
    while (ticket < s->base)
      s = s->prev;
    while (ticket - s->base >= segment_cells)
      s = s->next.load(
          std::memory_order_relaxed); // set before the limit was raised to here, see (2)
    if (s->base > from->base) {
      auto* expected = from; // never back: mark_old() relies on it
      // (12) release: later readers walk from here; pairs with (4)
      hint_.compare_exchange_strong(expected, s, std::memory_order_seq_cst,
                                    std::memory_order_relaxed);
    }
    return s;
  }

  /// The cell that will be written some tickets from now: a locked instruction waits for the stores
  /// before it, so the miss of the previous cell's write would be paid by the next ticket.
  static void prefetch(segment& s, std::uint64_t index) noexcept {
    constexpr std::uint64_t distance = std::min<std::uint64_t>(12, segment_cells / 2);
    if (index + distance < segment_cells) [[likely]]
      __builtin_prefetch(&s.cells[index + distance], 1);
    else if (auto* const next = s.next.load(std::memory_order_relaxed)) // only an address
      __builtin_prefetch(&next->cells[index + distance - segment_cells], 1);
  }

  // ---- under ledger_ ----

  void publish_limit() noexcept {
    // (6) seq_cst: see (3); release: segments and links below it; pairs with (2)
    limit_.store(std::min(credit_end_, linked_end_), std::memory_order_seq_cst);
  }

  void link(segment* s) noexcept {
    s->base = linked_end_;
    s->prev = last_;
    s->next.store(nullptr, std::memory_order_relaxed); // published by (13) and (6)
    if (last_ != nullptr)
      last_->next.store(s, std::memory_order_release); // (13) release: the segment, to the
                                                       // consumer; pairs with (14), (15)
    last_ = s;
    linked_end_ += segment_cells;
  }

  [[nodiscard]] segment* take_spare() noexcept {
    --spares_;
    return std::exchange(spare_, spare_->prev);
  }

  [[nodiscard]] bool link_another() noexcept {
    auto* const s = spare_ != nullptr ? take_spare() : new (std::nothrow) segment;
    if (s != nullptr)
      link(s);
    return s != nullptr;
  }

  // ---- consumer ----

  /// Notes for the segments that hint_ has left which tickets' holders may still have read it
  /// there. hint_ first, then tail_ (11): who read an older value (4) had taken its ticket (1)
  /// before, and nobody will read it again.
  void mark_old() noexcept {
    auto* const hint =
        hint_.load(std::memory_order_seq_cst); // (5) seq_cst: before (11), against (1) and (4)
    if (marked_ == hint)
      return;
    const auto until = tickets();
    for (; marked_ != hint;
         marked_ = marked_->next.load(std::memory_order_acquire)) // (14) acquire: pairs with (13)
      marked_->free_at = until;
  }

  /// Goes on to the next segment, if there is one, and takes out the one that is used up.
  [[nodiscard]] bool next_segment() noexcept {
    auto* const next =
        first_->next.load(std::memory_order_acquire); // (14) acquire: pairs with (13)
    if (next == nullptr)
      return false;
    auto* const old = std::exchange(first_, next);
    index_ = 0;
    auto* expected = old;
    hint_.compare_exchange_strong(expected, first_,
                                  std::memory_order_seq_cst, // (5) seq_cst: see mark_old()
                                  std::memory_order_relaxed);
    mark_old();
    old->prev = nullptr;
    if (retired_first_ == nullptr)
      retired_first_ = old;
    else
      retired_last_->prev = old;
    retired_last_ = old;
    return true;
  }

  alignas(cache_line) std::atomic<std::uint64_t> tail_{0};

  // Read by producers for each message, written once per some hundred.
  alignas(cache_line) std::atomic<std::uint64_t> limit_{0};
  std::atomic<segment*> hint_{nullptr};

  alignas(cache_line) segment* first_ = nullptr; // consumer
  std::uint64_t index_ = 0;                      // consumer: cells of first_ consumed
  segment* marked_ = nullptr;                    // consumer: free_at is known for all before this
  segment* retired_first_ = nullptr;             // consumer
  segment* retired_last_ = nullptr;              // consumer, if there is a first

  alignas(cache_line) std::mutex ledger_; // guards what follows
  std::uint64_t credit_end_;
  std::uint64_t linked_end_ = 0;
  segment* last_ = nullptr;
  segment* spare_ = nullptr; // chained by prev
  std::size_t spares_ = 0;
};

} // namespace convoy::detail
