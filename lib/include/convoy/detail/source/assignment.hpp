#pragma once

// What a reader was given of a partition, from when it was assigned until it is given back, and
// where its records are meanwhile.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/ds/event_count.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/detail/source/gate.hpp"
#include "convoy/watermark.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::detail {

class assignment;

/// A record that is in flight. It belongs to its assignment, which uses it again for another one
/// when the reader has taken in that it was released; so nothing is allocated for a record, but for
/// what makes it larger than those before.
class delivery {
public:
  delivery() = default;
  delivery(const delivery&) = delete;
  delivery& operator=(const delivery&) = delete;
  virtual ~delivery() = default;

  // Set by the reader before the record goes on its way.
  assignment* home = nullptr;
  watermark::number number = 0;
  std::uint64_t position = 0;
  std::size_t bytes = 0; ///< that it counts for
  std::string key;       ///< of its lane
  /// Of its key, see gate_number(). Records of a key have one gate: as it closes, those before are
  /// handled and those behind are not. With several, one would be refused, and the next one handled
  /// before it.
  std::uint8_t gate_number = 0;
  clock::time_point since{};

  // Of whoever holds the record.
  bool finished = false; ///< its handler has succeeded, or it is a dead letter that is kept
  bool is_dead = false;  ///< in that case: it is a dead letter
  /// It was finished inside this gate, which is left when it is released: so once no gate has anybody
  /// inside, all that was finished is there to be collected.
  gate* inside = nullptr;

  /// Its handler was called and it is not finished, so it is the first of its lane. By its holder.
  atomic<bool> failed{false};
  /// It was released unfinished: whoever held it never touches it again.
  atomic<bool> given_up{false};

  /// Blocks the others for too long: the next attempt is not made. Set by the reader.
  atomic<bool> condemned{false};
  bool told = false; ///< the reader's: that it blocks was reported
};

/// Holds a delivery, and releases it in the end. What is released without being finished stays
/// unfinished: it is read again after the next assignment.
class delivery_holder {
public:
  delivery_holder() noexcept = default;
  explicit delivery_holder(delivery& of) noexcept : of_(&of) {}
  delivery_holder(delivery_holder&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  delivery_holder& operator=(delivery_holder&& other) noexcept {
    delivery_holder old(std::move(other)); // what this had is released at once
    std::swap(of_, old.of_);
    return *this;
  }
  delivery_holder(const delivery_holder&) = delete;
  delivery_holder& operator=(const delivery_holder&) = delete;
  ~delivery_holder();

  [[nodiscard]] delivery* get() const noexcept { return of_; } ///< null: moved from

private:
  delivery* of_ = nullptr;
};

/// How readers make records, and what else holds them gets at what they hold. A record is a
/// delivery_holder, flight(), that is its friend.
template <class Record>
struct record_access {
  [[nodiscard]] static Record make(delivery& of) noexcept { return Record(delivery_holder(of)); }
  /// Null: moved from.
  [[nodiscard]] static delivery* of(Record& from) noexcept { return from.flight().get(); }
};

/// Gates of an assignment, so that workers do not meet in one line.
inline constexpr unsigned gates_of_assignment = 8;

/// The same for the same key; a hash of all of it would be a tenth of what the adaptor costs.
[[nodiscard]] inline std::uint8_t gate_number(std::string_view key) noexcept {
  std::uint64_t last = 0; // bytes, where keys differ most
  if (key.size() >= sizeof last)
    std::memcpy(&last, key.data() + key.size() - sizeof last, sizeof last);
  else if (!key.empty())
    std::memcpy(&last, key.data(), key.size());
  return static_cast<std::uint8_t>((last + key.size()) * 0x9e3779b97f4a7c15u >> 61);
}
static_assert(gates_of_assignment == 1u << (64 - 61));

/// Wakes the reader that waits for room.
using room_event = event_count;

/// From a reader's thread only, but for gate_of() and release().
///
///   reader               open, begin(), collect() …                 retire(): closes the gates
///   worker               enter a gate, run the handler; release() what is finished, and leave it
///   reader               waits until the gates are empty, collects: that is what can be committed
///   lanes                what is still in them meets a closed gate, and is released unfinished
///   reader               is_over(): no record of it is anywhere, and nobody inside: it may go
class assignment {
public:
  using maker = std::unique_ptr<delivery> (*)();

  /// What `done_before` says is finished is not delivered. Throws std::bad_alloc.
  assignment(std::string name, std::size_t capacity, std::uint64_t first, progress done_before,
             maker make, room_event& room);
  assignment(const assignment&) = delete;
  assignment& operator=(const assignment&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// It was finished before this assignment: it is passed over. Else, with begin(), positions must
  /// grow.
  [[nodiscard]] bool was_finished(std::uint64_t position);

  /// A delivery for this position, with number, position and home set, to be held at once; null if
  /// it has no room. Throws std::bad_alloc.
  [[nodiscard]] delivery* begin(std::uint64_t position);

  /// Calls gone(delivery) for each that is finished.
  template <class Gone>
  std::size_t collect(Gone gone) {
    return marks_.collect([&](watermark::number its) { gone(*deliveries_[its]); });
  }

  /// Calls each(delivery) for each that is in flight, as far as that was collected or dropped.
  template <class Each>
  void each_in_flight(Each each) const {
    marks_.each_unfinished([&](watermark::number its) {
      if (const auto* const still = deliveries_[its].get(); still != nullptr)
        each(*still);
    });
  }

  [[nodiscard]] const watermark& marks() const noexcept { return marks_; }
  /// The delivery that marks().lowest() waits for; null: none.
  [[nodiscard]] delivery* lowest() const noexcept;
  /// What need not be read again: by marks(), and of what was finished before this assignment what it
  /// has not come to. Throws std::bad_alloc.
  [[nodiscard]] progress so_far() const;
  /// After this a collect() misses nothing whose release() found nobody to be told.
  void see_releases() const noexcept { (void)is_quiet(); }

  // ---- the end ----

  /// No handler begins any more.
  void retire() noexcept;
  [[nodiscard]] bool is_retired() const noexcept { return gates_[0].is_closed(); }
  std::size_t records_counted = 0, bytes_counted = 0; ///< the intake's, of what is in flight
  /// Records that are somewhere: in lanes, or with whoever has them.
  [[nodiscard]] std::size_t in_flight() const noexcept {
    // (1) acquire: before all of it goes; pairs with the release (1) in assignment.cpp
    return marks_.unfinished() - given_up_.load(std::memory_order_acquire);
  }
  /// When no more of it is committed: frees what is not in flight any more, and returns the bytes of
  /// what is.
  std::size_t drop_released() noexcept;
  /// After retire(): no handler runs, and what they have finished can be collected.
  [[nodiscard]] bool is_quiet() const noexcept;
  /// After retire(): nobody touches it any more. A handler that moves its record away may be inside
  /// when that is released, and who releases stays inside until it is done: so first the records.
  [[nodiscard]] bool is_over() const noexcept { return in_flight() == 0 && is_quiet(); }

  // ---- any thread ----

  /// Whoever holds the delivery enters before it calls a handler, and leaves after.
  [[nodiscard]] gate& gate_of(const delivery& of) noexcept { return gates_[of.gate_number]; }
  /// Who releases a delivery that is `inside` must know that the intake stays: it is a lane's.
  void release(delivery& what) noexcept;

private:
  struct alignas(cache_line) padded_gate : gate {};

  const std::string name_;
  const std::size_t capacity_;
  room_event& room_;
  std::array<padded_gate, gates_of_assignment> gates_;
  alignas(cache_line) atomic<std::size_t> given_up_{0};
  watermark marks_;
  const maker make_;
  std::vector<std::unique_ptr<delivery>> deliveries_; // by number
  progress done_before_;
  std::size_t next_range_ = 0;                             // of done_before_
  std::size_t in_flight_before_ = 0, bytes_in_flight_ = 0; // at the last drop_released()
};

inline delivery_holder::~delivery_holder() {
  if (of_ != nullptr)
    of_->home->release(*of_);
}

} // namespace convoy::detail
