#pragma once

// Options that do not go together, or not with the handler.

#include "convoy/detail/run/handler_call.hpp"
#include "convoy/detail/run/run_task.hpp"
#include "convoy/message.hpp"
#include "convoy/options.hpp"

#include <type_traits>

namespace convoy::detail {

/// What a processor goes by. Throws std::invalid_argument.
template <class Handler, class Core, class Options>
[[nodiscard]] Options checked(const Options& wanted) {
  using message = typename Core::message_type;
  using state = typename Core::state_type;
  check(wanted, has_id<message>, gets_spans<Handler, Core>, returns_task<Handler, Core>);
  if constexpr (!std::is_void_v<state> && !std::is_default_constructible_v<state>)
    if (!wanted.state.make)
      refuse("convoy::processor: state.make", "set for a State without a default constructor",
             "empty");
  return clamped(wanted);
}

} // namespace convoy::detail
