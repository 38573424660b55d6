#pragma once

// What a processor tells others while it works.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/failure.hpp"

#include <functional>

namespace convoy {

/// Why a key stands still though no handler of it runs.
enum class hold_reason : unsigned char {
  retry,     ///< its first message is tried again later, or a sink is asked again
  parked,    ///< until resume(), after a failure
  paused,    ///< until resume(), after pause()
  lingering, ///< it waits for a whole batch
  fail_rest, ///< it waits for all that was accepted, to make dead letters of it
  suspended, ///< its handler is a coroutine, and awaits something
  no_place,  ///< its handler may not begin, as suspension_limits::most others have not ended
};

[[nodiscard]] constexpr const char* to_string(hold_reason reason) noexcept {
  switch (reason) {
  case hold_reason::retry:
    return "retry";
  case hold_reason::parked:
    return "parked";
  case hold_reason::paused:
    return "paused";
  case hold_reason::lingering:
    return "lingering";
  case hold_reason::fail_rest:
    return "fail_rest";
  case hold_reason::suspended:
    return "suspended";
  case hold_reason::no_place:
    return "no_place";
  }
  return "?";
}

/// Functions that are called as things happen, on workers, for each key one at a time and in order.
/// Each is optional, and what is not set costs nothing. They should be short, as the key waits for
/// them, or a whole partition for held and resumed; they may submit and control keys, but never wait.
/// What they throw is reported on stderr. Each accepted message is told of once in the end, by
/// finished or by dead; but not one whose schedule was cancelled, or that conflate has merged.
template <class Key, class Message>
struct observer {
  /// A handler is about to be called, each time; of a span for each of its messages.
  std::function<void(const Key&, const Message&)> started = {};
  /// The handler has succeeded; the message is as it has left it.
  std::function<void(const Key&, const Message&)> finished = {};
  std::function<void(const Key&, hold_reason)> held = {};
  std::function<void(const Key&)> resumed = {}; ///< it is not held any more
  /// It is a dead letter, or was discarded; the message is as the sink has left it. So with
  /// finished it can be counted what is done, one way or the other.
  std::function<void(const Key&, const Message&, death)> dead = {};
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
