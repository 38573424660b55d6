#pragma once

// What a processor can be told when it is made.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/base/tuning.hpp"
#include "convoy/failure.hpp"
#include "convoy/insight.hpp"
#include "convoy/joint.hpp"
#include "convoy/message.hpp"
#include "convoy/observer.hpp"
#include "convoy/source.hpp"
#include "convoy/time_span.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace convoy {

/// Lane state: how it is made and when it goes. By default it is value-initialised, and lives as
/// long as the processor: then an idle key costs its state and its lane, some 170 bytes.
template <class Key, class State>
struct state_options {
  /// Called on a worker before the key's first message. What it throws is that message's failure.
  std::function<State(const Key&)> make = {};
  /// Its key had no message for so long: the state is given to on_evict and destroyed. The next
  /// message has a new one.
  time_span idle = std::chrono::nanoseconds::max();
  /// Called on a worker in the key's turn, so no handler of the key runs, or by the processor's
  /// destructor; so it must not use the processor. What it throws is reported.
  std::function<void(const Key&, State&)> on_evict = {};
};
template <class Key>
struct state_options<Key, void> {};

/// How many messages a key may submit; the others get submit_status::key_rate, and submit() waits.
/// An idle key costs some 110 bytes until it may submit a whole burst again.
struct key_rate {
  double per_second = std::numeric_limits<double>::infinity();
  double burst = 1; ///< so many at once, if there were none for long; at least 1
};

/// A message whose id its key has had already is refused with submit_status::duplicate; an id
/// counts from when its message was accepted. See message_traits. A key costs some 110 bytes, and
/// each id that is kept some 80, until the window has passed, idle or not.
struct duplicates {
  time_span window = std::chrono::minutes(5); ///< ids are kept for so long
  std::size_t most = 1024;                    ///< and so many of each key
};

/// A handler that has run for long.
template <class Key>
struct stuck_handler {
  const Key& key;
  std::chrono::nanoseconds running;
  unsigned worker;     ///< 0 to runtime::concurrency() - 1
  std::size_t waiting; ///< messages of the key in its lane; what is still in the ring is not seen
};

template <class Key>
struct watchdog {
  time_span threshold = std::chrono::nanoseconds::max();
  /// Called on the runtime's timer thread, for each handler when it has run for threshold, 2
  /// thresholds, 4, …; must return soon, retries wait for it. What waits elsewhere refuses or
  /// throws here, as in a handler.
  std::function<void(const stuck_handler<Key>&)> report = {};
};

template <class Key, class Message, class State>
struct processor_options {
  std::size_t capacity = std::size_t{1} << 20; ///< unfinished messages, 1 to 2^31
  std::size_t key_capacity = 0; ///< unfinished messages per key; 0: no limit but capacity
  /// Calls of pause(), resume(), purge() and fence() that wait for their turn, and as many
  /// callbacks (`then`) that were not called yet; at least 1. While that is reached these functions
  /// sleep, or on a worker thread throw too_many_requests, as they do after a second in a task of
  /// oneTBB's that a handler may wait for. A message waits for requests that were made before it,
  /// so this bounds that too.
  std::size_t request_capacity = std::size_t{1} << 16;
  /// Ticket rings, a power of two; 0: chosen by concurrency, and 1 with `joint`: where handlers are
  /// fast, a joint message of two partitions costs several times as much.
  unsigned partitions = 0;
  unsigned quantum_messages = 64; ///< handled of one lane before the next is chosen
  time_span quantum_time = std::chrono::microseconds(100); ///< likewise, whichever comes first
  unsigned batch_limit = 64; ///< most messages that a span handler gets at once, 1 to 65535
  /// Called on a worker with what a handler threw, each time, and marker, on_parked or
  /// state.on_evict; should not throw. Default: a line on stderr, see dead_letters.
  std::function<void(const Key&, std::exception_ptr)> on_error = {};

  // ---- failure, see failure.hpp ----

  /// How often a message is tried whose handler throws or returns outcome::retry. Without one what
  /// is thrown is not tried again, and outcome::retry follows failure_policy{}.
  std::optional<failure_policy> failure = {};
  /// Called on a worker with each dead letter, for each key in order; should not throw anything but
  /// dead_letter_refused, or std::bad_alloc: then it is offered the letter again, so it must not
  /// have moved from it nor kept it. Default: the last exception becomes a line on stderr, unless
  /// on_error had it.
  std::function<void(dead_letter<Key, Message>&)> dead_letters = {};
  /// The first that matches counts instead of `failure`.
  std::vector<exception_policy> exceptions = {};
  /// fail_rest stops before the first message that matches; that one is handled normally. For
  /// instance the beginning of the next transaction. Should not throw.
  std::function<bool(const Message&)> marker = {};
  /// Called on a worker when a lane parks, with the last exception, if any; may call resume().
  std::function<void(const Key&, std::exception_ptr)> on_parked = {};

  // ---- by key: with any of rate, duplicates and key_capacity, a submit takes two short locks, and a
  // handled message one ----

  key_rate rate = {};
  /// Of the messages of a key that carry the same id one is accepted. One that becomes a dead
  /// letter keeps its id: resubmit() brings it back, submit() does not. Needs
  /// message_traits<Message>::id.
  std::optional<convoy::duplicates> duplicates = {};
  state_options<Key, State> state = {};

  // ---- by handler ----

  /// Handles what submit_joint() was given, as handler(convoy::joint<Key, State>&, message&); see
  /// joint.hpp.
  joint_handler<Key, Message, State> joint = {};
  /// A span handler gets a key's messages when there are batch_limit of them, or so long after the
  /// first. 0: as they come.
  time_span linger = std::chrono::nanoseconds(0);
  convoy::watchdog<Key> watchdog = {};

  // ---- insight ----

  std::string name = {}; ///< in snapshots; keep it unique in a runtime
  insight_options<Key> insight = {};
  observer<Key, Message> observe = {};
  /// Where what reads a broker for this processor stands, for snapshots. Called by snapshot(), on any
  /// thread and by several at once, until the processor is gone; must return soon, and not call
  /// snapshot(). What it throws becomes a line on stderr, and that snapshot has no positions.
  std::function<std::vector<source_position>()> positions = {};
};

namespace detail {

/// What can be out of range, whatever the types are.
struct option_values {
  std::size_t capacity, partitions, request_capacity;
  std::uint32_t batch_limit;
  key_rate rate;
  time_span linger, quantum_time;
  bool gets_spans, has_ids;
  const convoy::duplicates* duplicates; // null: none
  time_span watchdog_threshold;
  bool watchdog_reports;
  time_span state_idle;
  unsigned insight_top;
  time_span insight_window;
};
void check(const option_values& wanted); ///< throws std::invalid_argument

/// Throws std::invalid_argument.
template <class Key, class Message, class State>
void check(const processor_options<Key, Message, State>& wanted, bool has_ids, bool gets_spans) {
  time_span state_idle = std::chrono::nanoseconds::max();
  if constexpr (!std::is_void_v<State>)
    state_idle = wanted.state.idle;
  check(option_values{wanted.capacity, wanted.partitions, wanted.request_capacity,
                      wanted.batch_limit, wanted.rate, wanted.linger, wanted.quantum_time,
                      gets_spans, has_ids, wanted.duplicates ? &*wanted.duplicates : nullptr,
                      wanted.watchdog.threshold, static_cast<bool>(wanted.watchdog.report),
                      state_idle, wanted.insight.top, wanted.insight.window});
}

/// See processor_options::partitions.
template <class Key, class Message, class State>
[[nodiscard]] std::size_t partitions_of(const processor_options<Key, Message, State>& wanted,
                                        unsigned concurrency) {
  return wanted.partitions != 0 ? wanted.partitions
         : wanted.joint
             ? 1
             : std::min<std::size_t>(std::bit_ceil(2 * concurrency), tuning::most_partitions);
}

/// Where more or less makes no sense, what does.
template <class Key, class Message, class State>
[[nodiscard]] auto clamped(processor_options<Key, Message, State> wanted) {
  wanted.quantum_messages = std::max(wanted.quantum_messages, 1u);
  wanted.quantum_time = std::clamp<std::chrono::nanoseconds>(
      wanted.quantum_time, std::chrono::nanoseconds(0), std::chrono::hours(24));
  wanted.batch_limit = std::max(wanted.batch_limit, 1u);
  return wanted;
}

} // namespace detail
} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
