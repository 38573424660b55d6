#pragma once

// Which of the loops around the handler a processor uses, chosen when it is made.

#include "convoy/detail/run/handler_call.hpp"
#include "convoy/detail/run/run_lane.hpp"
#include "convoy/detail/run/run_task.hpp"
#include "convoy/detail/shared/core.hpp"
#include "convoy/message.hpp"

namespace convoy::detail {

/// Whatever the options are, see core::handles_failures.
template <class Handler, class Core>
inline constexpr bool always_handles_failures =
    returns_outcome<Handler, Core> || returns_task<Handler, Core> || gets_context<Handler, Core> ||
    has_deadline<typename Core::message_type>;

/// See core. Without it there is no sink either.
template <class Handler, class Core, class Options>
[[nodiscard]] bool handles_failures(const Options& wanted) noexcept {
  return always_handles_failures<Handler, Core> || wanted.failure || wanted.dead_letters ||
         !wanted.exceptions.empty() || wanted.watchdog.report || wanted.observe.started ||
         wanted.observe.finished || wanted.observe.dead;
}

template <class Handler, class Core>
[[nodiscard]] auto runner_of(bool failing) {
  constexpr bool fits = form<Handler, Core> != handler_form::none;
  static_assert(fits, "convoy: the handler must be callable as (message&), (const key&, message&) "
                      "or (const key&, std::span<message>), each followed by State& if the "
                      "processor has one, or as (context&, message&) or (context&, "
                      "std::span<message>), where the state is context.state()");
  constexpr bool returns = !fits || returns_nothing<Handler, Core> ||
                           returns_outcome<Handler, Core> || returns_task<Handler, Core>;
  static_assert(returns, "convoy: the handler must return void, convoy::outcome or a convoy::task: "
                         "what else it returns, a bool for instance, would mean nothing");
  constexpr bool shares = has_access<typename Core::message_type>;
  static_assert(
      !shares || !gets_spans<Handler, Core>,
      "convoy: a handler of spans can't have messages with access(): those that are shared "
      "are handled one by one, at the same time");
  constexpr bool reads = !shares || gets_spans<Handler, Core> || can_share<Handler, Core>();
  static_assert(reads, "convoy: messages may be shared, so the handler must be callable with const "
                       "State& as well: that is what a shared message gets");
  constexpr bool suspends = returns_task<Handler, Core>;
  static_assert(!shares || !suspends,
                "convoy: a handler that is a coroutine can't have messages with access(): a key "
                "waits for one thing at a time");
  using function = typename Core::lane_function;
  if constexpr (!fits || !returns || !reads)
    return function{};
  else if constexpr (returns_task<Handler, Core>)
    return function{&run_task_lane<Handler, Core>};
  else if constexpr (always_handles_failures<Handler, Core>)
    return function{&run_lane<true, Handler, Core>};
  else
    return failing ? function{&run_lane<true, Handler, Core>}
                   : function{&run_lane<false, Handler, Core>};
}

template <class Handler, class Core>
[[nodiscard]] auto inline_runner_of(bool failing) {
  using function = typename Core::inline_function;
  if constexpr (form<Handler, Core> == handler_form::none || gets_spans<Handler, Core> ||
                returns_task<Handler, Core>)
    return function{};
  else if constexpr (always_handles_failures<Handler, Core>)
    return function{&run_inline<true, Handler, Core>};
  else
    return failing ? function{&run_inline<true, Handler, Core>}
                   : function{&run_inline<false, Handler, Core>};
}

} // namespace convoy::detail
