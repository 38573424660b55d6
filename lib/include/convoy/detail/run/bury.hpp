#pragma once

// What becomes of a message that has failed: a retry, a parked lane, or a dead letter.

#include "convoy/detail/base/report.hpp"
#include "convoy/detail/lane/hold.hpp"
#include "convoy/detail/lane/message_batch.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/run/handler_call.hpp"
#include "convoy/detail/shared/core.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <utility>

namespace convoy::detail {

// ---- dead letters ----

/// What a sink has done with a dead letter.
enum class buried : unsigned char { yes, offer_again, park };

/// The lane's first message becomes a dead letter, unless the sink refuses it. What else a user's
/// sink throws is reported; the letter is gone.
template <class Core>
[[nodiscard]] buried bury(Core& core, typename Core::partition_type& home,
                          typename Core::lane_type& lane, death why) noexcept {
  auto* const t = lane.hold;
  const auto sequence = home.ring.sequence_of(lane.next_number());
  one_message messages(lane, 1);
  dead_letter<typename Core::key_type, typename Core::message_type> letter{
      lane.key(), messages.front(), sequence, 0, why, nullptr, nullptr, {}, clock::now(), {}, {}};
  if (lane.home != static_cast<runner*>(&home)) [[unlikely]]
    letter.keys = static_cast<joint_lane<Core>&>(lane).keys;
  if (t != nullptr) {
    letter.attempts = t->attempts;
    letter.first_error = t->first_error;
    letter.last_error = t->last_error;
    letter.first_failed = t->first_failed;
    letter.reason = t->last.reason();
    if (t->last_error && !core.failures.has_sink() && !core.options.on_error)
      report_to_stderr(thrower::handler, std::exchange(t->last_error, nullptr)); // once for a span
  }
  // While the sink's refusal is handled: true, the message stays where it is.
  const auto stays = [&] {
    if (core.waits_for_sinks()) {
      messages.keep_from(0);
      return true;
    }
    core.failures.discard();
    report_to_stderr(thrower::sink_at_the_end, std::current_exception());
    return false;
  };
  try {
    core.failures.bury(letter);
  } catch (const no_dead_letter&) {
    core.failures.discard();
    if (t != nullptr)
      t->refusals = 0;
    return buried::yes;
  } catch (const sink_failed& failed) {
    if (t == nullptr || t->refusals == 0)
      core.report(thrower::sink_asked_again, lane.key(), failed.why);
    if (stays())
      return buried::offer_again;
  } catch (const dead_letter_refused& refused) {
    if (stays())
      return refused.next() == dead_letter_refused::then::park ? buried::park : buried::offer_again;
  } catch (const std::bad_alloc&) { // also if the sink ran out of memory while it built its refusal
    if (stays())
      return buried::offer_again;
  } catch (...) {
    core.failures.count_buried();
    report_to_stderr(thrower::sink, std::current_exception());
  }
  if (t != nullptr)
    t->refusals = 0;
  core.tell(core.options.observe.dead, lane.key(), messages.front(), why);
  return buried::yes;
}

template <class Core>
void park(Core& core, typename Core::lane_type& lane) noexcept {
  auto& t = *lane.hold;
  core.failures.count_parked(1);
  t.stopped = stop::park;
  if (core.options.on_parked && !core.is_destroyed()) {
    try {
      core.options.on_parked(lane.key(), t.last_error);
    } catch (...) {
      core.report(thrower::on_parked, lane.key(), std::current_exception());
    }
  }
}

template <class Core>
[[nodiscard]] bool is_marker(Core& core, typename Core::lane_type& lane,
                             const typename Core::message_type& message) noexcept try {
  return core.options.marker && core.options.marker(message);
} catch (...) {
  core.report(thrower::marker, lane.key(), std::current_exception());
  return false;
}

/// Messages are doomed: one of them becomes a dead letter. As attempt().
template <class Core>
[[nodiscard]] bool bury_doomed(Core& core, typename Core::partition_type& home,
                               typename Core::lane_type& lane) noexcept {
  auto& t = *lane.hold;
  if (t.why == death::failed_rest &&
      is_marker(core, lane, first_of(lane))) { // so far and no further
    t.doomed = 0;
    return !std::exchange(t.then_stop, false);
  }
  switch (bury(core, home, lane, t.why)) {
  case buried::park:
    core.failures.count_parked(1);
    t.stopped = stop::park;
    return false;
  case buried::offer_again:
    t.offer_later();
    return false;
  case buried::yes:
    break;
  }
  if (--t.doomed == 0 || t.why != death::failed) // else they failed together
    t.forget_attempts();
  if (t.doomed != 0)
    return true;
  if (std::exchange(t.then_rest, false)) {
    t.why = death::failed_rest;
    t.stopped = stop::tickets;
    return false;
  }
  return !std::exchange(t.then_stop, false);
}

/// As bury_first(), before messages that are doomed. If the sink refuses it, it is handled once
/// more.
template <class Core>
[[nodiscard]] bool bury_spared(Core& core, typename Core::partition_type& home,
                               typename Core::lane_type& lane, death why) noexcept {
  auto& t = *lane.hold;
  if (bury(core, home, lane, why) != buried::yes) {
    t.offer_later();
    return false;
  }
  t.forget_attempts();
  if (std::exchange(t.then_rest, false)) { // these included
    t.doomed = t.spared = 0;
    t.why = death::failed_rest;
    t.stopped = stop::tickets;
    return false;
  }
  hold::forget_first(lane);
  return lane.handed != 0;
}

/// The lane's first message is dead, for a reason of its own; or its first few, for the same
/// reason. As attempt().
template <class Core>
[[nodiscard]] bool bury_first(Core& core, typename Core::partition_type& home,
                              typename Core::lane_type& lane, death why,
                              std::uint32_t count = 1) noexcept {
  auto& t = hold::of(lane, home.holds);
  if (t.doomed != 0) // others behind it are dead for another reason
    return bury_spared(core, home, lane, why);
  t.doomed = count; // should the sink refuse it
  t.why = why;
  const bool goes_on = bury_doomed(core, home, lane);
  if (goes_on && t.doomed == 0)
    hold::forget_first(lane);
  return goes_on && lane.handed != 0;
}

// ---- failures ----

/// The handler of the lane's first message has not succeeded; of its first `count`, if it has
/// thrown. True: the lane goes on; false: it stops, as its hold tells.
template <class Core>
[[nodiscard]] bool after_failure(Core& core, typename Core::partition_type& home,
                                 typename Core::lane_type& lane, outcome&& result,
                                 const std::exception_ptr& error, std::uint32_t count) noexcept {
  auto& t = hold::of(lane, home.holds);
  const auto& policy = core.failures.policy(error);
  if (count > 1 && policy.attempts > 1) { // we will see which one throws
    t.singly = count;
    return true;
  }
  const auto now = clock::now();
  if (t.attempts++ == 0) {
    t.first_failed = now;
    t.first_error = error;
  }
  t.last_error = error;
  t.last = std::move(result);
  auto what = t.last.what();
  if (what == outcome::kind::retry) {
    const auto asked = t.last.delay();
    const auto delay = asked.count() >= 0 ? asked : core.failures.backoff(policy, t.attempts);
    if (t.attempts < policy.attempts && delay <= policy.max_block - (now - t.first_failed)) {
      t.due = later(now, delay);
      t.stopped = stop::retry;
      return false;
    }
    what = policy.then == exhausted::skip   ? outcome::kind::skip
           : policy.then == exhausted::park ? outcome::kind::park
                                            : outcome::kind::fail_rest;
  }
  if (what == outcome::kind::park) {
    park(core, lane);
    return false;
  }
  if (what == outcome::kind::fail_rest) {
    t.rest_until = home.ring.tickets();
    t.then_rest = true;
  }
  return bury_first(core, home, lane, death::failed, count);
}

/// As after_failure(), of a message that has been handled alone; on_error is told.
template <class Core>
[[nodiscard]] bool fail_first(Core& core, typename Core::partition_type& home,
                              typename Core::lane_type& lane, outcome result,
                              const std::exception_ptr& error) noexcept {
  if (error && core.options.on_error)
    core.report(thrower::handler, lane.key(), error);
  return after_failure(core, home, lane, std::move(result), error, 1);
}

} // namespace convoy::detail
