#pragma once

// Options that do not go together, or not with the handler.

#include "convoy/detail/run/handler_call.hpp"
#include "convoy/detail/run/run_task.hpp"
#include "convoy/message.hpp"
#include "convoy/options.hpp"

#include <chrono>
#include <type_traits>

namespace convoy::detail {

/// What a processor goes by. Throws std::invalid_argument.
template <class Handler, class Core, class Options>
[[nodiscard]] Options checked(const Options& wanted) {
  using message = typename Core::message_type;
  using state = typename Core::state_type;
  check(wanted, has_id<message>, gets_spans<Handler, Core>);
  if constexpr (!std::is_void_v<state> && !std::is_default_constructible_v<state>)
    if (!wanted.state.make)
      refuse("convoy::processor: state.make", "set for a State without a default constructor",
             "empty");
  if constexpr (!returns_task<Handler, Core>)
    if (wanted.suspended.most != 0 || wanted.suspended.limit != std::chrono::nanoseconds::max())
      refuse("convoy::processor: suspended", "left out for a handler that is no coroutine", "set");
  if (wanted.joint) {
    const char* const what = "convoy::processor: joint";
    if (has_access<message>)
      refuse(what, "left out for messages with access(): a joint one has each of its keys alone",
             "set");
    if (wanted.conflate)
      refuse(what, "left out with conflate: a place among the messages of a key can't be merged",
             "set");
    if (returns_task<Handler, Core>)
      refuse(what, "left out for a handler that is a coroutine", "set");
  }
  return clamped(wanted);
}

} // namespace convoy::detail
