#pragma once

#include "convoy/detail/base/prologue.hpp"

#include "convoy/context.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/run/checked_options.hpp"
#include "convoy/detail/run/runners.hpp"
#include "convoy/detail/shared/requirements.hpp"
#include "convoy/detail/submit/submitter_bulk.hpp"
#include "convoy/detail/submit/submitter_joint.hpp"
#include "convoy/detail/submit/submitter_look.hpp"
#include "convoy/options.hpp"
#include "convoy/runtime.hpp"
#include "convoy/scheduled.hpp"
#include "convoy/snapshot.hpp"
#include "convoy/status.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <initializer_list>
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
///   handler(message&), handler(const key&, message&), handler(const key&, std::span<message>),
///   handler(context&, message&), handler(context&, std::span<message>);
/// a span handler gets as many consecutive messages of the key as are waiting, up to batch_limit.
/// With a State, a State& comes last, where there is no context to ask for it: it lives with the
/// key's lane, see state_options. A handler may move from its messages. It may submit to any
/// processor, its own key included, and may use oneTBB. It returns void or an outcome.
///
/// **Failure.** One rule for every form of handler: a message whose handler throws has had its one
/// attempt. The exception goes to on_error, the message becomes a dead letter (`failed`), the
/// account counts it as dead, and its lane goes on. Only a failure_policy, or an outcome that says
/// retry, asks for more attempts (failure.hpp). Until a message is done or dead it stays the first
/// of its key; other keys do not notice, except that it takes room: set a key_capacity, or a parked
/// key fills all. Every accepted message is handled or becomes a dead letter. Do not move from a
/// message and then fail.
///
/// **Bounds.** At most `capacity` messages are unfinished, at most `key_capacity` per key. submit()
/// sleeps while that is reached, try_submit() refuses. On a worker thread (inside a handler)
/// submit() never waits, it refuses too: workers that wait for workers are a deadlock.
///
/// **Cost.** One atomic read-modify-write per submit, without a lock; with a limit of keys
/// (key_capacity, rate, duplicates) also two short locks. No allocation per message in
/// steady state with any option, except what copying keys, messages and ids, exceptions and sinks
/// allocate; scheduled messages and control of a key do. A key without unfinished messages costs
/// nothing, unless it has State, a used rate, or ids that are kept.
///
/// Key and Message must be nothrow move constructible; Equal must not throw, nor Hash if there is a
/// limit of keys (key_capacity, rate, duplicates). The handler is called from several threads at
/// once, for different keys.
///
/// All members but the destructor may be called by any thread at any time. Neither copied nor moved.
template <class Key, class Message, class State = void, class Hash = std::hash<Key>,
          class Equal = std::equal_to<Key>>
class processor {
  static_assert(sizeof(detail::requirements<Key, Message, Hash, Equal>) !=
                0); // it says what is wrong

public:
  using time_point = std::chrono::steady_clock::time_point;
  using dead_letter = convoy::dead_letter<Key, Message>;

  using joint = convoy::joint<Key, State>;

  using context = convoy::context<Key, Message, State, Hash, Equal>;
  using options = processor_options<Key, Message, State>;

  /// Throws std::invalid_argument for options out of range, std::bad_alloc, what copying Hash,
  /// Equal, Handler throws, and std::logic_error if the runtime was made before fork(), by the
  /// parent.
  template <class Handler>
  processor(runtime& where, Handler handler, options wanted = {}, Hash hash = {}, Equal equal = {})
      : core_{.scheduler = where.scheduler_,
              .options = detail::checked<Handler, core_type>(wanted),
              .hash_of = std::move(hash),
              .equal = std::move(equal),
              .handler = std::make_shared<Handler>(std::move(handler)),
              .owner = this,
              .run_lane = detail::runner_of<Handler, core_type>(
                  detail::handles_failures<Handler, core_type>(wanted)),
              .run_inline = wanted.conflate
                                ? nullptr // else what could be merged would be handled
                                : detail::inline_runner_of<Handler, core_type>(
                                      detail::handles_failures<Handler, core_type>(wanted)),
              .run_lane_carefully = detail::runner_of<Handler, core_type>(true),
              .handles_failures = detail::handles_failures<Handler, core_type>(wanted),
              .hands_out_parts = wanted.linger.count() != 0 || wanted.conflate,
              .is_watched =
                  wanted.watchdog.report || wanted.observe.started || wanted.observe.finished,
              .make_resumer = detail::resumer_of<Handler, core_type>(),
              .failures = {wanted.failure, std::move(wanted.exceptions),
                           std::move(wanted.dead_letters)}},
        submitter_(core_, detail::partitions_of(wanted, where.scheduler_.concurrency())) {
    if (core_.options.watchdog.report)
      core_.watchdog = std::make_unique<detail::watchdog_alarm<Key, typename core_type::lane_type>>(
          core_.scheduler, core_.options.watchdog, &core_);
    core_.insight = detail::make_insight(core_, submitter_);
    core_.scheduler.attach(submitter_);
    if (core_.insight != nullptr)
      core_.insight->start(); // nothing throws after it
  }

  processor(const processor&) = delete;
  processor& operator=(const processor&) = delete;

  /// Closes and drains, waits for later retries and what handlers await; what is parked, paused, or
  /// scheduled for later becomes dead letters, and on_parked is not called any more. A callback
  /// (`then`) that asks for another one now gets none. Must not run inside a handler, nor while
  /// another thread is in a member. See shutdown() for an end in time.
  ~processor() {
    if (core_.scheduler.is_inherited()) { // nobody would handle anything
      (void)core_.insight.release();      // a thread that is not here may be in the midst of it
      return;
    }
    close();
    core_.destroyed.store(true, std::memory_order_relaxed); // the alarms order it
    submitter_.end();
    submitter_.drain_closed();
    core_.over.store(true, std::memory_order_relaxed); // callbacks must not go on for ever
    submitter_.abandon();
    submitter_.finish_all();
    if (core_.insight != nullptr)
      core_.insight->stop(); // it looks at the partitions
    core_.watchdog.reset();  // its report may use us, and ask for something
    submitter_.finish_all();
    core_.scheduler.detach(submitter_);
  }

  /// Submits a message; sleeps while the processor or the key is full, or its rate is used up;
  /// refuses for good when closed, and for a `duplicate`. On a worker thread it refuses instead of
  /// sleeping; in a task of oneTBB's elsewhere, when for a second no room has come while handlers
  /// ran: one of them may wait for that task. The message is moved from, or copied, only if it is
  /// accepted. Throws std::bad_alloc and what copying the key or the message, or hashing, throws;
  /// then nothing is submitted. The key may lie in the message, here and wherever both are given.
  /// Lock-free, unless it has to wait or wake a worker, or keys have limits.
  [[nodiscard]] submit_status submit(const Key& key, Message&& message) {
    return submitter_.submit_waiting(key, std::move(message));
  }
  [[nodiscard]] submit_status submit(const Key& key, const Message& message) {
    return submitter_.submit_waiting(key, message);
  }

  /// As submit(), but refuses with `full`, `key_full` or `key_rate` where submit() would wait.
  [[nodiscard]] submit_status try_submit(const Key& key, Message&& message) {
    return submitter_.emplace(key, std::move(message));
  }
  [[nodiscard]] submit_status try_submit(const Key& key, const Message& message) {
    return submitter_.emplace(key, message);
  }

  /// Submits pairs of key and message, in their order, with one read-modify-write per partition
  /// touched (for every some hundred pairs). Messages are moved if the range's elements are rvalues
  /// (std::move the container, or use std::move_iterator), else copied. Waits as submit() does;
  /// where it can't, the result says how many were submitted: a prefix of the range. Throws as
  /// submit(); if a prefix was submitted by then, bulk_interrupted, which says how many. An
  /// element's key may lie in its own message.
  template <std::ranges::input_range Range>
  [[nodiscard]] bulk_result submit_bulk(Range&& range) {
    return submitter_.submit_all(std::forward<Range>(range));
  }

  /// Submits a message of 1 to 16 keys: options::joint handles it once, when it is its turn in each of
  /// them. What any of them was given before is finished then, and what comes behind begins when it is
  /// done or dead; two that share keys come in the same order in all. A key that is given twice counts
  /// once. Takes a place of the room for each key, or waits for all, as submit(), which it is like else;
  /// and a lock for each partition of its keys. Throws std::logic_error without options::joint,
  /// std::invalid_argument for more keys than that or the capacity. try_submit_joint() never waits.
  template <class Source>
  [[nodiscard]] submit_status submit_joint(std::span<const Key> keys, Source&& message) {
    return submitter_.submit_joint(keys, std::forward<Source>(message), true);
  }
  [[nodiscard]] submit_status submit_joint(std::initializer_list<Key> keys, Message message) {
    return submitter_.submit_joint({keys.begin(), keys.size()}, std::move(message), true);
  }
  template <class Source>
  [[nodiscard]] submit_status try_submit_joint(std::span<const Key> keys, Source&& message) {
    return submitter_.submit_joint(keys, std::forward<Source>(message), false);
  }
  [[nodiscard]] submit_status try_submit_joint(std::initializer_list<Key> keys, Message message) {
    return submitter_.submit_joint({keys.begin(), keys.size()}, std::move(message), false);
  }

  /// Returns when all messages accepted before the call are handled or dead; those of parked keys
  /// are neither. Sleeps. Any number of threads may drain at once, while others submit. Throws
  /// std::logic_error on a worker thread: it would wait for itself.
  void drain() { submitter_.drain(); }

  /// Refuses messages from now on; those accepted will be handled. Waiting submits return `closed`.
  /// Never blocks.
  void close() noexcept { submitter_.close(); }

  /// close(), shutdown() or the destructor was called.
  [[nodiscard]] bool closed() const noexcept { return submitter_.closed(); }

  /// As close(), then finishes what it can before the deadline: retries and scheduled messages that
  /// are due by then, and what is parked or paused and resumed by then. Returns as soon as nothing
  /// is unfinished; so with a key that is parked and that nobody resumes it takes until the
  /// deadline, and with time_span::max() for ever. At the deadline the rest becomes dead letters
  /// (`shutdown`), in order, but for what a worker was handed; running handlers have stop
  /// requested, and are waited for, as is what other threads still ask for meanwhile. Returns the
  /// exact account. Throws std::logic_error on a worker thread.
  convoy::account shutdown(moment deadline) {
    submitter_.refuse_on_worker();
    close();
    submitter_.end();
    if (!submitter_.finish_until(deadline)) {
      submitter_.abandon(); // before: who asks for a stop token from now on sees it
      for (unsigned i = 0; i < core_.scheduler.concurrency(); ++i)
        core_.scheduler.run_of(i).request_stop(&core_, deadline);
      (void)submitter_.finish_until(time_point::max());
    }
    return submitter_.account();
  }
  /// Throws std::invalid_argument for a negative time.
  convoy::account shutdown(time_span within) {
    return shutdown(due_after("convoy::processor::shutdown: the time", within));
  }

  /// So far. See account. Takes a short lock, and looks at each message that is still in a ring: a
  /// million of them take some milliseconds. Submits and handlers do not wait for it; but meanwhile
  /// the rings take new memory instead of used one, so poll it from a thread that gets a core.
  [[nodiscard]] convoy::account account() const noexcept { return submitter_.account(); }

  /// What happened in the last complete window, see insight_options; without them only what is
  /// counted since the processor was made, and positions. Any thread, handlers too. Throws
  /// std::bad_alloc. Costs what account() does.
  [[nodiscard]] convoy::snapshot snapshot() const {
    return core_.insight != nullptr ? core_.insight->take()
                                    : detail::counted(core_.options.name, core_.scheduler,
                                                      account(), core_.options.positions);
  }

  // ---- for handlers that are coroutines ----

  /// Awaits the answer of a message of another key, of this processor or another one:
  ///   const int left = co_await stock.ask(context, "apples", std::move(question));
  /// The message has a member convoy::completion<T> answer (or message_traits<Message>::answer names
  /// one), which its handler calls; a coroutine may return task_of<T> instead. It takes its place
  /// behind those of its key. Throws, when it is awaited: would_deadlock if that key waits for the
  /// asking one, or is it; refused if there is no room, for which it never waits; no_answer if the
  /// message has gone without one; `cancelled`. The context is the asking handler's. See callback().
  template <class Context>
  [[nodiscard]] auto ask(const Context& from, const Key& key, Message&& message) {
    static_assert(detail::has_answer<Message>(),
                  "convoy: a message that is asked needs a member convoy::completion<T> answer, or "
                  "message_traits<Message>::answer");
    return detail::ask_begin<submitter_type>(submitter_, core_, from.place(), key,
                                             std::move(message));
  }

  // ---- schedules ----

  /// The message takes its place behind those of its key when it is due; until then it holds a
  /// place of the capacity, drain() does not wait for it, and it can be cancelled. If it is due
  /// already, this is submit(). Waits and refuses as submit() does. Throws as submit(). Takes a
  /// short lock and allocates; the timers cost the same however many there are.
  scheduled submit_at(const Key& key, moment due, Message&& message) {
    return submitter_.submit_at(key, due, std::move(message));
  }
  scheduled submit_at(const Key& key, moment due, const Message& message) {
    return submitter_.submit_at(key, due, message);
  }
  /// Throws std::invalid_argument for a negative delay.
  scheduled submit_after(const Key& key, time_span delay, Message&& message) {
    return submitter_.submit_at(key, due_after(its_delay, delay), std::move(message));
  }
  scheduled submit_after(const Key& key, time_span delay, const Message& message) {
    return submitter_.submit_at(key, due_after(its_delay, delay), message);
  }

  // ---- control of one key ----
  //
  // All of these only ask for it, any thread may, also in handlers, and other keys do not notice.
  // They throw std::bad_alloc and what copying or hashing the key throws. `then` is called on a
  // worker when it is done; what it throws goes to stderr. Each costs the same, however many wait.
  // When request_capacity is reached they sleep, or on a worker thread throw too_many_requests.
  // They work until the deadline of shutdown(). When that has returned no message is left that they
  // could concern, so they only call `then`.

  /// The key's lane stops, after what a worker has already been handed, until resume(). Its
  /// messages wait, and take room. `then`: it stands still. After the deadline of shutdown(), and
  /// in the destructor, it does nothing but call `then`.
  void pause(const Key& key, std::function<void()> then = {}) {
    submitter_.control(detail::wish::pause, key, std::move(then));
  }

  /// A paused or parked lane goes on; a parked one's first message has all its attempts again. Also
  /// if the lane is about to park. Else nothing happens.
  void resume(const Key& key) { submitter_.control(detail::wish::resume, key, {}); }

  /// The first message of a parked lane, or of one that waits for a retry, is tried again at once. Its
  /// attempts count on, and a pause lasts: nothing happens then.
  void try_now(const Key& key) { submitter_.control(detail::wish::try_now, key, {}); }

  /// The key's messages accepted so far become dead letters, even if it is paused, parked, or waits
  /// for a retry; but for those that a worker has already been handed. Scheduled messages that are
  /// not due stay.
  void purge(const Key& key, std::function<void()> then = {}) {
    submitter_.control(detail::wish::purge, key, std::move(then));
  }

  /// `then` is called when all messages of the key accepted so far are handled or dead.
  void fence(const Key& key, std::function<void()> then) {
    submitter_.control(detail::wish::fence, key, std::move(then));
  }
  /// Of all keys.
  void fence(std::function<void()> then) { submitter_.fence(std::move(then)); }

  /// As drain(), for one key.
  void drain(const Key& key) { submitter_.drain(key); }

  /// Puts dead messages of a key back into its lane, in their order; neither their ids nor their
  /// rate are looked at. Behind what waits: a prefix may be accepted. Before what waits: all or
  /// none, and what waited begins with its attempts anew; if the key is parked, it stays parked,
  /// before them; until they are in their lane they take their room twice. Accepted ones are moved
  /// from. Never waits, but for a short lock: refuses as try_submit(). Throws as submit_bulk().
  [[nodiscard]] bulk_result resubmit(const Key& key, std::span<Message> messages,
                                     place where = place::behind) {
    return submitter_.resubmit(key, messages, where);
  }
  /// Likewise a dead joint message, behind what waits in each of its keys.
  [[nodiscard]] submit_status resubmit_joint(std::span<const Key> keys, Message&& message) {
    return submitter_.submit_joint(keys, std::move(message), false, true);
  }

  /// Why the key does not move, now. With insight it knows which worker runs it. Takes some
  /// microseconds, or until a worker has looked, at most `within`. Throws as pause(), and
  /// std::logic_error on a worker thread.
  [[nodiscard]] explanation explain(const Key& key,
                                    time_span within = std::chrono::milliseconds(50)) {
    submitter_.refuse_on_worker();
    return submitter_.explain(key, due_after("convoy::processor::explain: the time", within));
  }
  /// What would be if the key were otherwise, or there were other workers; see forecast, change. Looks
  /// at all that is unfinished, and simulates 200,000 messages and the backlog, which takes some
  /// ten milliseconds, with a large backlog some hundred; what no worker has looked at `within` that
  /// time counts as the window's mixture of keys. Throws std::logic_error on a worker thread, and
  /// without insight; std::invalid_argument, std::bad_alloc, and what hashing throws.
  [[nodiscard]] forecast what_if(const Key& key, const change& wanted = {},
                                 time_span within = std::chrono::milliseconds(50)) {
    submitter_.refuse_on_worker();
    detail::check(wanted);
    if (core_.insight == nullptr)
      throw std::logic_error("convoy::processor::what_if needs insight: set options::insight.top");
    return submitter_.what_if(key, wanted,
                              due_after("convoy::processor::what_if: the time", within));
  }
  /// Calls then(explanation) on a worker, as the callbacks of the functions above.
  void explain(const Key& key, std::function<void(const explanation&)> then) {
    submitter_.explain(key, std::move(then));
  }

  /// Messages that became dead letters so far.
  [[nodiscard]] std::uint64_t dead_letters() const noexcept { return core_.failures.buried(); }
  /// Lanes that are parked at the moment. Who sees one parked sees what its handlers did.
  [[nodiscard]] std::size_t parked() const noexcept { return core_.failures.parked(); }
  /// Messages that are scheduled and not due yet.
  [[nodiscard]] std::uint64_t scheduled_messages() const noexcept {
    return core_.not_due.load(std::memory_order_relaxed); // only counted
  }

private:
  template <class, class, class>
  friend class keyed_executor;

  using core_type = detail::core<Key, Message, State, Hash, Equal>;
  using submitter_type = detail::submitter<core_type>;

  static constexpr const char* its_delay = "convoy::processor::submit_after: the delay";
  static time_point due_after(const char* what, time_span delay) {
    return detail::later(detail::clock::now(), detail::not_negative(what, delay));
  }

  core_type core_;
  submitter_type submitter_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
