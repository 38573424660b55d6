#pragma once

// What is finished of a sequence whose parts finish in any order: the position below which all is,
// and the gaps, the ranges above it that are finished too. For a reader of a broker, a log or a queue
// that commits one position.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/ds/ready_queue.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// Positions first to end - 1.
struct position_range {
  std::uint64_t first = 0, end = 0;

  bool operator==(const position_range&) const = default;
};

/// What a reader need not handle again: all below `lowest`, and `finished`, which lies above it, in
/// order and without touching each other.
struct progress {
  std::uint64_t lowest = 0;
  std::vector<position_range> finished = {};

  bool operator==(const progress&) const = default;
};

/// Progress as printable ASCII of at most so many bytes, with a version, `lowest` and a checksum
/// over all of it and `source`, which says what is read (a topic and partition). What finds no room
/// is left out from the end, so that it is handled again. Empty if not even `lowest` finds room: 47
/// bytes are always enough for it. There is neither a blank nor a quote nor a backslash in it.
/// Throws std::invalid_argument if the ranges are not as said above, and std::bad_alloc.
[[nodiscard]] std::string to_text(const progress& what, std::string_view source,
                                  std::size_t most = 4096);

/// What to_text() made of the same source; nothing of any other text, a damaged one, or one of
/// another version: then more is handled again, but nothing is passed over. Throws std::bad_alloc.
[[nodiscard]] std::optional<progress> progress_from_text(std::string_view text,
                                                         std::string_view source);

/// A reader delivers positions, which only grow, and hands each on with its number. Whoever has
/// finished one says so by that number. Then the reader takes in what was finished, and knows from
/// where it must read again after a crash: lowest().
///
/// Memory is bounded by the positions that are unfinished at once, not by how far they lie apart:
/// one that stays unfinished holds up nothing but lowest(). Positions between two that were
/// delivered one after the other count as finished, as the reader has none there.
///
///   finish        any thread, wait-free: one store
///   all others    one thread at a time: the reader
///
/// A store and no read-modify-write, as that alone costs more than all the rest; so each number has
/// a byte of its own, and collect() looks at all of them.
///
/// Neither copied nor moved.
class watermark {
public:
  using number = std::uint32_t; ///< of a delivery; used again once it was taken in

  static constexpr std::size_t most = std::size_t{1} << 24;

  /// At most `capacity` positions are unfinished at once, 1 to `most`; the first to be delivered is
  /// at least `first`. A byte each, and 16 once so many were. Throws std::invalid_argument and
  /// std::bad_alloc.
  explicit watermark(std::size_t capacity, std::uint64_t first = 0);
  watermark(const watermark&) = delete;
  watermark& operator=(const watermark&) = delete;

  /// Its number; nothing if `capacity` are unfinished: collect(), or wait. Throws std::logic_error
  /// for a position below end() and for 2^64 - 1, past which there is none, and std::bad_alloc while
  /// there are more than ever before.
  [[nodiscard]] std::optional<number> deliver(std::uint64_t position) {
    if (position < end_ || position == last_position) [[unlikely]]
      refuse(position);
    if (free_ == none && !grow())
      return std::nullopt;
    const number taken = free_;
    slot& its = slots_[taken];
    free_ = its.next;
    its = {position, last_, none};
    (last_ == none ? first_ : slots_[last_].next) = taken;
    last_ = taken;
    ++unfinished_;
    end_ = position + 1;
    return taken;
  }

  /// All positions below `end` that were not delivered count as finished. Throws std::logic_error
  /// if it is below end().
  void pass(std::uint64_t end) {
    if (end < end_) [[unlikely]]
      refuse(end);
    end_ = end;
  }

  /// Exactly once for each delivery: a second time might finish the delivery that has the number
  /// then. What its thread did before is visible to the reader once it has collected the number.
  void finish(number delivered) noexcept {
    // (1) release: what was done about the position; pairs with the acquire (2)
    finished_[delivered].store(true, std::memory_order_release);
  }

  /// Takes in what was finished: calls each(number) before its number is used again. It must not
  /// throw, nor call this. Returns how many. A look at each number that was ever used, eight at a
  /// time: rather once for many positions than often.
  template <class Each>
  std::size_t collect(Each each) noexcept {
    const auto before = unfinished_;
    for (std::size_t i = 0; i < slots_.size(); i += at_once)
      for (auto seen = detail::look_at_flags(&finished_[i]); seen != 0; seen &= seen - 1) {
        auto& its = finished_[i + lowest_byte(seen)];
        // (2) acquire: pairs with the release (1); the look before it is relaxed
        if (!its.load(std::memory_order_acquire))
          continue;
        // relaxed: whoever stores to it next is handed the number after this
        its.store(false, std::memory_order_relaxed);
        const auto taken = static_cast<number>(i + lowest_byte(seen));
        each(taken);
        unlink(taken);
      }
    return before - unfinished_;
  }
  std::size_t collect() noexcept {
    return collect([](number) noexcept {});
  }

  /// All below it is finished; it itself is the lowest that is not, or end().
  [[nodiscard]] std::uint64_t lowest() const noexcept {
    return first_ == none ? end_ : slots_[first_].position;
  }
  /// The number of lowest(), if it was delivered.
  [[nodiscard]] std::optional<number> lowest_number() const noexcept {
    return first_ == none ? std::nullopt : std::optional{first_};
  }
  /// One past the highest that was delivered or passed.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  [[nodiscard]] std::size_t unfinished() const noexcept { return unfinished_; }
  /// What can be unfinished besides.
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - unfinished_; }

  /// Calls each(number) for what was delivered and not taken in, in order of position.
  template <class Each>
  void each_unfinished(Each each) const {
    for (number i = first_; i != none; i = slots_[i].next)
      each(i);
  }

  /// lowest(), and the ranges between what is unfinished. Throws std::bad_alloc.
  [[nodiscard]] progress so_far() const;
  /// How many ranges so_far() has: what one position that is stuck has let pass.
  [[nodiscard]] std::size_t gaps() const noexcept;

private:
  static constexpr number none = ~number{0};
  static constexpr auto last_position = std::numeric_limits<std::uint64_t>::max();
  static constexpr auto at_once = detail::flags_at_once; // that collect() looks at together

  struct slot { // of an unfinished position; a free one has only `next`
    std::uint64_t position;
    number previous, next;
  };

  [[nodiscard]] bool grow(); ///< there is a free slot now
  [[noreturn]] void refuse(std::uint64_t position) const;

  [[nodiscard]] static unsigned lowest_byte(std::uint64_t word) noexcept {
    return static_cast<unsigned>(__builtin_ctzll(word)) / 8;
  }

  void unlink(number its) noexcept {
    slot& gone = slots_[its];
    (gone.previous == none ? first_ : slots_[gone.previous].next) = gone.next;
    (gone.next == none ? last_ : slots_[gone.next].previous) = gone.previous;
    gone.next = free_; // the latest first, so that few numbers are in use
    free_ = its;
    --unfinished_;
  }

  // ---- shared ----
  const std::unique_ptr<detail::atomic<bool>[]> finished_; ///< by number: finished, not taken in

  // ---- the reader's, away from what threads that finish read ----
  alignas(detail::cache_line) const std::size_t capacity_;
  std::vector<slot> slots_;           ///< by number
  number free_ = none;                ///< a list
  number first_ = none, last_ = none; ///< what is unfinished, in order of position
  std::size_t unfinished_ = 0;
  std::uint64_t end_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
