#pragma once

// A pump runs a lane for one quantum: the handler forms, and what happens when a handler throws.

#include "convoy/detail/core.hpp"
#include "convoy/detail/partition.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

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

/// Up to `limit` contiguous messages from the front of a lane, destroyed and counted as finished
/// with the object, also when the handler throws.
template <class Lane, class Message>
class taken {
public:
  taken(Lane& from, std::uint32_t limit) noexcept : lane_(from) {
    if (lane_.front_index == lane_.front->capacity)
      advance();
    const auto contiguous = lane_.front->capacity - lane_.front_index;
    const auto count = std::min(limit, lane_.handed);
    first_ = lane_.front->slots() + lane_.front_index;
    if (count <= contiguous || !gather(count)) {
      count_ = std::min(count, contiguous);
      lane_.front_index = static_cast<std::uint16_t>(lane_.front_index + count_);
    }
  }
  taken(const taken&) = delete;
  taken& operator=(const taken&) = delete;
  ~taken() {
    std::destroy_n(first_, count_);
    lane_.handed -= count_;
    lane_.finished += count_;
  }

  [[nodiscard]] Message& front() noexcept { return *first_; }
  [[nodiscard]] std::span<Message> all() noexcept { return {first_, count_}; }

private:
  /// Goes on to the next chunk; the used-up one travels back with the lane to whom it belongs.
  void advance() noexcept {
    auto* const old = std::exchange(lane_.front, lane_.front->next);
    lane_.front_index = 0;
    if (old != &lane_.first) {
      old->next = lane_.spent;
      lane_.spent = old;
    }
  }

  /// Moves messages that lie in several chunks side by side. False when out of memory.
  bool gather(std::uint32_t count) noexcept {
    struct bench {
      chunk<Message>* room = nullptr;
      ~bench() { chunk<Message>::destroy(room); }
    };
    static thread_local bench mine; // one lane at a time runs on a thread
    if (mine.room == nullptr || mine.room->capacity < count) {
      auto* const room = chunk<Message>::make(count);
      if (room == nullptr)
        return false;
      chunk<Message>::destroy(std::exchange(mine.room, room));
    }
    for (auto* to = mine.room->slots(); count_ < count; ++count_, ++lane_.front_index, ++to) {
      if (lane_.front_index == lane_.front->capacity)
        advance();
      auto& from = lane_.front->slots()[lane_.front_index];
      ::new (static_cast<void*>(to)) Message(std::move(from));
      std::destroy_at(&from);
    }
    first_ = mine.room->slots();
    return true;
  }

  Lane& lane_;
  Message* first_ = nullptr;
  std::uint32_t count_ = 0;
};

/// Stops the quantum by time. It looks at the clock after 2, 4, 8, 16, 24, … messages: cheap
/// handlers hardly pay, and slow ones are noticed early. With slow lanes the first look comes after
/// one.
class quantum_clock {
public:
  quantum_clock(std::uint32_t messages, bool slow) noexcept
      : begin_(messages > (slow ? 1 : 2) ? clock::now() : clock::time_point{}),
        next_look_(slow ? 1 : 2) {}

  [[nodiscard]] bool over(std::uint32_t done, std::chrono::nanoseconds limit) noexcept {
    if (done < next_look_)
      return false;
    next_look_ = done + std::min(done, 8u);
    return clock::now() - begin_ >= limit;
  }

private:
  clock::time_point begin_;
  std::uint32_t next_look_;
};

template <class Handler, class Key, class Message, class State, class Lane>
void invoke_handler(Handler& handler, Lane& lane, taken<Lane, Message>& messages) {
  constexpr auto how = form<Handler, Key, Message, State>;
  const auto call = [&](auto&... state) {
    if constexpr (how == handler_form::message)
      handler(messages.front(), state...);
    else if constexpr (how == handler_form::key_message)
      handler(lane.key, messages.front(), state...);
    else
      handler(lane.key, messages.all(), state...);
  };
  if constexpr (std::is_void_v<State>) {
    call();
  } else {
    if (!lane.state)
      lane.state.emplace();
    call(*lane.state);
  }
}

/// core::run_lane for a handler type.
template <class Handler, class Key, class Message, class State, class Hash, class Equal>
void run_lane(core<Key, Message, State, Hash, Equal>& core,
              partition<Key, Message, State, Hash, Equal>& home, lane<Key, Message, State>& lane,
              pump& self) noexcept {
  constexpr bool spans = form<Handler, Key, Message, State> == handler_form::key_span;
  auto& handler = *static_cast<Handler*>(core.handler.get());
  self.note_lane();
  self.cover();
  const auto before = lane.finished;
  constexpr std::uint32_t urgent_factor = 16; // an urgent lane keeps its worker longer
  const auto factor = lane.urgent ? urgent_factor : 1;
  const auto most = std::min(lane.handed, core.quantum_messages * factor);
  const auto time = core.quantum_time * factor;
  quantum_clock quantum(most, self.lanes_are_slow());
  for (bool go_on = true; go_on;) {
    try {
      while (go_on) {
        {
          taken<detail::lane<Key, Message, State>, Message> messages(lane,
                                                                     spans ? core.batch_limit : 1);
          invoke_handler<Handler, Key, Message, State>(handler, lane, messages);
        }
        const auto done = lane.finished - before;
        go_on = done < most && !quantum.over(done, time);
      }
    } catch (...) {
      core.report(lane.key);
      const auto done = lane.finished - before;
      go_on = done < most && !quantum.over(done, time);
    }
  }
  home.give_back(lane, self); // with what the quantum left over
}

/// core::run_inline for a handler type.
template <class Handler, class Key, class Message, class State, class Hash, class Equal>
bool run_inline(core<Key, Message, State, Hash, Equal>& core,
                partition<Key, Message, State, Hash, Equal>& home, pump& self) noexcept {
  auto& handler = *static_cast<Handler*>(core.handler.get());
  while (auto* const lane = home.next_inline()) {
    auto left = std::min(lane->handed, home.policy.turn(core.quantum_messages));
    do {
      bool lost = self.claim.begin();
      try {
        taken<detail::lane<Key, Message, State>, Message> messages(*lane, 1);
        invoke_handler<Handler, Key, Message, State>(handler, *lane, messages);
      } catch (...) {
        core.report(lane->key);
      }
      lost = lost || self.claim.end();
      if (lost) [[unlikely]] {
        self.claim.settle();
        home.give_back(*lane, self);
        return false;
      }
    } while (!home.policy.ran() && --left != 0);
    home.finish_inline(*lane);
  }
  return true;
}

} // namespace convoy::detail
