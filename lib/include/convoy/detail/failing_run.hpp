#pragma once

// One call of a handler whose failures matter: its outcome or exception, and what follows from it.

#include "convoy/detail/core.hpp"
#include "convoy/detail/handler.hpp"
#include "convoy/detail/partition.hpp"
#include "convoy/detail/report.hpp"
#include "convoy/detail/taken.hpp"
#include "convoy/detail/trouble.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace convoy::detail {

// ---- dead letters ----

/// What a sink has done with a dead letter.
enum class buried : unsigned char { yes, offer_again, park };

/// The lane's first message becomes a dead letter, unless the sink refuses it. What else a sink throws
/// is reported; the letter is gone.
template <class Core>
[[nodiscard]] buried bury(Core& core, typename Core::partition_type& home,
                          typename Core::lane_type& lane, death why) noexcept {
  auto* const t = lane.trouble;
  const auto sequence = home.ring.sequence_of(lane.next_number());
  taken_one messages(lane, 1);
  dead_letter<typename Core::key_type, typename Core::message_type> letter{
      lane.key(), messages.front(), sequence, 0, why, nullptr, nullptr, {}, clock::now(), {}};
  if (t != nullptr) {
    letter.attempts = t->attempts;
    letter.first_error = t->first_error;
    letter.last_error = t->last_error;
    letter.first_failed = t->first_failed;
    letter.reason = t->last.reason();
    if (t->last_error && !core.failures.has_sink() && !core.options.on_error)
      report_to_stderr(thrower::handler, std::exchange(t->last_error, nullptr)); // once for a span
  }
  try {
    core.failures.bury(letter);
  } catch (const dead_letter_refused& refused) {
    if (core.waits_for_sinks()) {
      messages.keep_from(0);
      return refused.next() == dead_letter_refused::then::park ? buried::park : buried::offer_again;
    }
    core.failures.discard();
    report_to_stderr(thrower::sink_at_the_end, std::current_exception());
  } catch (const std::bad_alloc&) { // also if the sink ran out of memory while it built its refusal
    if (core.waits_for_sinks()) {
      messages.keep_from(0);
      return buried::offer_again;
    }
    core.failures.discard();
    report_to_stderr(thrower::sink_at_the_end, std::current_exception());
  } catch (...) {
    core.failures.count_buried();
    report_to_stderr(thrower::sink, std::current_exception());
  }
  if (t != nullptr)
    t->refusals = 0;
  return buried::yes;
}

/// Lanes that must not park go on without their first message.
template <class Core>
[[nodiscard]] bool try_park(Core& core, typename Core::partition_type& home,
                            typename Core::lane_type& lane) noexcept {
  if (!core.failures.may_park())
    return false;
  auto& t = *lane.trouble;
  t.stopped = stop::park;
  if (home.limits && core.options.max_parked != 0)
    home.limits->set_parked(lane.key(), true);
  if (core.options.on_parked && !core.is_destroyed()) {
    try {
      core.options.on_parked(lane.key(), t.last_error);
    } catch (...) {
      core.report(thrower::on_parked, lane.key(), std::current_exception());
    }
  }
  return true;
}

template <class Core>
[[nodiscard]] bool is_marker(Core& core, typename Core::lane_type& lane) noexcept try {
  return core.options.marker && core.options.marker(first_of(lane));
} catch (...) {
  core.report(thrower::marker, lane.key(), std::current_exception());
  return false;
}

/// The sink has refused the lane's first message. The more often, the later it is asked again.
template <class Trouble>
void offer_later(Trouble& t) noexcept {
  constexpr std::chrono::milliseconds first{10}, longest{1000};
  const auto delay = std::min(first * (1 << std::min(t.refusals++, 10u)), longest);
  t.due = later(clock::now(), delay);
  t.stopped = stop::retry;
}

/// Messages are doomed: one of them becomes a dead letter. As attempt().
template <class Core>
[[nodiscard]] bool bury_doomed(Core& core, typename Core::partition_type& home,
                               typename Core::lane_type& lane) noexcept {
  auto& t = *lane.trouble;
  if (t.why == death::failed_rest && is_marker(core, lane)) { // so far and no further
    t.doomed = 0;
    return true;
  }
  switch (bury(core, home, lane, t.why)) {
  case buried::park:
    core.failures.count_parked(1);
    t.stopped = stop::park;
    return false;
  case buried::offer_again:
    offer_later(t);
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
    t.stopped = stop::rest;
    return false;
  }
  return !std::exchange(t.then_stop, false);
}

/// As bury_first(), before messages that are doomed. If the sink refuses it, it is handled once more.
template <class Core>
[[nodiscard]] bool bury_spared(Core& core, typename Core::partition_type& home,
                               typename Core::lane_type& lane, death why) noexcept {
  using trouble_type = trouble<typename Core::lane_type>;
  auto& t = *lane.trouble;
  if (bury(core, home, lane, why) != buried::yes) {
    offer_later(t);
    return false;
  }
  t.forget_attempts();
  if (std::exchange(t.then_rest, false)) { // these included
    t.doomed = t.spared = 0;
    t.why = death::failed_rest;
    t.stopped = stop::rest;
    return false;
  }
  trouble_type::forget_first(lane);
  return lane.handed != 0;
}

/// The lane's first message is dead, for a reason of its own; or its first few, for the same reason. As
/// attempt().
template <class Core>
[[nodiscard]] bool bury_first(Core& core, typename Core::partition_type& home,
                              typename Core::lane_type& lane, death why,
                              std::uint32_t count = 1) noexcept {
  using trouble_type = trouble<typename Core::lane_type>;
  auto& t = trouble_type::of(lane, home.troubles);
  if (t.doomed != 0) // others behind it are dead for another reason
    return bury_spared(core, home, lane, why);
  t.doomed = count; // should the sink refuse it
  t.why = why;
  const bool goes_on = bury_doomed(core, home, lane);
  if (goes_on && t.doomed == 0)
    trouble_type::forget_first(lane);
  return goes_on && lane.handed != 0;
}

// ---- failures ----

/// The handler of the lane's first message has not succeeded; of its first `count`, if it has thrown. True:
/// the lane goes on; false: it stops, as its trouble tells.
template <class Core>
[[nodiscard]] bool after_failure(Core& core, typename Core::partition_type& home,
                                 typename Core::lane_type& lane, outcome result,
                                 const std::exception_ptr& error, std::uint32_t count) noexcept {
  using trouble_type = trouble<typename Core::lane_type>;
  auto& t = trouble_type::of(lane, home.troubles);
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
  if (what == outcome::kind::park && try_park(core, home, lane))
    return false;
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

// ---- attempts ----

/// A message of the id has been finished.
template <class Core>
[[nodiscard]] bool is_duplicate(Core& core, typename Core::partition_type& home,
                                const typename Core::lane_type& lane,
                                const typename Core::message_type& message) noexcept {
  if constexpr (has_id<typename Core::message_type>) {
    if (core.options.duplicates && core.options.duplicates->then == on_duplicate::dead_letter) {
      const auto& id = message_traits<typename Core::message_type>::id(message);
      return id.has_value() && home.limits->has_finished(lane.key(), *id);
    }
  }
  return false;
}

/// The ids of messages, where they count when their messages are finished. Taken before the handler,
/// which may move from its messages.
template <class Core, bool = has_id<typename Core::message_type>>
class finishing_ids {
  using message_type = typename Core::message_type;
  using id = typename id_type<message_type>::type;

public:
  template <class Taken>
  finishing_ids(Core& core, Taken& messages) noexcept {
    if (!core.options.duplicates || core.options.duplicates->then != on_duplicate::dead_letter)
      return;
    ids_ = &of_thread<bench>().ids; // one lane at a time runs on a thread
    try {
      for (std::size_t i = 0; i < messages.size(); ++i)
        ids_->push_back(message_traits<message_type>::id(*(&messages.front() + i)));
    } catch (...) { // out of memory: these are not remembered
      ids_->clear();
    }
  }
  finishing_ids(const finishing_ids&) = delete;
  finishing_ids& operator=(const finishing_ids&) = delete;
  ~finishing_ids() {
    if (ids_ != nullptr)
      ids_->clear();
  }

  /// The first so many messages are.
  void note(typename Core::partition_type& home, const typename Core::lane_type& lane,
            std::size_t count) noexcept {
    if (ids_ == nullptr)
      return;
    for (std::size_t i = 0; i < std::min(count, ids_->size()); ++i)
      if (const auto& each = (*ids_)[i])
        home.limits->finish(lane.key(), *each);
  }

private:
  /// Keeps the memory for the next ones.
  struct bench {
    std::vector<std::optional<id>> ids;
  };

  std::vector<std::optional<id>>* ids_ = nullptr;
};
template <class Core>
class finishing_ids<Core, false> {
public:
  template <class Taken>
  finishing_ids(Core&, Taken&) noexcept {}
  void note(typename Core::partition_type&, const typename Core::lane_type&, std::size_t) noexcept {
  }
};

/// The handler of a span gets messages up to the first that must not be handled with those before it.
template <class Core, class Taken>
void shorten(Core& core, typename Core::partition_type& home, const typename Core::lane_type& lane,
             Taken& messages) noexcept {
  using message_type = typename Core::message_type;
  if constexpr (has_deadline<message_type> || has_id<message_type>) {
    const auto* const first = &messages.front();
    for (std::size_t i = 1; i < messages.size(); ++i) {
      bool ends = has_expired(first[i]) || is_duplicate(core, home, lane, first[i]);
      if constexpr (has_id<message_type>)
        if (core.options.duplicates && core.options.duplicates->then == on_duplicate::dead_letter)
          for (std::size_t j = 0; j < i && !ends; ++j) {
            const auto& mine = message_traits<message_type>::id(first[i]);
            ends = mine.has_value() && mine == message_traits<message_type>::id(first[j]);
          }
      if (ends)
        return messages.shorten(i);
    }
  }
}

/// Calls the handler; what it throws is `error`, and asks for a retry.
template <class Handler, class Core, class Messages>
[[nodiscard]] outcome call_handler(Core& core, typename Core::partition_type& home,
                                   typename Core::lane_type& lane, pump& self, Messages& messages,
                                   std::exception_ptr& error) noexcept {
  outcome result = outcome::done;
  if (core.watchdog != nullptr) [[unlikely]] {
    self.running.begin(&core, &lane);
    core.watchdog->watch();
  }
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
  return result;
}

/// Handles the lane's first message, or the first few. True: the lane goes on, if there is more.
template <class Handler, class Core>
[[nodiscard]] bool attempt(Core& core, typename Core::partition_type& home,
                           typename Core::lane_type& lane, pump& self,
                           std::uint32_t limit) noexcept {
  using trouble_type = trouble<typename Core::lane_type>;
  if (lane.trouble != nullptr) [[unlikely]] {
    if (lane.trouble->doomed != 0 && lane.trouble->spared == 0)
      return bury_doomed(core, home, lane);
    if (lane.trouble->singly + lane.trouble->spared != 0)
      limit = 1;
  }
  if (core.is_abandoned()) [[unlikely]]
    return bury_first(core, home, lane, death::shutdown);
  if constexpr (has_deadline<typename Core::message_type>)
    if (has_expired(first_of(lane)))
      return bury_first(core, home, lane, death::expired);
  if (is_duplicate(core, home, lane, first_of(lane)))
    return bury_first(core, home, lane, death::duplicate);
  outcome result = outcome::done;
  std::exception_ptr error;
  std::uint32_t count = 1;
  {
    taken_for<Handler, Core> messages(lane, limit);
    if constexpr (gets_spans<Handler, Core>)
      shorten(core, home, lane, messages);
    finishing_ids<Core> ids(core, messages);
    result = call_handler<Handler>(core, home, lane, self, messages, error);
    const auto index = result.index() == outcome::whole ? 0 : result.index();
    if (result.what() == outcome::kind::done) [[likely]] {
      if (result.index() != outcome::whole) [[unlikely]]
        messages.keep_from(index + 1);
      ids.note(home, lane, result.index() == outcome::whole ? messages.size() : index + 1);
      if (lane.trouble != nullptr) [[unlikely]]
        trouble_type::forget_first(lane);
      return true;
    }
    ids.note(home, lane, index);
    messages.keep_from(index);
    if (index != 0 && lane.trouble != nullptr) // it was the first one's, which is done
      trouble_type::forget_first(lane);
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
  if constexpr (has_id<typename Core::message_type>)
    if (core.options.duplicates && core.options.duplicates->then == on_duplicate::dead_letter)
      return true;
  if constexpr (has_deadline<typename Core::message_type>)
    return has_expired(message);
  return false;
}

/// The lane's state goes, if it is to.
template <class Core>
void evict_if_due(Core& core, typename Core::lane_type& lane) noexcept {
  if (lane.trouble == nullptr || !lane.trouble->evict)
    return;
  core.evict(lane);
  trouble<typename Core::lane_type>::forget(lane);
}

} // namespace convoy::detail
