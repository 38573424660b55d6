#pragma once

#include "convoy/detail/ingress.hpp"
#include "convoy/failure.hpp"
#include "convoy/runtime.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace convoy {

/// Handles messages in strict FIFO order per key, one at a time per key, and in parallel across
/// keys.
///
/// **Order.** If submit(k, a) returned before submit(k, b) was called, by any threads, then a is
/// handled before b, and all that the handler of a did is visible to the handler of b. Lane state
/// needs no locks.
///
/// **Handler.** Called on a runtime's workers, as one of
///   handler(message&), handler(const key&, message&), handler(const key&, std::span<message>);
/// the last gets as many consecutive messages of the key as are waiting, up to batch_limit. With a
/// State, a State& comes last: it lives with the key's lane until the processor is destroyed,
/// constructed before the key's first message. A handler may move from its messages. It may submit
/// to any processor, its own key included, and may use oneTBB. What it throws goes to on_error; the
/// message counts as handled and the lane goes on.
///
/// **Failure.** A handler may return an outcome, and with a failure_policy what it throws is tried
/// again, too (failure.hpp). Until a message is done or dead it stays the first of its key; other
/// keys do not notice, except that it takes room: set a key_capacity, or a parked key fills all. Every
/// accepted message is handled or becomes a dead letter. Do not move from a message and then fail.
///
/// **Bounds.** At most `capacity` messages are unfinished, at most `key_capacity` per key. submit()
/// sleeps while that is reached, try_submit() refuses. On a worker thread (inside a handler)
/// submit() never waits, it refuses too: workers that wait for workers are a deadlock.
///
/// **Cost.** One atomic read-modify-write per submit (with a key_capacity also a short lock); no
/// allocation per message in steady state, except what copying keys and messages allocates. A key
/// without unfinished messages costs nothing, unless it has State.
///
/// Key and Message must be nothrow move constructible; Equal must not throw, nor Hash if there is a
/// key_capacity. The handler is called from several threads at once, for different keys.
///
/// All members but the
/// destructor may be called by any thread at any time. Neither copied nor moved.
template <class Key, class Message, class State = void, class Hash = std::hash<Key>,
          class Equal = std::equal_to<Key>>
class processor {
  static_assert(std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_destructible_v<Key>,
                "convoy: a key must be nothrow move constructible: it moves into its lane where "
                "nobody could catch");
  static_assert(std::is_nothrow_move_constructible_v<Message> &&
                    std::is_nothrow_destructible_v<Message>,
                "convoy: a message must be nothrow move constructible: it moves into its lane "
                "where nobody could "
                "catch; wrap it in a std::unique_ptr");
  static_assert(std::is_invocable_r_v<std::size_t, const Hash&, const Key&>,
                "convoy: the key needs a hash: specialise std::hash or name one as processor's "
                "fourth parameter");
  static_assert(detail::equality<Equal, Key>,
                "convoy: the key needs operator== or an equality as processor's fifth parameter");

public:
  using dead_letter = convoy::dead_letter<Key, Message>;

  struct options {
    std::size_t capacity = std::size_t{1} << 20; ///< unfinished messages, 1 to 2^31
    std::size_t key_capacity = 0;   ///< unfinished messages per key; 0: no limit but capacity
    unsigned partitions = 0;        ///< ingress rings, a power of two; 0: chosen by concurrency
    unsigned quantum_messages = 64; ///< handled of one lane before other lanes get a turn
    std::chrono::nanoseconds quantum_time =
        std::chrono::microseconds(100); ///< likewise, whichever comes first
    unsigned batch_limit = 64; ///< most messages that a span handler gets at once, 1 to 65535
    /// Called on a worker with what a handler threw; must not throw. Default: a line on stderr.
    std::function<void(const Key&, std::exception_ptr)> on_error = {};
    /// How often a message is tried whose handler throws or returns outcome::retry. Without one a
    /// handler that returns no outcome is called once, and one that does follows failure_policy{}.
    std::optional<failure_policy> failure = {};
    /// Called on a worker with each dead letter, for each key in order; should not throw. Default:
    /// the last exception becomes a line on stderr, unless on_error had it.
    std::function<void(dead_letter&)> dead_letters = {};
  };

  /// Throws std::invalid_argument for options out of range, std::bad_alloc, and what copying Hash,
  /// Equal, Handler throws.
  template <class Handler>
  processor(runtime& where, Handler handler, options wanted = {}, Hash hash = {}, Equal equal = {})
      : core_{where.scheduler_,
              wanted.capacity,
              wanted.key_capacity,
              std::clamp(wanted.quantum_messages, 1u, most_quantum_messages),
              std::clamp(wanted.quantum_time, std::chrono::nanoseconds(0), most_quantum_time),
              std::max(wanted.batch_limit, 1u),
              std::move(wanted.on_error),
              std::move(hash),
              std::move(equal),
              runner_of<Handler>(handles_failures<Handler>(wanted)),
              std::make_shared<Handler>(std::move(handler)),
              inline_runner_of<Handler>(handles_failures<Handler>(wanted)),
              failures_of<Handler>(wanted)},
        ingress_(core_, checked_partitions(wanted)) {
    core_.scheduler.attach(ingress_);
  }

  processor(const processor&) = delete;
  processor& operator=(const processor&) = delete;

  /// Closes and drains, and waits for retries that are due later; what is parked becomes dead
  /// letters. Must not run inside a handler, nor
  /// while another thread is in a member.
  ~processor() {
    close();
    ingress_.end();
    drain();
    core_.scheduler.detach(ingress_);
  }

  /// Submits a message; sleeps while the processor or the key is full. On a worker thread it
  /// refuses instead of sleeping. The message is moved from, or copied, only if it is accepted.
  /// Throws std::bad_alloc and what copying the key or the message, or hashing, throws; then
  /// nothing is submitted. Lock-free, unless it has to wait or wake a worker.
  [[nodiscard]] submit_status submit(const Key& key, Message&& message) {
    return ingress_.submit_waiting(key, std::move(message));
  }
  [[nodiscard]] submit_status submit(const Key& key, const Message& message) {
    return ingress_.submit_waiting(key, message);
  }

  /// As submit(), but refuses with `full` or `key_full` where submit() would wait.
  [[nodiscard]] submit_status try_submit(const Key& key, Message&& message) {
    return ingress_.emplace(key, std::move(message));
  }
  [[nodiscard]] submit_status try_submit(const Key& key, const Message& message) {
    return ingress_.emplace(key, message);
  }

  /// Submits pairs of key and message, in their order, with one read-modify-write per partition
  /// touched (for every some hundred pairs). Messages are moved if the range's elements are rvalues
  /// (std::move the container, or use std::move_iterator), else copied. Waits as submit() does;
  /// where it can't, the result says how many were submitted: a prefix of the range.
  template <std::ranges::input_range Range>
  [[nodiscard]] bulk_result submit_bulk(Range&& range) {
    return ingress_.submit_all(std::forward<Range>(range));
  }

  /// Returns when all messages accepted before the call are handled or dead; those of parked keys
  /// are neither. Sleeps. Any number of threads
  /// may drain at once, while others submit. Throws std::logic_error on a worker thread: it would
  /// wait for itself.
  void drain() { ingress_.drain(); }

  /// Refuses messages from now on; those accepted will be handled. Waiting submits return `closed`.
  /// Never blocks.
  void close() noexcept { ingress_.close(); }

  /// If the key's lane is parked, it goes on soon, and its first message has all its attempts again;
  /// else nothing happens. Throws std::logic_error if nothing can ever park here, std::bad_alloc and
  /// what copying or hashing the key throws.
  void resume(const Key& key) {
    if (!core_.failures)
      throw std::logic_error("convoy: resume() on a processor where nothing parks: its handler "
                             "returns no outcome, and it has no failure policy");
    ingress_.resume(key);
  }

  /// Messages that became dead letters so far.
  [[nodiscard]] std::uint64_t dead_letters() const noexcept {
    return core_.failures ? core_.failures->buried() : 0;
  }

  /// Lanes that are parked at the moment. Who sees one parked sees what its handlers did.
  [[nodiscard]] std::size_t parked() const noexcept {
    return core_.failures ? core_.failures->parked() : 0;
  }

private:
  template <class, class, class>
  friend class keyed_executor;

  using core_type = detail::core<Key, Message, State, Hash, Equal>;
  using ingress_type = detail::ingress<Key, Message, State, Hash, Equal>;

  /// What a handler says or throws has consequences.
  template <class Handler>
  static bool handles_failures(const options& wanted) noexcept {
    return detail::returns_outcome<Handler, Key, Message, State> || wanted.failure ||
           wanted.dead_letters;
  }

  template <class Handler>
  static auto failures_of(options& wanted) {
    using failures = detail::failures<Key, Message>;
    return handles_failures<Handler>(wanted)
               ? std::make_unique<failures>(
                     wanted.failure.value_or(detail::returns_outcome<Handler, Key, Message, State>
                                                 ? failure_policy{}
                                                 : failure_policy{.attempts = 1}),
                     std::move(wanted.dead_letters))
               : nullptr;
  }

  template <class Handler>
  static auto runner_of(bool failing) {
    constexpr bool fits = detail::form<Handler, Key, Message, State> != detail::handler_form::none;
    static_assert(
        fits, "convoy: the handler must be callable as (message&), (const key&, message&) or "
              "(const key&, std::span<message>), each followed by State& if the processor has one");
    if constexpr (fits)
      return failing ? &detail::run_lane<true, Handler, Key, Message, State, Hash, Equal>
                     : &detail::run_lane<false, Handler, Key, Message, State, Hash, Equal>;
    else
      return nullptr;
  }

  template <class Handler>
  static auto inline_runner_of(bool failing) {
    using detail::handler_form;
    constexpr auto form = detail::form<Handler, Key, Message, State>;
    using function = decltype(core_type::run_inline);
    if constexpr (form == handler_form::message || form == handler_form::key_message)
      return failing
                 ? function{&detail::run_inline<true, Handler, Key, Message, State, Hash, Equal>}
                 : function{&detail::run_inline<false, Handler, Key, Message, State, Hash, Equal>};
    else
      return function{};
  }

  static constexpr unsigned most_quantum_messages = 1u << 24; // urgent lanes get multiples
  static constexpr std::chrono::nanoseconds most_quantum_time = std::chrono::hours(24);

  std::size_t checked_partitions(const options& wanted) const {
    constexpr auto most = ingress_type::most_partitions;
    if (wanted.capacity == 0 || wanted.capacity > std::size_t{1} << 31)
      throw std::invalid_argument("convoy::processor: capacity must be 1 to 2^31 messages");
    if (wanted.partitions > most || (wanted.partitions & (wanted.partitions - 1)) != 0)
      throw std::invalid_argument(
          "convoy::processor: partitions must be a power of two up to 1024, or 0 for automatic");
    if (wanted.batch_limit > 65535)
      throw std::invalid_argument("convoy::processor: batch_limit must be at most 65535");
    return wanted.partitions != 0
               ? wanted.partitions
               : std::min<std::size_t>(std::bit_ceil(2 * core_.scheduler.concurrency()), most);
  }

  core_type core_;
  ingress_type ingress_;
};

} // namespace convoy
