#pragma once

// What the partitions of one processor share, and nothing that changes per message.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/report.hpp"
#include "convoy/detail/ds/event_count.hpp"
#include "convoy/detail/ds/pending_count.hpp"
#include "convoy/detail/insight/insight.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/detail/shared/failure_rules.hpp"
#include "convoy/detail/shared/places.hpp"
#include "convoy/detail/shared/request_limit.hpp"
#include "convoy/detail/shared/requests.hpp"
#include "convoy/detail/shared/watchdog.hpp"
#include "convoy/options.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>

namespace convoy {

template <class Key, class Message, class State, class Hash, class Equal>
class context;

namespace detail {

/// Hashing integers again is cheaper than carrying a hash along.
template <class Key, class Hash>
inline constexpr bool hash_is_stored =
    !(std::is_same_v<Hash, std::hash<Key>> && std::is_scalar_v<Key>);

/// std::equal_to accepts any key and fails inside.
template <class Equal, class Key>
concept equality = std::is_invocable_r_v<bool, const Equal&, const Key&, const Key&> &&
    (!std::is_same_v<Equal, std::equal_to<Key>> || requires(const Key& key) {
      { key == key } -> std::convertible_to<bool>;
    });

/// std::hash of an integer is the integer: spread it, the upper bits choose the partition, the
/// lower ones the bucket.
inline std::uint64_t scatter(std::uint64_t hash) noexcept {
  return hash * 0x9E3779B97F4A7C15; // Fibonacci hashing, Knuth 6.4
}
inline std::uint64_t fold(std::uint64_t scattered) noexcept { // the upper half stays
  return scattered ^ (scattered >> 32);
}
inline std::uint64_t spread(std::uint64_t hash) noexcept {
  return fold(scatter(hash));
}

template <class Handler, class Core, class Messages>
struct invocation;
template <class Key, class Message, class State>
struct lane;
template <class Core>
class partition;
template <class Core>
class suspended_lanes;
class resumer;
template <class Partition>
class visit;

template <class Key, class Message, class State, class Hash, class Equal>
struct core {
  using key_type = Key;
  using message_type = Message;
  using state_type = State;
  using hash_type = Hash;
  using equal_type = Equal;
  using partition_type = partition<core>;
  using lane_type = lane<Key, Message, State>;
  using context_type = context<Key, Message, State, Hash, Equal>;

  /// run_lane() and run_inline() of run_lane.hpp, for the handler's type: they run a lane for one
  /// quantum, and messages straight from a partition's ring (false: another pump has taken it
  /// over). The processor's constructor chooses them, see run/runners.hpp.
  using lane_function = void (*)(core&, partition_type&, lane_type&, pump&) noexcept;
  using inline_function = bool (*)(core&, visit<partition_type>&, pump&) noexcept;

  detail::scheduler& scheduler;
  processor_options<Key, Message, State> options;
  Hash hash_of;
  Equal equal;
  std::shared_ptr<void> handler;
  void* owner; ///< the processor

  lane_function run_lane;     ///< run_lane<true> if handles_failures, else run_lane<false>
  inline_function run_inline; ///< null for handlers that want spans, and if it conflates
  /// run_lane<true>: for lanes with a hold, and for all when the processor is abandoned.
  lane_function run_lane_carefully;
  /// There is more to do about a message than to call its handler and to count what it throws.
  bool handles_failures;
  /// A lane may go out with less than all that waits in it: see linger, conflate.
  bool hands_out_parts;
  /// The watchdog or an observer wants to know when a handler runs.
  bool is_watched;
  /// Of processors whose handler is a coroutine; null: of others.
  std::unique_ptr<resumer> (*make_resumer)(partition_type&);
  [[nodiscard]] bool suspends() const noexcept { return make_resumer != nullptr; }

  detail::failure_rules<Key, Message> failures;
  std::unique_ptr<watchdog_alarm<Key, lane_type>> watchdog = nullptr;
  std::unique_ptr<insight_base> insight = nullptr;
  const clock::time_point made = clock::now();

  // Set before all partitions' alarms ring.
  atomic<bool> ending{false}; ///< shutdown() or the destructor has begun: no lane lingers any more
  atomic<bool> destroyed{false}; ///< parked and paused lanes become dead letters, and sinks that
                                 ///< refuse are not asked again
  atomic<bool> abandoned{false}; ///< so does everything; the deadline of shutdown() has passed
  atomic<bool> over{false};      ///< callbacks are not asked for any more

  detail::places places{options.suspended.most}; ///< for handlers that are coroutines

  atomic<bool> got_stuck{false}; ///< a handler did, while it ran inline

  event_count room{};    ///< credit was added somewhere
  event_count drained{}; ///< notified when drain progress or one of the counters below changes
  pending_count scheduled{drained}; ///< messages that are not due yet, and who asks for one more
  pending_count callbacks{drained}; ///< still to be called, and lanes out to be evicted
  pending_count late_callbacks{drained}; ///< those that were asked for after the end had begun

  event_count request_room{}; ///< so that submits and requests don't take each other's signals
  request_limit unserved{options.request_capacity,
                         request_room}; ///< without a callback, not served
  request_limit uncalled{options.request_capacity, request_room}; ///< callbacks, not called

  atomic<std::uint64_t> not_due{0};    ///< messages that are scheduled, without tickets yet
  atomic<std::uint64_t> put_off{0};    ///< messages accepted to be scheduled
  atomic<std::uint64_t> cancelled{0};  ///< of these
  atomic<std::uint64_t> put_before{0}; ///< messages accepted without tickets

  [[nodiscard]] bool is_ending() const noexcept {
    // relaxed: the partitions' alarms, rung afterwards, order it
    return ending.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_abandoned() const noexcept {
    return abandoned.load(std::memory_order_relaxed); // relaxed: likewise
  }
  [[nodiscard]] bool is_destroyed() const noexcept {
    return destroyed.load(std::memory_order_relaxed); // relaxed: likewise
  }
  /// The destructor waits for the last callbacks, and the caller is one: it gets no other, or there
  /// might be no end.
  [[nodiscard]] bool is_last_callback() const noexcept {
    return over.load(std::memory_order_relaxed) && // one that comes later sees it some time
           callback::is_caller();
  }
  [[nodiscard]] bool waits_for_sinks() const noexcept { return !is_destroyed() && !is_abandoned(); }

  [[nodiscard]] std::uint64_t scattered_hash(const Key& key) const {
    return scatter(static_cast<std::uint64_t>(hash_of(key)));
  }
  /// If hashing throws, that.
  [[nodiscard]] std::uint64_t scattered_hash_or(const Key& key,
                                                std::uint64_t other) const noexcept {
    try {
      return scattered_hash(key);
    } catch (...) {
      return other;
    }
  }
  [[nodiscard]] std::uint64_t hash(const Key& key) const { return fold(scattered_hash(key)); }

  /// To on_error, else to stderr.
  void report(thrower who, const Key& key, const std::exception_ptr& error) noexcept {
    if (!options.on_error)
      return report_to_stderr(who, error);
    try {
      options.on_error(key, error);
    } catch (...) {
      report_to_stderr(who, error);
      report_to_stderr(thrower::on_error, std::current_exception());
    }
  }

  /// For processors without handles_failures: tells on_error, and counts `messages` as dead. There
  /// is no sink, so they may be gone already.
  void bury_without_sink(const Key& key, std::uint32_t messages,
                         const std::exception_ptr& error) noexcept {
    report(thrower::handler, key, error);
    failures.count_buried(messages);
  }

  /// Calls what the user has set to be told.
  template <class Function, class... What>
  static void tell(const Function& function, const What&... what) noexcept {
    if (!function)
      return;
    try {
      function(what...);
    } catch (...) {
      report_to_stderr(thrower::observer, std::current_exception());
    }
  }

  /// A lane's state goes.
  void evict(lane_type& lane) noexcept {
    if constexpr (!std::is_void_v<State>) {
      if (!lane.state)
        return;
      try {
        if (options.state.on_evict)
          options.state.on_evict(lane.key(), *lane.state);
      } catch (...) {
        report(thrower::on_evict, lane.key(), std::current_exception());
      }
      lane.state.reset();
    }
  }
};

} // namespace detail
} // namespace convoy
