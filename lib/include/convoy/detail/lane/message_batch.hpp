#pragma once

// The messages that a handler gets, and what is left of them in their lane.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/lane/lane.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace convoy::detail {

/// Goes on to the next chunk; the drainer frees the used-up one when the lane is back.
template <class Lane>
void advance(Lane& lane) noexcept {
  lane.front = lane.front->next;
  lane.front_index = 0;
}

/// It must have one.
template <class Lane>
[[nodiscard]] auto& first_of(Lane& lane) noexcept {
  if (lane.front_index == lane.front->capacity)
    advance(lane);
  return lane.front->slots()[lane.front_index];
}

/// The first message of a lane. With the object it is destroyed and counted as finished, also when
/// the handler throws, unless it is kept.
template <class Lane>
class one_message {
public:
  using lane_type = Lane;
  using Message = typename Lane::message_type;

  one_message(lane_type& from, std::uint32_t) noexcept : lane_(from), first_(&first_of(from)) {}
  one_message(const one_message&) = delete;
  one_message& operator=(const one_message&) = delete;
  ~one_message() {
    if (kept_) [[unlikely]]
      return;
    std::destroy_at(first_);
    ++lane_.front_index;
    --lane_.handed;
    ++lane_.finished;
  }

  [[nodiscard]] Message& front() noexcept { return *first_; }
  [[nodiscard]] std::size_t size() const noexcept { return 1; }
  void shorten(std::size_t) noexcept {}

  /// From the index-th on.
  void keep_from(std::size_t index) noexcept { kept_ = index == 0; }

private:
  lane_type& lane_;
  Message* first_;
  bool kept_ = false;
};

/// Up to `limit` messages from the front of a lane, side by side. With the object those are
/// destroyed and counted as finished that are not kept, also when the handler throws.
template <class Lane>
class message_batch {
public:
  using lane_type = Lane;
  using Message = typename Lane::message_type;

  message_batch(lane_type& from, std::uint32_t limit) noexcept
      : lane_(from), first_(&first_of(from)) {
    const std::uint32_t contiguous = lane_.front->capacity - lane_.front_index;
    count_ = std::min(limit, lane_.handed);
    if (count_ > contiguous && !gather())
      count_ = contiguous;
    visible_ = finished_ = count_;
  }
  message_batch(const message_batch&) = delete;
  message_batch& operator=(const message_batch&) = delete;
  ~message_batch() {
    if (finished_ != count_) [[unlikely]]
      put_back();
    std::destroy_n(first_, finished_);
    if (gathered_) [[unlikely]]
      skip(finished_);
    else
      lane_.front_index = static_cast<std::uint16_t>(lane_.front_index + finished_);
    lane_.handed -= finished_;
    lane_.finished += finished_;
  }

  [[nodiscard]] std::span<Message> all() noexcept { return {first_, visible_}; }
  [[nodiscard]] Message& front() noexcept { return *first_; }
  [[nodiscard]] std::size_t size() const noexcept { return visible_; }

  /// The handler gets only so many; the others stay in the lane.
  void shorten(std::size_t to) noexcept { visible_ = finished_ = static_cast<std::uint32_t>(to); }

  /// Those from the index-th on stay in the lane, as its first ones.
  void keep_from(std::size_t index) noexcept {
    finished_ = static_cast<std::uint32_t>(std::min<std::size_t>(index, visible_));
  }

private:
  struct bench {
    chunk<Message>* room = nullptr;
    std::uint32_t size = 0;
    ~bench() { chunk<Message>::destroy(room); }
  };

  /// Moves messages that lie in several chunks side by side. False when out of memory.
  bool gather() noexcept {
    auto& mine = of_thread<bench>(); // one lane at a time runs on a thread
    if (mine.size < count_) {
      auto* const room = chunk<Message>::make(count_);
      if (room == nullptr)
        return false;
      chunk<Message>::destroy(std::exchange(mine.room, room));
      mine.size = count_;
    }
    auto* const side_by_side = mine.room->slots();
    for_each_slot([&](std::uint32_t i, Message* slot) { move(slot, side_by_side + i); });
    first_ = side_by_side;
    gathered_ = true;
    return true;
  }

  void put_back() noexcept {
    if (gathered_)
      for_each_slot([&](std::uint32_t i, Message* slot) {
        if (i >= finished_)
          move(first_ + i, slot);
      });
  }

  static void move(Message* from, Message* to) noexcept {
    ::new (static_cast<void*>(to)) Message(std::move(*from));
    std::destroy_at(from);
  }

  /// Where they lie, or lay, in the lane.
  template <class Function>
  void for_each_slot(Function&& function) noexcept {
    auto* in = lane_.front;
    for (std::uint32_t i = 0, at = lane_.front_index; i < count_; ++i, ++at) {
      if (at == in->capacity) {
        in = in->next;
        at = 0;
      }
      function(i, in->slots() + at);
    }
  }

  void skip(std::uint32_t count) noexcept {
    for (; count != 0; --count, ++lane_.front_index)
      if (lane_.front_index == lane_.front->capacity)
        advance(lane_);
  }

  lane_type& lane_;
  Message* first_;
  std::uint32_t count_ = 0;
  std::uint32_t visible_ = 0; // of these
  std::uint32_t finished_ = 0;
  bool gathered_ = false;
};

} // namespace convoy::detail
