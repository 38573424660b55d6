#pragma once

// Where a partition's lanes and chunks come from and go to: free lists, so that a steady load
// allocates nothing. Only the drainer touches it. It keeps what the load has needed since the last
// trim().

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/node_pool.hpp"
#include "convoy/detail/ds/timer_wheel.hpp"
#include "convoy/detail/lane/lane.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <type_traits>
#include <utility>

namespace convoy::detail {

template <class Key, class Message, class State>
class lane_pool {
public:
  using lane_type = lane<Key, Message, State>;
  using chunk_type = chunk<Message>;

  lane_pool() = default;
  lane_pool(const lane_pool&) = delete;
  lane_pool& operator=(const lane_pool&) = delete;
  ~lane_pool() {
    while (kept_ != 0)
      give_back_one();
  }

  /// Null when out of memory; then the arguments are as they were.
  template <class... Arguments>
  [[nodiscard]] lane_type* make_lane(runner& home, Arguments&&... arguments) noexcept {
    void* memory = lanes_;
    if (lanes_ != nullptr) {
      lanes_ = lanes_->next;
      note_use();
    } else {
      memory =
          ::operator new (sizeof(lane_type), std::align_val_t{alignof(lane_type)}, std::nothrow);
      if (memory == nullptr)
        return nullptr;
    }
    return ::new (memory) lane_type(home, std::forward<Arguments>(arguments)...);
  }

  void free_lane(lane_type& lane) noexcept {
    if constexpr (!std::is_void_v<State>)
      if (auto* const timer = lane.idle_since; timer != nullptr) {
        timer_wheel::remove(*timer);
        idle_timers_.give_back(*timer);
      }
    lane.~lane_type();
    lanes_ = ::new (static_cast<void*>(&lane)) free_node{lanes_};
    ++kept_;
  }

  /// Of a lane that has none. False when out of memory.
  [[nodiscard]] bool make_idle_timer(lane_type& lane) noexcept {
    lane.idle_since = idle_timers_.make(lane);
    return lane.idle_since != nullptr;
  }

  /// Appends a message that came `at` a time to a lane; false when out of memory, then `message` is
  /// as it was.
  [[nodiscard]] bool append(lane_type& lane, Message&& message, coarse_time at) noexcept {
    if (!make_room(lane))
      return false;
    ::new (static_cast<void*>(lane.back->slots() + lane.back->filled)) Message(std::move(message));
    note_appended(lane, at);
    return true;
  }
  /// As append(), for the place of a joint message: a slot without a message.
  [[nodiscard]] bool append_place(lane_type& lane, coarse_time at) noexcept {
    if (!make_room(lane))
      return false;
    note_appended(lane, at);
    return true;
  }

  /// Takes back the chunks that the runner has used up.
  void free_spent(lane_type& lane) noexcept {
    if (lane.front == &lane.first)
      return;
    while (lane.first.next != lane.front)
      free_chunk(*std::exchange(lane.first.next, lane.first.next->next));
  }

  /// For a lane without messages: back to its first chunk.
  void rewind(lane_type& lane) noexcept {
    if (lane.back != &lane.first)
      free_chunk(*lane.back);
    lane.front = lane.back = &lane.first;
    lane.front_index = lane.first.filled = 0;
  }

  /// More is kept than idle partitions keep.
  [[nodiscard]] bool has_spares() const noexcept {
    return kept_ > tuning::kept_lanes || idle_timers_.has_spares();
  }

  /// Gives up to `most` pieces of memory back to the system that have not been used since the last
  /// time. True: there are no more of them.
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    trimmed_lanes_ = trimmed_lanes_ || trim_lanes(most); // once, it looks back to the last time
    const bool all = trimmed_lanes_ && idle_timers_.trim(most);
    if (all)
      trimmed_lanes_ = false;
    return all;
  }

private:
  struct free_node {
    free_node* next;
  };

  [[nodiscard]] bool trim_lanes(std::size_t most) noexcept {
    for (; fewest_kept_ > tuning::kept_lanes && most != 0; --most, --fewest_kept_)
      give_back_one();
    if (fewest_kept_ > tuning::kept_lanes)
      return false;
    fewest_kept_ = kept_;
    return true;
  }

  /// For one more slot.
  [[nodiscard]] bool make_room(lane_type& lane) noexcept {
    if (lane.back->filled == lane.back->capacity) {
      auto* const next = make_chunk(lane.back->capacity);
      if (next == nullptr)
        return false;
      next->number = lane.back->number + lane.back->capacity;
      lane.back->next = next;
      lane.back = next;
    }
    return true;
  }
  void note_appended(lane_type& lane, coarse_time at) noexcept {
    auto& back = *lane.back;
    if (&back != &lane.first)
      back.times()[back.filled] = at;
    else if (std::is_void_v<State> ||
             !lane.is(lane_state::evicting)) // then it waits for a worker without a message
      lane.since = at;
    ++back.filled;
  }

  void note_use() noexcept { fewest_kept_ = std::min(fewest_kept_, --kept_); }

  void give_back_one() noexcept {
    --kept_;
    auto** list = std::end(chunks_); // the largest first
    while (list != chunks_ && *(list - 1) == nullptr)
      --list;
    if (list != chunks_) {
      --list;
      chunk_type::destroy(std::exchange(*list, (*list)->next));
    } else {
      auto* const lane = std::exchange(lanes_, lanes_->next);
      ::operator delete (lane, std::align_val_t{alignof(lane_type)});
    }
  }

  // Capacities are powers of chunk_growth up to chunk::most, which need not be one.
  static constexpr std::uint32_t after(std::uint32_t capacity) noexcept {
    return std::min(tuning::chunk_growth * capacity, chunk_type::most);
  }
  static std::size_t list_of(std::uint32_t capacity) noexcept {
    return static_cast<std::size_t>(std::bit_width(capacity));
  }

  chunk_type* make_chunk(std::uint32_t previous) noexcept {
    const auto capacity = after(previous);
    auto*& list = chunks_[list_of(capacity)];
    if (list == nullptr)
      return chunk_type::make(capacity);
    note_use();
    auto* const chunk = std::exchange(list, list->next);
    chunk->next = nullptr;
    chunk->filled = 0;
    return chunk;
  }

  void free_chunk(chunk_type& chunk) noexcept {
    auto*& list = chunks_[list_of(chunk.capacity)];
    chunk.next = list;
    list = &chunk;
    ++kept_;
  }

  free_node* lanes_ = nullptr;
  // By bit width of the capacity.
  chunk_type* chunks_[std::bit_width(tuning::most_chunk_messages) + 1] = {};
  std::size_t kept_ = 0;        // pieces in all lists
  std::size_t fewest_kept_ = 0; // since the last trim(): so many were not needed
  node_pool<idle_timer<lane_type>> idle_timers_;
  bool trimmed_lanes_ = false; // and the timers not yet
};

} // namespace convoy::detail
