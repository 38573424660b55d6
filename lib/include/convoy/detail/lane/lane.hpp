#pragma once

// A lane: the FIFO of one key. At any time it belongs either to its partition's drainer or, while
// it is out, to the pump that runs it; it changes hands through a ready queue and comes back
// through the partition's stack of returned lanes. Nothing in it is atomic but `unsettled`, a hint
// for the watchdog. While it is out the drainer may still append behind the messages handed out:
// the two touch different slots, and each side its own members.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/detail/ds/timer_wheel.hpp"
#include "convoy/detail/lane/lane_base.hpp"
#include "convoy/message.hpp"

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

/// The first chunk of a lane lies inside it and holds one message; when that came is the lane's
/// `since`.
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
struct kept_state {
  std::optional<State> state;             // the runner's
  idle_timer<Lane>* idle_since = nullptr; // the drainer's
};
template <class Lane>
struct kept_state<void, Lane> {};

/// What a lane has besides if its key may have shared messages, see lane_set_shared.hpp. All of it
/// is the drainer's; `main` never changes.
template <class Lane, bool Shares>
struct sharing_lane {
  // ---- of a sibling, which has one shared message ----
  Lane* main = nullptr;     // the key's lane; null: this is it
  Lane* previous = nullptr; // sibling of the key; the next one is `next`
  std::uint32_t nth = 0;    // of the main lane's siblings
  bool its_epoch = false;   // its message's
  bool is_purged = false;   // it becomes a dead letter unless it is done when it comes back

  // ---- of the key's lane ----
  Lane* first_sibling = nullptr; // in the order of their messages
  Lane* last_sibling = nullptr;
  ready_list late;                // siblings that would go on if there were not so many out
  std::uint32_t siblings = 0;     // there are so many,
  std::uint32_t siblings_out = 0; // so many of them are out or lined up,
  std::uint32_t by_epoch[2] = {}; // and so many are of each epoch
  std::uint32_t parted = 0;       // so many there were
};
template <class Lane>
struct sharing_lane<Lane, false> {};

template <class Key, class Message, class State>
struct lane : lane_base,
              kept_state<State, lane<Key, Message, State>>,
              sharing_lane<lane<Key, Message, State>, has_access<Message>> {
  using key_type = Key;
  using message_type = Message;
  static constexpr bool shares = has_access<Message>;

  lane(runner& where, Key&& of, std::uint32_t its_hash) noexcept
      : lane_base(where), own_key(std::move(of)) {
    hash = its_hash;
    first.next = nullptr;
    first.capacity = 1;
    first.filled = 0;
  }
  /// Of a message that runs in its cell of the ring: counted as the lane's first one, though it is
  /// not in here.
  explicit lane(runner& where) noexcept : lane_base(where), key_in_cell(nullptr) {
    in_cell = true;
    first.next = nullptr;
    first.capacity = first.filled = 1;
    handed = 1;
  }

  /// A sibling, which gets one shared message of a lane that is the drainer's.
  lane(runner& where, lane& whose) noexcept requires(shares)
      : lane_base(where), key_in_cell(&whose.own_key) {
    hash = whose.hash;
    in_cell = true; // the key is elsewhere
    this->main = &whose;
    unsettled = 1;
    first.next = nullptr;
    first.capacity = first.filled = 1;
    handed = 1;
  }

  [[nodiscard]] bool is_sibling() const noexcept {
    if constexpr (shares)
      return this->main != nullptr;
    else
      return false;
  }
  [[nodiscard]] bool has_siblings() const noexcept {
    if constexpr (shares)
      return this->siblings != 0;
    else
      return false;
  }
  /// The key's lane, which has its state.
  [[nodiscard]] lane& whole() noexcept { return const_cast<lane&>(std::as_const(*this).whole()); }
  [[nodiscard]] const lane& whole() const noexcept {
    if constexpr (shares)
      if (this->main != nullptr)
        return *this->main;
    return *this;
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

  chunk<Message>* front = &first; // the runner's: where the next message to handle is
  chunk<Message>* back = &first;  // the drainer's
  lane* next = nullptr;           // likewise: in its bucket of the table of keys

  union {
    Key own_key;
    Key* key_in_cell;
  };
  first_chunk<Message> first; // its `next` is the oldest chunk that is there besides
};

} // namespace convoy::detail
