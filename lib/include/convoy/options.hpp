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

/// Of handlers that are coroutines, see task. What a suspended one needs is its frame and some 200
/// bytes.
struct suspension_limits {
  /// So many keys may be suspended: as many handlers may have begun and not ended, and what comes then
  /// waits for one of them. 0: no limit but capacity. 2^31 at most.
  std::size_t most = 0;
  /// A handler that awaits something for so long is stopped: context::stop_token() tells it, and what it
  /// awaits throws `cancelled`, if that can be cancelled.
  time_span limit = std::chrono::nanoseconds::max();
};

template <class Key, class Message, class State>
struct processor_options {
  std::size_t capacity = std::size_t{1} << 20; ///< unfinished messages, 1 to 2^31
  /// Unfinished messages per key; 0: no limit but capacity. With conflate 3 or more.
  std::size_t key_capacity = 0;
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
  /// Shared messages of a key that are handled at the same time, at most, so many workers as that a
  /// key may hold; 0: as many as there are workers. Needs message_traits<Message>::access.
  unsigned most_shared = 0;
  /// Called on a worker with what a handler threw, each time, and marker, on_parked or
  /// state.on_evict; should not throw. Default: a line on stderr, see dead_letters.
  std::function<void(const Key&, std::exception_ptr)> on_error = {};

  // ---- failure, see failure.hpp ----

  /// How often a message is tried whose handler throws or returns outcome::retry. Without one what
  /// is thrown is not tried again, and outcome::retry follows failure_policy{}.
  std::optional<failure_policy> failure = {};
  /// Called on a worker with each dead letter, for each key in order (but for shared messages that
  /// are next to each other: in the order in which they fail, perhaps several at a time); should not
  /// throw anything but dead_letter_refused, or std::bad_alloc: then it is offered the letter again,
  /// so it must not have moved from it nor kept it. Default: the last exception becomes a line on stderr, unless
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
  suspension_limits suspended = {};

  // ---- conflation ----

  /// Merges a message into the one that waits behind the running one, so that at most one message of
  /// a key waits, whatever the load: conflate(waiting, next) makes of `waiting` what both mean, and
  /// `next` is gone; the account counts it as conflated. What is merged shares the fate of what it
  /// was merged into: its place, its attempts, its dead letter. Not merged into is what a worker has
  /// been handed, what has failed and is tried again, what was purged, what resubmit() has put
  /// before others, and what has expired by then; so a parked or paused key has at most one more
  /// message, too. Deadlines, ids and times in a message are what conflate makes of them; ids count
  /// as seen, and rates as used. Scheduled messages are merged when they are due. Observers are not
  /// told of what is gone.
  ///
  /// Called on a worker, of each key's messages one at a time and in order, but perhaps while the
  /// handler of an earlier message of the key runs: it must not touch that one's state. Must be
  /// short, a part of the keys waits for it, and never wait; it may submit. Should not throw:
  /// if it does, on_error is told, and `next` is not merged but waits behind `waiting`, both as
  /// conflate has left them.
  ///
  /// For handlers that get messages one by one. Each message goes by way of its lane, none is handled
  /// in its cell, so cheap handlers cost more (some 100 ns each). A key_capacity must be 3 or more:
  /// room for the running one, the waiting one and the one that comes.
  std::function<void(Message& waiting, Message& next)> conflate = {};

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
  std::size_t capacity, key_capacity, partitions, request_capacity;
  std::uint32_t batch_limit;
  key_rate rate;
  time_span linger, quantum_time;
  bool gets_spans, is_coroutine, has_ids, conflates, is_joint;
  const convoy::duplicates* duplicates; // null: none
  time_span watchdog_threshold;
  bool watchdog_reports;
  time_span state_idle;
  unsigned insight_top;
  time_span insight_window;
  unsigned most_shared;
  bool has_access;
  suspension_limits suspended;
};
void check(const option_values& wanted); ///< throws std::invalid_argument

/// Throws std::invalid_argument.
template <class Key, class Message, class State>
void check(const processor_options<Key, Message, State>& wanted, bool has_ids, bool gets_spans,
           bool is_coroutine) {
  time_span state_idle = std::chrono::nanoseconds::max();
  if constexpr (!std::is_void_v<State>)
    state_idle = wanted.state.idle;
  check(option_values{wanted.capacity,
                      wanted.key_capacity,
                      wanted.partitions,
                      wanted.request_capacity,
                      wanted.batch_limit,
                      wanted.rate,
                      wanted.linger,
                      wanted.quantum_time,
                      gets_spans,
                      is_coroutine,
                      has_ids,
                      static_cast<bool>(wanted.conflate),
                      static_cast<bool>(wanted.joint),
                      wanted.duplicates ? &*wanted.duplicates : nullptr,
                      wanted.watchdog.threshold,
                      static_cast<bool>(wanted.watchdog.report),
                      state_idle,
                      wanted.insight.top,
                      wanted.insight.window,
                      wanted.most_shared,
                      has_access<Message>,
                      wanted.suspended});
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
