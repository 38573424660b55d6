#pragma once

// A lane: the FIFO of one key. At any time it belongs either to its partition's drainer or, while
// it is out, to the pump that runs it; it changes hands through a ready queue and comes back
// through the partition's stack of returned lanes. Nothing in it is atomic. While it is out the
// drainer may still append behind the messages handed out: the two touch different slots, and each
// side its own members.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/detail/ds/timer_wheel.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace convoy::detail {

/// Room for messages, raw. The slots follow the header, and behind them is when each message came.
template <class Message>
struct chunk {
  static constexpr std::size_t alignment = std::max(alignof(Message), alignof(std::max_align_t));
  static constexpr std::size_t header =
      (2 * sizeof(void*) + alignof(Message) - 1) / alignof(Message) * alignof(Message);

  /// Chunks grow along a lane up to this.
  static constexpr std::uint32_t most = static_cast<std::uint32_t>(std::clamp<std::size_t>(
      tuning::most_chunk_bytes / sizeof(Message), 1, tuning::most_chunk_messages));

  chunk* next;
  std::uint16_t capacity;
  std::uint16_t filled; ///< slots, from the first on; the drainer's
  std::uint32_t number; ///< sequence number of its first message, the lower half

  Message* slots() noexcept {
    return static_cast<Message*>(
        static_cast<void*>(static_cast<std::byte*>(static_cast<void*>(this)) + header));
  }

  coarse_time* times() noexcept {
    return static_cast<coarse_time*>(static_cast<void*>(
        static_cast<std::byte*>(static_cast<void*>(this)) + begin_of_times(capacity)));
  }

  static std::size_t size(std::uint32_t capacity) noexcept {
    return begin_of_times(capacity) + capacity * sizeof(coarse_time);
  }

  /// Null when out of memory.
  static chunk* make(std::uint32_t capacity) noexcept {
    void* const memory = ::operator new (size(capacity), std::align_val_t{alignment}, std::nothrow);
    return memory == nullptr ? nullptr
                             : ::new (memory)
                                   chunk{nullptr, static_cast<std::uint16_t>(capacity), 0, 0};
  }

  static void destroy(chunk* c) noexcept { ::operator delete (c, std::align_val_t{alignment}); }

private:
  static constexpr std::size_t begin_of_times(std::uint32_t capacity) noexcept {
    constexpr auto align = alignof(coarse_time);
    return (header + capacity * sizeof(Message) + align - 1) / align * align;
  }
};

/// The first chunk of a lane lies inside it and holds one message; when that came is the lane's `since`.
template <class Message>
struct first_chunk : chunk<Message> {
  alignas(Message) std::byte slot[sizeof(Message)];
};

/// When a lane's state goes, if it goes.
template <class Lane>
struct idle_timer : timer {
  explicit idle_timer(Lane& its_lane) noexcept : timer(timer_of::idle_state), lane(its_lane) {}

  Lane& lane;
  clock::time_point used{}; // last
};

/// State lives with its lane. The first message constructs it, so that an exception meets the error
/// callback.
template <class State, class Lane>
struct lane_state {
  std::optional<State> state;             // the runner's
  idle_timer<Lane>* idle_since = nullptr; // the drainer's
};
template <class Lane>
struct lane_state<void, Lane> {};

/// Written by one thread; others read it as a hint.
class shared_count {
public:
  operator std::uint32_t() const noexcept {        // NOLINT(google-explicit-constructor)
    return value_.load(std::memory_order_relaxed); // a hint, or our own
  }
  void operator=(std::uint32_t value) noexcept {    // NOLINT(misc-unconventional-assign-operator)
    value_.store(value, std::memory_order_relaxed); // likewise
  }
  void operator+=(std::uint32_t more) noexcept { *this = *this + more; }
  void operator-=(std::uint32_t fewer) noexcept { *this = *this - fewer; }
  void operator++() noexcept { *this = *this + 1; }

private:
  atomic<std::uint32_t> value_{0};
};

template <class Lane>
struct hold;

template <class Key, class Message, class State>
struct lane : ready_item, lane_state<State, lane<Key, Message, State>> {
  using key_type = Key;
  using message_type = Message;

  lane(runner& where, Key&& of, std::uint32_t its_hash) noexcept
      : ready_item{where}, hash(its_hash), own_key(std::move(of)) {
    first.next = nullptr;
    first.capacity = 1;
    first.filled = 0;
  }
  /// Of a message that runs in its cell of the ring: counted as the lane's first one, though it is
  /// not in here.
  explicit lane(runner& where) noexcept : ready_item{where}, in_cell(true), key_in_cell(nullptr) {
    first.next = nullptr;
    first.capacity = first.filled = 1;
    handed = 1;
  }

  [[nodiscard]] const Key& key() const noexcept { return in_cell ? *key_in_cell : own_key; }

  /// The first message has ended in its cell.
  void end_first() noexcept {
    ++front_index;
    --handed;
    ++finished;
  }
  /// As take_key_home(), for the message.
  void take_message_home(Message& in_its_cell) noexcept {
    std::construct_at(first.slots(), std::move(in_its_cell));
    std::destroy_at(&in_its_cell);
  }
  /// The key comes into the lane from its cell; where it was there.
  Key* take_key_home() noexcept {
    auto* const from = key_in_cell;
    std::construct_at(&own_key, std::move(*from));
    std::destroy_at(from);
    in_cell = false;
    return from;
  }

  /// Sequence number of its first message, the lower half.
  [[nodiscard]] std::uint32_t next_number() const noexcept {
    return front->number + front_index; // also if that is in the next chunk
  }
  /// When its first message came. It must have one.
  [[nodiscard]] coarse_time first_came() const noexcept {
    if (front_index == front->capacity)
      return front->next->times()[0];
    return front == &first ? since : front->times()[front_index];
  }

  lane(const lane&) = delete;
  lane& operator=(const lane&) = delete;
  ~lane() {
    if (!in_cell)
      std::destroy_at(&own_key);
  }

  // Not `finished`, next to `handed`: compilers then load both at once, which waits for the stores of
  // each (5 ns for each message that runs inline).
  std::uint32_t hash = 0; // upper bits unused by the choice of the partition; the drainer's

  // ---- the pump that runs it, while it is out; ready_item::handed as well ----
  std::uint32_t finished = 0;         // handled since the lane went out
  chunk<Message>* front = &first;     // where the next message to handle is
  detail::hold<lane>* hold = nullptr; // its first message has failed, or it is stopped; see held

  // ---- the drainer ----
  std::uint32_t staged = 0;      // appended, not yet handed out
  shared_count unsettled;        // appended, not yet back as finished
  std::uint32_t older = 0;       // how many of these belong to the epoch before the lane's
  std::uint16_t front_index = 0; // the runner's
  bool in_cell = false; // the key is still in the ring, and so is the first message or its place;
                        // written only while it is the drainer's

  // These too, in one byte.
  bool out : 1 = false;      // lined up to be handed out, ready, running, or stopped
  bool epoch : 1 = false;    // of its youngest message
  bool held : 1 = false;     // stopped, and back: its hold is the drainer's
  bool paused : 1 = false;   // does not go on until resume()
  bool resumed : 1 = false;  // resume() came while it was out: it does not park this time
  bool flush : 1 = false;    // is handed out though its last batch is not full
  bool watched : 1 = false;  // requests wait for it, see lane_requests
  bool evicting : 1 = false; // out for its state to go

  chunk<Message>* back = &first;
  lane* next = nullptr; // in its bucket of the lane table

  union {
    Key own_key;
    Key* key_in_cell;
  };
  first_chunk<Message> first; // its `next` is the oldest chunk that is there besides
};

} // namespace convoy::detail
