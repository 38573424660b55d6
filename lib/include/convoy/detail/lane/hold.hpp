#pragma once

// What a lane carries along when its first message has failed, or when it is stopped. Made when it
// is needed, from its partition's pool: a lane that never fails has none. Belongs to whoever the
// lane belongs to.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/node_pool.hpp"
#include "convoy/detail/ds/timer_wheel.hpp"
#include "convoy/detail/lane/lane_base.hpp"
#include "convoy/failure.hpp"
#include "convoy/observer.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <utility>

namespace convoy::detail {

/// What a lane waits for; its runner says so, and the drainer holds it until then.
enum class stop : unsigned char {
  none,
  retry,   ///< `due`; in the partition's timer wheel
  park,    ///< resume(); in the partition's list of parked lanes
  tickets, ///< the tickets below `rest_until` to leave the ring
  linger,  ///< more messages, or `due`; in the partition's list of lingering lanes
  place,   ///< another handler to end, see places; in a list
};

[[nodiscard]] constexpr hold_reason reason_of(stop why) noexcept {
  switch (why) {
  case stop::retry:
    return hold_reason::retry;
  case stop::park:
    return hold_reason::parked;
  case stop::tickets:
    return hold_reason::fail_rest;
  case stop::linger:
    return hold_reason::lingering;
  case stop::place:
    return hold_reason::no_place;
  case stop::none:
    break;
  }
  return hold_reason::paused;
}

/// A timer, so that the lane costs nothing more while it waits.
struct hold : timer {
  using pool_type = shared_node_pool<hold>;

  hold(lane_base& its_lane, pool_type& pool) noexcept : lane(its_lane), from(pool) {}

  /// Of a lane; made if need be. Waits for memory, as the message can't be given back.
  static hold& of(lane_base& lane, pool_type& pool) noexcept;

  static void forget(lane_base& lane) noexcept;

  /// The first message is done.
  static void forget_first(lane_base& lane) noexcept;

  /// Its first message is another one, or begins anew.
  void forget_attempts() noexcept;

  /// The sink has refused the first message. The more often, the later it is asked again.
  void offer_later() noexcept;

  lane_base& lane;
  pool_type& from;

  // ---- of the first message ----
  unsigned refusals = 0; // by the sink, in a row
  unsigned attempts = 0; // since it failed first, or was resumed
  std::exception_ptr first_error;
  std::exception_ptr last_error;
  outcome last = outcome::done; // after an exception retry
  clock::time_point first_failed{};

  // ---- of the lane ----
  std::uint32_t singly = 0; // so many messages are handled one at a time: one of them throws
  stop stopped = stop::none;
  stop held_for = stop::none;        // why it is held, if it is; none: it is paused
  clock::time_point held_since{};    // with insight
  clock::time_point counted_until{}; // what others of the key have waited for it since then
  clock::time_point due{};
  std::uint64_t rest_until = 0;
  std::uint32_t spared = 0;       // the first so many are handled, one at a time
  std::uint32_t doomed = 0;       // the next so many become dead letters
  death why = death::failed_rest; // their reason
  bool then_rest = false;         // then wait for `rest_until` and doom the rest
  bool then_stop = false;         // then give the lane back: it is paused
  bool evict = false;             // the lane's state goes
};

} // namespace convoy::detail
