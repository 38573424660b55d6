#pragma once

// One call of a handler whose failures matter: its outcome or exception, and what follows from it.

#include "convoy/detail/base/report.hpp"
#include "convoy/detail/lane/hold.hpp"
#include "convoy/detail/lane/message_batch.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/run/bury.hpp"
#include "convoy/detail/run/handler_call.hpp"
#include "convoy/detail/shared/core.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <utility>

namespace convoy::detail {

/// The handler of a span gets messages up to the first that has expired.
template <class Taken>
void end_before_expired(Taken& messages) noexcept {
  const auto* const first = &messages.front();
  for (std::size_t i = 1; i < messages.size(); ++i)
    if (has_expired(first[i]))
      return messages.shorten(i);
}

template <class Core, class Messages>
[[gnu::noinline]] void tell_started(Core& core, typename Core::lane_type& lane, pump& self,
                                    Messages& messages) noexcept {
  if (core.options.observe.started)
    for (std::size_t i = 0; i < messages.size(); ++i)
      core.tell(core.options.observe.started, lane.key(), (&messages.front())[i]);
  if (core.watchdog != nullptr) {
    self.running.begin(&core, &lane);
    core.watchdog->watch();
  }
}

template <class Core, class Messages>
[[gnu::noinline]] void tell_finished(Core& core, typename Core::lane_type& lane, Messages& messages,
                                     const outcome& result) noexcept {
  if (!core.options.observe.finished)
    return;
  const bool done = result.what() == outcome::kind::done;
  std::size_t count = 0; // those before the one that the outcome speaks of are done
  if (result.index() != outcome::whole)
    count = result.index() + done;
  else if (done)
    count = messages.size();
  for (std::size_t i = 0; i < count; ++i)
    core.tell(core.options.observe.finished, lane.key(), (&messages.front())[i]);
}

/// Calls the handler. A throw becomes `error` with outcome retry; the policy for exceptions, one
/// attempt by default, then decides.
template <class Handler, class Core, class Messages>
[[nodiscard]] outcome call_handler(Core& core, typename Core::partition_type& home,
                                   typename Core::lane_type& lane, pump& self, Messages& messages,
                                   std::exception_ptr& error) noexcept {
  outcome result = outcome::done;
  if (core.is_watched) [[unlikely]]
    tell_started(core, lane, self, messages);
  try {
    result = outcome_of(invocation<Handler, Core, Messages>{core, home, lane, self, messages});
  } catch (...) {
    error = std::current_exception();
    result = outcome::retry; // whole: GCC 12 may have written a part of it before the throw
  }
  self.running.end();
  if (result.index() != outcome::whole && result.index() >= messages.size()) [[unlikely]] {
    try {
      throw std::out_of_range("convoy: a handler's outcome::at() is beyond its messages");
    } catch (...) { // or there is no memory for it
      error = std::current_exception();
    }
    result = outcome::retry;
  }
  if (core.is_watched) [[unlikely]]
    tell_finished(core, lane, messages, result);
  return result;
}

/// Handles the lane's first message, or the first few. True: the lane goes on, if there is more.
template <class Handler, class Core>
[[nodiscard]] bool attempt(Core& core, typename Core::partition_type& home,
                           typename Core::lane_type& lane, pump& self,
                           std::uint32_t limit) noexcept {
  if (lane.hold != nullptr) [[unlikely]] {
    if (lane.hold->doomed != 0 && lane.hold->spared == 0)
      return bury_doomed(core, home, lane);
    if (lane.hold->singly + lane.hold->spared != 0)
      limit = 1;
  }
  if (core.is_abandoned()) [[unlikely]]
    return bury_first(core, home, lane, death::shutdown);
  if constexpr (has_deadline<typename Core::message_type>)
    if (has_expired(first_of(lane)))
      return bury_first(core, home, lane, death::expired);
  outcome result = outcome::done;
  std::exception_ptr error;
  std::uint32_t count = 1;
  {
    messages_for<Handler, Core> messages(lane, limit);
    if constexpr (gets_spans<Handler, Core> && has_deadline<typename Core::message_type>)
      end_before_expired(messages);
    result = call_handler<Handler>(core, home, lane, self, messages, error);
    if (result.what() == outcome::kind::done) [[likely]] {
      if (result.index() != outcome::whole) [[unlikely]]
        messages.keep_from(result.index() + 1);
      if (lane.hold != nullptr) [[unlikely]]
        hold::forget_first(lane);
      return true;
    }
    const auto index = result.index() == outcome::whole ? 0 : result.index();
    messages.keep_from(index);
    if (index != 0 && lane.hold != nullptr) // it was the first one's, which is done
      hold::forget_first(lane);
    if (error)
      count = static_cast<std::uint32_t>(messages.size());
  }
  if (error && core.options.on_error)
    core.report(thrower::handler, lane.key(), error);
  return after_failure(core, home, lane, std::move(result), error, count);
}

/// A message must not be handled in its cell: a lane sees to it.
template <class Core>
[[nodiscard]] bool needs_lane(Core& core, const typename Core::message_type& message) noexcept {
  if (core.is_abandoned()) [[unlikely]]
    return true;
  if constexpr (has_deadline<typename Core::message_type>)
    return has_expired(message);
  return false;
}

/// The lane's state goes, if it is to.
template <class Core>
void evict_if_due(Core& core, typename Core::lane_type& lane) noexcept {
  if (lane.hold == nullptr || !lane.hold->evict)
    return;
  core.evict(lane);
  hold::forget(lane);
}

} // namespace convoy::detail
