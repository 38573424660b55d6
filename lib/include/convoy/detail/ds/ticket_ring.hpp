#pragma once

// The ticket ring of a partition: any number of producers, one consumer (the partition's drainer),
// strict order by ticket.
//
// A ticket is a number from tail_.fetch_add; it names one cell for ever, and every ticket is
// published: with a message, or void, without one. Ticket order is submit order, whatever the
// threads.
//
// The words:
//   tail_      tickets given out, and the closed bit on top. Producers add; close() sets the bit.
//              Contended: nobody else looks at it often.
//   the limit  tickets below it may carry a message, see ticket_limit. With the closed bit set a
//              ticket is above it.
//   cell.word  4 (ticket + 1) once the ticket is published, plus 1 if it is void and has credit, plus
//              2 if its message is one that messages() does not count, plus 3 if it is void and has
//              none. Never reset: a cell's next ticket is higher. But while the cell is the place
//              of a joint message it is that message's address, plus the number of the place, plus the
//              top bit; the consumer resets it before the cell has another ticket.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/segment_list.hpp"

#include <bit>
#include <chrono>
#include <cstdint>

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
public:
  struct cell : cell_hash<StoreHash> {
    cell() noexcept {} // key and message live from publication to consumption only
    ~cell() {}

    atomic<std::uint64_t> word{0};
    union {
      Key key;
    };
    union {
      Message message;
    };
  };

  using cells = segment_list<cell>;
  using lookout = typename cells::lookout;

  /// Everything must have been consumed when it is destroyed.
  explicit ticket_ring(std::uint64_t credit) : cells_(credit) {}
  ticket_ring(const ticket_ring&) = delete;
  ticket_ring& operator=(const ticket_ring&) = delete;
  ~ticket_ring() = default;

  // ---- producers ----

  static constexpr std::uint64_t no_ticket = ~std::uint64_t{0};

  /// Takes `count` consecutive tickets and returns the first. no_ticket: they are above the limit,
  /// so they were published void, and the consumer must be told; closed() and grow() say more. One
  /// atomic read-modify-write; wait-free but for the rare walk to another segment.
  [[nodiscard]] std::uint64_t claim(std::uint64_t count = 1) noexcept {
    const auto ticket = take_ticket(count);
    if (may_carry(ticket + (count - 1))) [[likely]]
      return ticket;
    publish_nothing(ticket, count);
    return no_ticket;
  }

  /// The parts of claim(), for those who are in a hurry. A ticket that may not carry a message may
  /// have the closed bit, and must go to publish_nothing().
  [[nodiscard]] std::uint64_t take_ticket(std::uint64_t count = 1) noexcept {
    // (1) seq_cst: our ticket first, then the limit, (1) in ticket_limit.hpp, the segments' hint
    // and the partition's role; against who changes one of these and then looks at the tickets (3),
    // or closes (4)
    return tail_.fetch_add(count, std::memory_order_seq_cst);
  }
  [[nodiscard]] bool may_carry(std::uint64_t ticket) const noexcept {
    return cells_.limit.may_carry(ticket);
  }
  /// Void tickets that may not carry a message: their credit goes back at once.
  void publish_nothing(std::uint64_t first, std::uint64_t count = 1) noexcept {
    first &= ~closed_bit;
    add_credit(count); // that they would take
    for (std::uint64_t i = 0; i < count; ++i)
      publish_empty(first + i, 3);
  }

  /// claim() would get tickets that may carry messages. A guess.
  [[nodiscard]] bool has_room(std::uint64_t count) const noexcept {
    return cells_.limit.may_carry(tail_.load(std::memory_order_relaxed) +
                                  (count - 1)); // only a guess
  }

  /// Look before you claim(): the ring is closed, had no room, or has limits of keys. A hint.
  [[nodiscard]] bool must_look() const noexcept { return cells_.limit.must_look(); }
  /// From now on always.
  void limit_keys() noexcept { cells_.limit.set(ticket_limit::limited_keys); }

  /// The cell of a ticket that the caller holds and has not published.
  [[nodiscard]] cell& at(std::uint64_t ticket) noexcept { return cells_.at(ticket); }
  /// Likewise; `behind` is what comes after the cell of the ticket before.
  [[nodiscard]] cell& at(std::uint64_t ticket, cell* behind) noexcept {
    return cells_.at(ticket, behind);
  }

  static void publish(cell& at, std::uint64_t ticket) noexcept {
    at.word.store(word_of(ticket),
                  std::memory_order_release); // (5) release: key and message; pairs with (6)
  }

  /// As publish(), for a message that was counted as accepted when it had no ticket yet.
  void publish_counted(cell& at, std::uint64_t ticket) noexcept {
    cells_.leave_out(ticket);
    at.word.store(word_of(ticket) + 2, std::memory_order_release); // (5) release: as above
  }

  /// As publish(), without key and message: a place of a joint message, which lies at the beginning
  /// of a cache line and has up to 16 of them. messages() counts it for the first.
  void publish_place(cell& at, std::uint64_t ticket, void* message, std::uint32_t number) noexcept {
    if (number != 0)
      cells_.leave_out(ticket);
    at.word.store(place_bit | std::bit_cast<std::uintptr_t>(message) | number,
                  std::memory_order_release); // (5) release: the joint message; pairs with (6)
  }

  /// A void ticket that might have carried a message: its credit goes back when the consumer passes
  /// it.
  void publish_void(std::uint64_t ticket) noexcept { publish_empty(ticket, 1); }

  /// As claim(), for a message whose credit was taken with take_credit(); that is given back with
  /// add_credit() afterwards. Whether the ring is closed or not. no_ticket: out of memory. Takes a
  /// lock.
  [[nodiscard]] std::uint64_t claim_reserved() noexcept {
    if (!cells_.link_until(tickets() + 1))
      return no_ticket;
    // (1) seq_cst: as in claim()
    const auto ticket = tail_.fetch_add(1, std::memory_order_seq_cst) & ~closed_bit;
    while (!cells_.link_until(ticket + 1)) // others were faster
      sleep_for(tuning::out_of_memory_nap);
    return ticket;
  }

  /// Gives out so many void tickets, and the credit that they would take. Calls between(end), with
  /// the ticket after them, before they can leave the ring. Who waits for credit has to be told.
  template <class Function>
  void skip(std::uint64_t count, Function&& between) noexcept {
    // (1) seq_cst: as in claim()
    const auto first = tail_.fetch_add(count, std::memory_order_seq_cst) & ~closed_bit;
    add_credit(count); // afterwards, or a message could have it
    between(first + count);
    for (std::uint64_t i = 0; i < count; ++i)
      publish_empty(first + i, 3);
  }

  /// True: `count` more tickets have credit and cells now, claim() again; false: credit is missing.
  /// Throws std::bad_alloc. Takes a lock.
  [[nodiscard]] bool grow(std::uint64_t count) {
    return cells_.raise_limit(count, [this] { return tickets(); });
  }

  [[nodiscard]] bool closed() const noexcept {
    // (3) seq_cst: after the caller's change, see (1) in pending_count.hpp
    return (tail_.load(std::memory_order_seq_cst) & closed_bit) != 0;
  }

  /// No ticket taken after this carries a message.
  void close() noexcept {
    // (4) seq_cst: splits the tickets (1); before the looks for who waits and for what is
    // outstanding; against (1) in event_count.cpp, (2) in pending_count.hpp
    tail_.fetch_or(closed_bit, std::memory_order_seq_cst);
    cells_.limit.set(ticket_limit::closed);
  }

  /// Tickets given out so far.
  [[nodiscard]] std::uint64_t tickets() const noexcept {
    return tail_.load(std::memory_order_seq_cst) &
           ~closed_bit; // (3) seq_cst: after the caller's change, see (1)
  }

  /// Messages published so far, but for those of publish_counted(). Exact: what was published
  /// before the call, and nothing that is void in the end. Looks at what is in the ring. One thread
  /// at a time.
  [[nodiscard]] std::uint64_t messages() noexcept {
    return cells_.count(tickets(), [](const cell& at, std::uint64_t ticket) {
      const auto word = at.word.load(std::memory_order_relaxed); // only counted
      return word == word_of(ticket) || (word & (place_bit | place_numbers)) == place_bit;
    });
  }

  // ---- credit: tickets that may still carry a message ----

  /// Who waits for credit has to be told.
  void add_credit(std::uint64_t count) noexcept { cells_.limit.add(count); }

  /// A guess; grow() knows.
  [[nodiscard]] bool has_credit(std::uint64_t count) const noexcept {
    return tickets() + count <= cells_.limit.credit_end();
  }

  /// A guess: tickets are taken meanwhile.
  [[nodiscard]] bool has_more_room_than_messages() const noexcept {
    return has_credit(tickets() - consumed() + 1);
  }

  /// Takes back half of the credit that nobody has used, `most` at most, for another ring or for
  /// messages without tickets. Takes a lock.
  [[nodiscard]] std::uint64_t take_credit(std::uint64_t most = no_ticket) noexcept {
    return cells_.take_credit(most, [this] { return tickets(); });
  }

  // ---- the consumer: one thread at a time ----

  enum class state { pending, message, void_ticket, counted_message, skipped, place };

  /// The next ticket in order: not yet published (or not given out), a message, void and with
  /// credit, a message of publish_counted(), void without credit (of skip(), or above the limit), or
  /// the place of a joint message.
  [[nodiscard]] state peek() noexcept {
    current_ = cells_.current();
    if (current_ == nullptr)
      return state::pending;
    // (6) acquire: what the producer put there; pairs with (5), (7)
    const auto word = current_->word.load(std::memory_order_acquire) - word_of(consumed());
    return word == 0                                         ? state::message
           : word == 1                                       ? state::void_ticket
           : word == 2                                       ? state::counted_message
           : word == 3                                       ? state::skipped
           : ((word + word_of(consumed())) & place_bit) != 0 ? state::place
                                                             : state::pending;
  }

  /// The cell that peek() found published.
  [[nodiscard]] cell& current() noexcept { return *current_; }

  /// The cell of a ticket is published with a message that messages() counts. Short, for a consumer
  /// that handles such messages where they lie, one after the other; else peek() says what is
  /// there.
  [[nodiscard]] static bool has_message(const cell& at, std::uint64_t ticket) noexcept {
    return at.word.load(std::memory_order_acquire) == word_of(ticket); // (6) acquire: as in peek()
  }
  /// The cells from current() on lie side by side, so many of them.
  [[nodiscard]] std::uint64_t side_by_side() const noexcept { return cells_.side_by_side(); }

  /// See segment_list.
  void lend() noexcept { cells_.lend(); }
  void take_back(const void* part) noexcept { cells_.take_back(part); }

  /// Of publish_place(): whose place peek() found, and the number of that.
  struct joint_place_of {
    void* message;
    std::uint32_t number;
  };
  [[nodiscard]] joint_place_of place() const noexcept {
    return place_of(current_->word.load(std::memory_order_relaxed)); // peek() has it
  }
  /// After peek(): what is so many tickets further on, if it is a place that can be seen already; or
  /// no message.
  [[nodiscard]] joint_place_of place_ahead(std::uint64_t by) const noexcept {
    if (cells_.side_by_side() <= by)
      return {nullptr, 0};
    const auto* const at = current_ + by;
    const auto word = at->word.load(std::memory_order_acquire); // (6) acquire: as in peek()
    return (word & place_bit) != 0 ? place_of(word) : joint_place_of{nullptr, 0};
  }
  /// Calls look(place) for those of the next `most` tickets that are places and can be seen already.
  /// False: there are more tickets.
  template <class Look>
  [[nodiscard]] bool look_ahead(std::uint64_t most, Look&& look) noexcept {
    const auto end = tickets();
    auto next = look_out();
    for (; next.ticket != end && most != 0; next.go_on(), --most) {
      const auto* const at = next.look();
      if (at == nullptr)
        return false;
      const auto word = at->word.load(std::memory_order_acquire); // (6) acquire: as in peek()
      if ((word & place_bit) != 0)
        look(place_of(word));
    }
    return next.ticket == end;
  }
  /// As consume(), of a place: messages() goes on counting it as it did.
  void consume_place() noexcept {
    const auto word = current_->word.load(std::memory_order_relaxed); // peek() has it
    // relaxed: who has the cell next is given it by recycle(), and a count is the same before and after
    current_->word.store(word_of(consumed()) + ((word & place_numbers) == 0 ? 0 : 3),
                         std::memory_order_relaxed);
    consume();
  }

  /// Done with the current cell; what lived in it has been destroyed.
  void consume() noexcept { cells_.consume(); }

  /// Tickets consumed so far.
  [[nodiscard]] std::uint64_t consumed() const noexcept { return cells_.consumed(); }

  /// Of the lower half of a ticket that was given out not long ago.
  [[nodiscard]] std::uint64_t sequence_of(std::uint32_t number) const noexcept {
    const auto now = tickets();
    return now - (static_cast<std::uint32_t>(now) - number);
  }

  void recycle() noexcept {
    cells_.recycle([this] { return tickets(); });
  }

  [[nodiscard]] bool has_spares() const noexcept { return cells_.has_spares(); }
  /// Segments are large: fewer of them.
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    return cells_.trim((most + tuning::pieces_per_segment - 1) / tuning::pieces_per_segment);
  }

  /// See segment_list::lookout.
  [[nodiscard]] lookout look_out() noexcept { return lookout(cells_); }
  [[nodiscard]] static bool published(const lookout& next) noexcept {
    const auto* const at = next.look();
    // relaxed: only whether; the cell is read after peek()
    return at != nullptr && at->word.load(std::memory_order_relaxed) >= word_of(next.ticket);
  }

private:
  static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 63;
  static constexpr std::uint64_t place_bit = std::uint64_t{1} << 63; // above any ticket's word
  static constexpr std::uint64_t place_numbers = 15;

  [[nodiscard]] static joint_place_of place_of(std::uint64_t word) noexcept {
    return {std::bit_cast<void*>(word & ~(place_bit | place_numbers)),
            static_cast<std::uint32_t>(word & place_numbers)};
  }

  /// Of a message.
  [[nodiscard]] static constexpr std::uint64_t word_of(std::uint64_t ticket) noexcept {
    return 4 * (ticket + 1);
  }

  void publish_empty(std::uint64_t ticket, std::uint64_t kind) noexcept {
    while (!cells_.link_until(ticket + 1))
      sleep_for(tuning::out_of_memory_nap); // out of memory, but the ticket can't be given back
    cells_.leave_out(ticket);
    // (7) release: we are done with the segment; pairs with (6)
    at(ticket).word.store(word_of(ticket) + kind, std::memory_order_release);
  }

  alignas(cache_line) atomic<std::uint64_t> tail_{0};
  cells cells_;
  alignas(cache_line) cell* current_ = nullptr; // the consumer's, for each message
};

} // namespace convoy::detail
