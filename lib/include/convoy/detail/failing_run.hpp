#pragma once

// One call of a handler whose failures matter: its outcome or exception, and what follows from it.

#include "convoy/detail/core.hpp"
#include "convoy/detail/partition.hpp"
#include "convoy/detail/taken.hpp"
#include "convoy/detail/trouble.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <utility>

namespace convoy::detail {

/// The lane's first message becomes a dead letter. A sink that throws is reported; the letter is gone.
template <class Key, class Message, class State, class Hash, class Equal>
void bury(core<Key, Message, State, Hash, Equal>& core,
          partition<Key, Message, State, Hash, Equal>& home, lane<Key, Message, State>& lane,
          death why) noexcept {
  auto& t = *lane.trouble;
  const auto now = home.ring.tickets();
  const auto number = lane.next_number();
  taken_one messages(lane, 1);
  dead_letter<Key, Message> letter{
      lane.key,
      messages.front(),
      now - static_cast<std::uint32_t>(static_cast<std::uint32_t>(now) - number),
      std::exchange(t.attempts, 0),
      why,
      std::exchange(t.first_error, nullptr),
      std::exchange(t.last_error, nullptr),
      t.first_failed,
      clock::now()};
  try {
    if (letter.last_error && !core.failures->has_sink() && !core.on_error)
      report_to_stderr(letter.last_error);
    core.failures->bury(letter);
  } catch (...) {
    report_to_stderr(std::current_exception());
  }
}

/// The handler of the lane's first message has not succeeded. True: the lane goes on; false: it
/// stops, as its trouble tells.
template <class Key, class Message, class State, class Hash, class Equal>
[[nodiscard]] bool after_failure(core<Key, Message, State, Hash, Equal>& core,
                                 partition<Key, Message, State, Hash, Equal>& home,
                                 lane<Key, Message, State>& lane, outcome result,
                                 const std::exception_ptr& error) noexcept {
  using trouble_type = trouble<detail::lane<Key, Message, State>>;
  auto& t = trouble_type::of(lane);
  const auto now = clock::now();
  if (t.attempts++ == 0) {
    t.first_failed = now;
    t.first_error = error;
  }
  t.last_error = error;
  const auto& policy = core.failures->policy();
  auto what = result.what();
  if (what == outcome::kind::retry) {
    const auto asked = result.delay();
    const auto delay = asked.count() >= 0 ? asked : core.failures->backoff(t.attempts);
    if (t.attempts < policy.attempts && delay <= policy.max_block - (now - t.first_failed)) {
      constexpr auto longest = std::chrono::hours(24 * 365 * 100); // no overflow
      t.due = now + std::min<std::chrono::nanoseconds>(delay, longest);
      t.stopped = stop::retry;
      return false;
    }
    what = policy.then == exhausted::skip   ? outcome::kind::skip
           : policy.then == exhausted::park ? outcome::kind::park
                                            : outcome::kind::fail_rest;
  }
  if (what == outcome::kind::park) {
    t.stopped = stop::park;
    return false;
  }
  bury(core, home, lane, death::failed);
  if (what == outcome::kind::fail_rest) {
    t.rest_until = home.ring.tickets();
    t.stopped = stop::rest;
    t.why = death::failed_rest;
    return false;
  }
  trouble_type::forget_first(lane);
  return lane.handed != 0;
}

/// Handles the lane's first message, or the first few. True: the lane goes on, if there is more.
template <class Handler, class Key, class Message, class State, class Hash, class Equal>
[[nodiscard]] bool attempt(core<Key, Message, State, Hash, Equal>& core,
                           partition<Key, Message, State, Hash, Equal>& home,
                           lane<Key, Message, State>& lane, std::uint32_t limit) noexcept {
  using trouble_type = trouble<detail::lane<Key, Message, State>>;
  if (lane.trouble != nullptr && lane.trouble->doomed != 0) [[unlikely]] {
    --lane.trouble->doomed;
    bury(core, home, lane, lane.trouble->why);
    return true;
  }
  if (lane.trouble != nullptr && lane.trouble->singly != 0) [[unlikely]]
    limit = 1;
  outcome result = outcome::done;
  std::exception_ptr error;
  std::uint32_t count = 0;
  {
    taken_for<Handler, Key, Message, State> messages(lane, limit);
    try {
      result = invoke_handler(*static_cast<Handler*>(core.handler.get()), lane, messages);
    } catch (...) {
      error = std::current_exception();
      result = outcome::retry; // whole: GCC 12 may have written a part of it before the throw
    }
    if (result.index() != outcome::whole && result.index() >= messages.size()) [[unlikely]] {
      error = std::make_exception_ptr(
          std::out_of_range("convoy: a handler's outcome::at() is beyond its messages"));
      result = outcome::retry;
    }
    const auto index = result.index() == outcome::whole ? 0 : result.index();
    if (result.what() == outcome::kind::done) [[likely]] {
      if (result.index() != outcome::whole) [[unlikely]]
        messages.keep_from(index + 1);
      if (lane.trouble != nullptr) [[unlikely]]
        trouble_type::forget_first(lane);
      return true;
    }
    messages.keep_from(index);
    if (index != 0 && lane.trouble != nullptr) // it was the first one's, which is done
      trouble_type::forget_first(lane);
    count = static_cast<std::uint32_t>(messages.size());
  }
  if (error && core.on_error)
    core.report(lane.key, error);
  if (error && count > 1) { // we will see which one throws
    trouble_type::of(lane).singly = count;
    return true;
  }
  return after_failure(core, home, lane, result, error);
}

} // namespace convoy::detail
