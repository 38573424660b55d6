#pragma once

// Handler forms, and the messages that a handler gets.

#include "convoy/detail/lane.hpp"
#include "convoy/failure.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace convoy::detail {

enum class handler_form { none, message, key_message, key_span };

template <class Handler, class Key, class Message, class... State>
consteval handler_form form_of() {
  if (std::is_invocable_v<Handler&, const Key&, Message&, State&...>)
    return handler_form::key_message;
  if (std::is_invocable_v<Handler&, const Key&, std::span<Message>, State&...>)
    return handler_form::key_span;
  if (std::is_invocable_v<Handler&, Message&, State&...>)
    return handler_form::message;
  return handler_form::none;
}

template <class Handler, class Key, class Message, class State>
inline constexpr handler_form form = form_of<Handler, Key, Message, State>();
template <class Handler, class Key, class Message>
inline constexpr handler_form form<Handler, Key, Message, void> = form_of<Handler, Key, Message>();

/// Its outcome is heeded; what else a handler may return is not.
template <class Handler, class Key, class Message, class... State>
consteval bool outcome_of() {
  constexpr auto how = form_of<Handler, Key, Message, State...>();
  if constexpr (how == handler_form::message)
    return std::is_convertible_v<std::invoke_result_t<Handler&, Message&, State&...>, outcome>;
  else if constexpr (how == handler_form::key_message)
    return std::is_convertible_v<std::invoke_result_t<Handler&, const Key&, Message&, State&...>,
                                 outcome>;
  else if constexpr (how == handler_form::key_span)
    return std::is_convertible_v<
        std::invoke_result_t<Handler&, const Key&, std::span<Message>, State&...>, outcome>;
  else
    return false;
}

template <class Handler, class Key, class Message, class State>
inline constexpr bool returns_outcome = outcome_of<Handler, Key, Message, State>();
template <class Handler, class Key, class Message>
inline constexpr bool
    returns_outcome<Handler, Key, Message, void> = outcome_of<Handler, Key, Message>();

/// Goes on to the next chunk; the used-up one travels back with the lane to whom it belongs.
template <class Lane>
void advance(Lane& lane) noexcept {
  auto* const old = std::exchange(lane.front, lane.front->next);
  lane.front_index = 0;
  if (old != &lane.first) {
    old->next = lane.spent;
    lane.spent = old;
  }
}

/// The first message of a lane. With the object it is destroyed and counted as finished, also when
/// the handler throws, unless it is kept.
template <class Key, class Message, class State>
class taken_one {
public:
  using lane_type = lane<Key, Message, State>;

  taken_one(lane_type& from, std::uint32_t) noexcept : lane_(from) {
    if (lane_.front_index == lane_.front->capacity)
      advance(lane_);
    first_ = lane_.front->slots() + lane_.front_index;
  }
  taken_one(const taken_one&) = delete;
  taken_one& operator=(const taken_one&) = delete;
  ~taken_one() {
    if (kept_) [[unlikely]]
      return;
    std::destroy_at(first_);
    ++lane_.front_index;
    --lane_.handed;
    ++lane_.finished;
  }

  [[nodiscard]] Message& front() noexcept { return *first_; }
  [[nodiscard]] std::size_t size() const noexcept { return 1; }

  /// From the index-th on.
  void keep_from(std::size_t index) noexcept { kept_ = index == 0; }

private:
  lane_type& lane_;
  Message* first_;
  bool kept_ = false;
};

/// Up to `limit` messages from the front of a lane, side by side. With the object those are destroyed
/// and counted as finished that are not kept, also when the handler throws.
template <class Key, class Message, class State>
class taken {
public:
  using lane_type = lane<Key, Message, State>;

  taken(lane_type& from, std::uint32_t limit) noexcept : lane_(from) {
    if (lane_.front_index == lane_.front->capacity)
      advance(lane_);
    first_ = lane_.front->slots() + lane_.front_index;
    const std::uint32_t contiguous = lane_.front->capacity - lane_.front_index;
    count_ = std::min(limit, lane_.handed);
    if (count_ > contiguous && !gather())
      count_ = contiguous;
    finished_ = count_;
  }
  taken(const taken&) = delete;
  taken& operator=(const taken&) = delete;
  ~taken() {
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

  [[nodiscard]] std::span<Message> all() noexcept { return {first_, count_}; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

  /// Those from the index-th on stay in the lane, as its first ones.
  void keep_from(std::size_t index) noexcept {
    finished_ = static_cast<std::uint32_t>(std::min<std::size_t>(index, count_));
  }

private:
  /// Moves messages that lie in several chunks side by side. False when out of memory.
  bool gather() noexcept {
    struct bench {
      chunk<Message>* room = nullptr;
      ~bench() { chunk<Message>::destroy(room); }
    };
    static thread_local bench mine; // one lane at a time runs on a thread
    if (mine.room == nullptr || mine.room->capacity < count_) {
      auto* const room = chunk<Message>::make(count_);
      if (room == nullptr)
        return false;
      chunk<Message>::destroy(std::exchange(mine.room, room));
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
  Message* first_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t finished_ = 0;
  bool gathered_ = false;
};

/// The messages that a handler gets at once.
template <class Handler, class Key, class Message, class State>
using taken_for = std::conditional_t<form<Handler, Key, Message, State> == handler_form::key_span,
                                     taken<Key, Message, State>, taken_one<Key, Message, State>>;

/// What the handler returns, if that is an outcome; else done.
template <class Handler, class Key, class Message, class State>
outcome invoke_handler(Handler& handler, lane<Key, Message, State>& lane,
                       taken_for<Handler, Key, Message, State>& messages) {
  constexpr auto how = form<Handler, Key, Message, State>;
  const auto call = [&](auto&... state) -> decltype(auto) {
    if constexpr (how == handler_form::message)
      return handler(messages.front(), state...);
    else if constexpr (how == handler_form::key_message)
      return handler(lane.key, messages.front(), state...);
    else
      return handler(lane.key, messages.all(), state...);
  };
  const auto tell = [&](auto&... state) -> outcome {
    if constexpr (std::is_convertible_v<decltype(call(state...)), outcome>) {
      return call(state...);
    } else {
      call(state...);
      return outcome::done;
    }
  };
  if constexpr (std::is_void_v<State>) {
    return tell();
  } else {
    if (!lane.state)
      lane.state.emplace();
    return tell(*lane.state);
  }
}

} // namespace convoy::detail
