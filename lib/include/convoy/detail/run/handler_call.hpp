#pragma once

// Forms of handlers, and how each is called.

#include "convoy/context.hpp"
#include "convoy/detail/lane/message_batch.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/shared/core.hpp"
#include "convoy/failure.hpp"

#include <chrono>
#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace convoy::detail {

enum class handler_form { none, message, key_message, key_span, context_message, context_span };

template <class Handler, class Key, class Message, class... State>
consteval handler_form plain_form_of() {
  if (std::is_invocable_v<Handler&, const Key&, Message&, State&...>)
    return handler_form::key_message;
  if (std::is_invocable_v<Handler&, const Key&, std::span<Message>, State&...>)
    return handler_form::key_span;
  return std::is_invocable_v<Handler&, Message&, State&...> ? handler_form::message
                                                            : handler_form::none;
}

template <class Handler, class Core>
consteval handler_form form_of() {
  using key = typename Core::key_type;
  using message = typename Core::message_type;
  using state = typename Core::state_type;
  using context = typename Core::context_type;
  auto found = handler_form::none;
  if constexpr (std::is_void_v<state>)
    found = plain_form_of<Handler, key, message>();
  else
    found = plain_form_of<Handler, key, message, state>();
  if (found == handler_form::none) {
    if constexpr (std::is_invocable_v<Handler&, context&, message&>)
      found = handler_form::context_message;
    else if constexpr (std::is_invocable_v<Handler&, context&, std::span<message>>)
      found = handler_form::context_span;
  }
  return found;
}

template <class Handler, class Core>
inline constexpr handler_form form = form_of<Handler, Core>();
template <class Handler, class Core>
inline constexpr bool gets_spans = form<Handler, Core> == handler_form::key_span ||
                                   form<Handler, Core> == handler_form::context_span;
template <class Handler, class Core>
inline constexpr bool gets_context = form<Handler, Core> == handler_form::context_message ||
                                     form<Handler, Core> == handler_form::context_span;

/// A handler of messages that may be shared can be called with a state that is const.
template <class Handler, class Core>
consteval bool can_share() {
  using state = typename Core::state_type;
  if constexpr (std::is_void_v<state> || gets_context<Handler, Core> ||
                form<Handler, Core> == handler_form::none)
    return true;
  else
    return plain_form_of<Handler, typename Core::key_type, typename Core::message_type,
                         const state>() == form<Handler, Core>;
}

/// The messages that a handler gets at once.
template <class Handler, class Core>
using messages_for =
    std::conditional_t<gets_spans<Handler, Core>, message_batch<typename Core::lane_type>,
                       one_message<typename Core::lane_type>>;

/// A message that is handled in its cell, with a lane in reserve. As one_message, but who has it
/// sees to its end.
template <class Message>
class message_in_cell {
public:
  explicit message_in_cell(Message& its) noexcept : message_(its) {}
  [[nodiscard]] Message& front() noexcept { return message_; }
  [[nodiscard]] std::size_t size() const noexcept { return 1; }

private:
  Message& message_;
};

/// Before the first message of a key.
template <class Core>
void make_state(Core& core, typename Core::lane_type& lane) {
  using state_type = typename Core::state_type;
  if constexpr (std::is_move_constructible_v<state_type>)
    if (core.options.state.make)
      return void(lane.state.emplace(core.options.state.make(lane.key())));
  if constexpr (std::is_default_constructible_v<state_type>)
    lane.state.emplace();
}

/// One call of a handler.
template <class Handler, class Core, class Messages = messages_for<Handler, Core>>
struct invocation {
  using lane_type = typename Core::lane_type;
  using state_type = typename Core::state_type;
  static constexpr auto how = form<Handler, Core>;

  Core& core;
  typename Core::partition_type& home;
  lane_type& lane;
  pump& self;
  Messages& messages;

  decltype(auto) operator()() {
    auto& handler = *static_cast<Handler*>(core.handler.get());
    if constexpr (std::is_void_v<state_type>) {
      return call(handler);
    } else {
      auto& whole = lane.whole();
      if (!whole.state)
        make_state(core, whole);
      if constexpr (gets_context<Handler, Core>) {
        return call(handler);
      } else {
        if constexpr (lane_type::shares)
          if (is_shared(messages.front()))
            return call(handler, std::as_const(*whole.state));
        return call(handler, *whole.state);
      }
    }
  }

  /// Of a coroutine, with a context that lasts as long as it does; null: its form has none.
  decltype(auto) operator()(typename Core::context_type* lasting) {
    if constexpr (!std::is_void_v<state_type>)
      if (!lane.state)
        make_state(core, lane);
    auto& handler = *static_cast<Handler*>(core.handler.get());
    if constexpr (gets_context<Handler, Core>)
      return handler(*lasting, messages.front());
    else if constexpr (std::is_void_v<state_type>)
      return call(handler);
    else
      return call(handler, *lane.state);
  }
  static void place_context(void* where, Core& core, typename Core::partition_type& home,
                            lane_type& lane, Messages& messages) noexcept {
    ::new (where) typename Core::context_type(core, home, lane, messages.front());
  }

private:
  template <class... State>
  decltype(auto) call(Handler& handler, State&... state) {
    if constexpr (gets_context<Handler, Core>) {
      typename Core::context_type context(core, home, lane, messages.front());
      if constexpr (how == handler_form::context_message)
        return handler(context, messages.front());
      else
        return handler(context, messages.all());
    } else if constexpr (how == handler_form::message) {
      return handler(messages.front(), state...);
    } else if constexpr (how == handler_form::key_message) {
      return handler(lane.key(), messages.front(), state...);
    } else {
      return handler(lane.key(), messages.all(), state...);
    }
  }
};

template <class Handler, class Core, class Result>
consteval bool has_result() {
  if constexpr (form<Handler, Core> == handler_form::none)
    return false;
  else
    return std::is_same_v<
        std::remove_cvref_t<decltype(std::declval<invocation<Handler, Core>&>()())>, Result>;
}
template <class Handler, class Core>
inline constexpr bool returns_outcome = has_result<Handler, Core, outcome>();
template <class Handler, class Core>
inline constexpr bool returns_nothing = has_result<Handler, Core, void>();

/// What the handler returns; done if that is nothing.
template <class Handler, class Core, class Messages>
outcome outcome_of(invocation<Handler, Core, Messages> call) {
  if constexpr (returns_outcome<Handler, Core>) {
    return call();
  } else {
    call();
    return outcome::done;
  }
}

} // namespace convoy::detail
