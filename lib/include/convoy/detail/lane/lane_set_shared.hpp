#pragma once

// Shared messages: those that lie next to each other in a lane are handled at the same time, in
// their place in the order. Nothing here is instantiated for messages without access().
//
// What is new has no word between threads. When it is a lane's turn and its first message is shared,
// the drainer parts that from the lane: it gets a lane of its own, a *sibling*, which is handed out,
// run, given back, held and buried like any other. So parted are the first messages as long as they
// are shared and not too many siblings are out. The key's own lane, the *main* one, is `sharing`
// meanwhile: it is the drainer's, in the table of keys, and has the state, which siblings only read.
// What is behind an exclusive message stays in it until no sibling is left; then it goes out itself,
// with the exclusive messages at its front. So a main lane that is out has no siblings, and what
// their handlers did happens before it: each sibling came back to the drainer first.
//
//   main:     resting → lined_up → sharing → lined_up: it may part with more
//                                  sharing → resting: no sibling is left
//   sibling:  resting → out → resting, and it ends; or → held → resting → lined_up → out
//
// The drainer alone counts: siblings may end in any order, and their message counts as finished at
// once, in the epoch that it has brought along. Only fences of the key want the order: the siblings
// are numbered and linked in it, and all before the first one are finished.
//
// A sibling that fails is held by itself: those beside it go on, and the lane behind them waits.

#include "convoy/detail/lane/lane_set_control.hpp"
#include "convoy/detail/lane/lane_set_inline.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace convoy::detail {

/// Of all messages parted from a lane, how many are finished without one before them that is not.
template <class Lane>
[[nodiscard]] std::uint32_t finished_in_order(const Lane& main) noexcept {
  return main.first_sibling != nullptr ? main.first_sibling->nth : main.parted;
}

/// Calls function(sibling&) for each; it must not end one.
template <class Lane, class Function>
void for_each_sibling(Lane& main, Function&& function) noexcept {
  for (auto* each = main.first_sibling; each != nullptr; each = each->next)
    function(*each);
}

/// More are out than there are workers, so that these find the next one while one comes back.
template <class Core>
std::uint32_t lane_set<Core>::most_shared() const noexcept {
  const auto told = core_.options.most_shared;
  return told != 0 ? told : tuning::siblings_per_worker * core_.scheduler.concurrency();
}

/// So many of a lane's messages go out with it, which has handed some already.
template <class Core>
std::uint32_t lane_set<Core>::next_to_hand(lane_type& lane) const noexcept {
  if constexpr (!shares) {
    return lane.staged;
  } else {
    if (lane.staged == 0 || core_.is_abandoned())
      return lane.staged; // all become dead letters, in order
    if (lane.hold != nullptr && lane.hold->doomed != 0) {
      const auto doomed = lane.hold->doomed + lane.hold->spared;
      return std::min(lane.staged, doomed - std::min(doomed, lane.handed));
    }
    if (lane.handed != 0)
      return 0;
    if (lane.hold != nullptr || is_shared(first_of(lane))) // it could not be parted
      return 1;
    const auto most = std::min(lane.staged, core_.options.quantum_messages);
    std::uint32_t count = 1;
    auto* in = lane.front;
    for (auto at = lane.front_index + 1u; count < most; ++count, ++at) {
      if (at == in->capacity) {
        in = in->next;
        at = 0;
      }
      if (is_shared(in->slots()[at]))
        break;
    }
    return count;
  }
}

/// Of a lane that is the drainer's: its first message may be parted from it now. The first message
/// of a key that makes its state does so alone.
template <class Core>
bool lane_set<Core>::may_share(lane_type& main) noexcept {
  if (main.hold != nullptr) [[unlikely]] {
    const auto& t = *main.hold;
    if (t.stopped != stop::none || t.doomed + t.spared + t.attempts != 0 || t.evict)
      return false;
    hold::forget(main); // what it was for is over
  }
  if (main.staged == 0 || main.handed != 0 || main.siblings_out >= most_shared() ||
      (main.paused && main.has_siblings()) || core_.is_abandoned())
    return false;
  if constexpr (!std::is_void_v<State>)
    if (!main.state)
      return false;
  return is_shared(first_of(main));
}

/// Null when out of memory.
template <class Core>
auto lane_set<Core>::part(lane_type& main) noexcept -> lane_type* {
  auto* const sibling = pool_.make_lane(home_, main);
  if (sibling == nullptr)
    return nullptr;
  auto& message = first_of(main);
  sibling->first.number = main.next_number();
  sibling->since = main.first_came();
  std::construct_at(sibling->first.slots(), std::move(message));
  std::destroy_at(&message);
  ++main.front_index;
  --main.staged;
  pool_.free_spent(main);
  add_sibling(main, *sibling, unfinished.epoch_of_first(main, main.by_epoch));
  return sibling;
}

template <class Core>
void lane_set<Core>::add_sibling(lane_type& main, lane_type& sibling, bool epoch) noexcept {
  sibling.nth = main.parted++;
  sibling.its_epoch = epoch;
  ++main.by_epoch[epoch];
  beside += main.siblings++ != 0;
  ++main.siblings_out; // the caller hands it out, or runs it
  sibling.previous = main.last_sibling;
  (main.last_sibling == nullptr ? main.first_sibling : main.last_sibling->next) = &sibling;
  main.last_sibling = &sibling;
}

/// Its message is finished.
template <class Core>
void lane_set<Core>::end_sibling(lane_type& sibling) noexcept {
  auto& main = *sibling.main;
  const auto before = finished_in_order(main);
  (sibling.previous == nullptr ? main.first_sibling : sibling.previous->next) = sibling.next;
  (sibling.next == nullptr ? main.last_sibling : sibling.next->previous) = sibling.previous;
  --main.by_epoch[sibling.its_epoch];
  beside -= --main.siblings != 0;
  unfinished.settle_one(main, sibling.its_epoch);
  pool_.free_lane(sibling);
  if (main.has_requests) [[unlikely]]
    serve_reached(main, finished_in_order(main) - before);
}

/// Something has changed of a lane: perhaps one more of its shared messages may go.
template <class Core>
void lane_set<Core>::share_more(lane_type& main) noexcept {
  while (!main.late.empty() && main.siblings_out < most_shared())
    go_on_sharing(static_cast<lane_type&>(*main.late.pop()));
  if (main.is(lane_state::sharing) && may_share(main))
    line_up(main);
}

/// A lane was lined up, and the visit ends. False: it goes out itself.
template <class Core>
bool lane_set<Core>::hand_out_shared(lane_type& lane, pump& self, ready_list& by_age) noexcept {
  const auto hand_to = [&](lane_type& sibling) {
    hand(sibling);
    sibling.become(lane_state::out);
    if (self.lanes_are_slow())
      by_age.push(sibling);
    else
      self.push(sibling); // from here on it is the runner's
  };
  if (lane.is_sibling()) {
    hand_to(lane);
    return true;
  }
  while (may_share(lane)) {
    auto* const sibling = part(lane);
    if (sibling == nullptr) // out of memory: when another is back, or the message goes alone
      break;
    hand_to(*sibling);
  }
  if (!lane.has_siblings())
    return false;
  lane.become(lane_state::sharing);
  lane.resumed = false; // it was about what went out before
  return true;
}

/// As next_lined_up(). Null: it must wait.
template <class Core>
auto lane_set<Core>::next_shared_inline(lane_type& lane) noexcept -> lane_type* {
  if (lane.is_sibling()) {
    lane.become(lane_state::out);
    return &lane;
  }
  auto* const sibling = may_share(lane) ? part(lane) : nullptr;
  if (lane.has_siblings()) {
    lane.become(lane_state::sharing);
    lane.resumed = false;
    if (sibling != nullptr)
      sibling->become(lane_state::out);
    share_more(lane);
    return sibling;
  }
  const auto ready = next_to_hand(lane);
  lane.become(lane_state::out);
  lane.handed += ready;
  lane.staged -= ready;
  return &lane;
}

template <class Core>
auto lane_set<Core>::append_shared(Key&& key, std::uint32_t hash, Message&& message,
                                   std::uint64_t ticket) noexcept -> lane_type* {
  auto* main = table_.find(key, hash);
  if (main == nullptr) {
    if constexpr (!std::is_void_v<State>)
      return nullptr; // it is to make the state, alone
    main = pool_.make_lane(home_, std::move(key), hash);
    if (main == nullptr)
      return nullptr;
    table_.insert(*main);
  } else {
    if (!main->is(lane_state::resting) && !main->is(lane_state::sharing))
      return nullptr; // nothing else of it is ours
    if (waiting(*main) != 0 || main->hold != nullptr || main->paused ||
        main->siblings_out >= most_shared())
      return nullptr;
    if constexpr (!std::is_void_v<State>)
      if (!main->state)
        return nullptr;
  }
  auto* const sibling = pool_.make_lane(home_, *main);
  if (sibling == nullptr && main->is(lane_state::sharing))
    return nullptr;
  if (main->unsettled == 0)
    main->back->number = static_cast<std::uint32_t>(ticket) - main->back->filled;
  unfinished.count(*main);
  if (sibling == nullptr) { // the message goes alone; the lane is empty: there is room
    (void)pool_.append(*main, std::move(message), arrivals_.of(ticket));
    main->handed = 1;
    main->become(lane_state::out);
    return inline_ = main;
  }
  sibling->first.number = main->back->number++ + main->back->filled; // as if it had been in it
  sibling->since = arrivals_.of(ticket);
  std::construct_at(sibling->first.slots(), std::move(message));
  add_sibling(*main, *sibling, main->epoch);
  if (main->is(lane_state::resting))
    main->become(lane_state::sharing);
  sibling->become(lane_state::out);
  return inline_ = sibling;
}

// ---- siblings that come back ----

/// As settle().
template <class Core>
std::uint32_t lane_set<Core>::settle_sibling(lane_type& sibling, std::uint64_t consumed) noexcept {
  auto& main = *sibling.main;
  --main.siblings_out;
  sibling.become(lane_state::resting);
  const auto finished = sibling.finished;
  if (finished != 0) {
    if (sibling.hold != nullptr) [[unlikely]] {
      if (sibling.hold->stopped == stop::tickets)
        doom_rest(main, sibling.hold->rest_until, sibling.hold->why);
      hold::forget(sibling);
    }
    end_sibling(sibling);
  } else {
    if (sibling.is_purged)
      doom(sibling, 1);
    const bool holds = sibling.hold != nullptr && must_hold(sibling, consumed);
    sibling.resumed = false;
    if (holds && ended_ && sibling.hold->why == death::shutdown)
      doom_rest(main, ended_at_, death::shutdown); // it has parked
    if (holds)
      begin_hold(sibling, sibling.hold->stopped);
    else
      go_on(sibling);
  }
  if (main.has_requests && main.siblings_out == 0) [[unlikely]]
    serve_waiting_requests(main, 0, consumed);
  end_sharing(main);
  return finished;
}

/// Of a lane one of whose siblings has come back.
template <class Core>
void lane_set<Core>::end_sharing(lane_type& main) noexcept {
  if (main.has_siblings())
    return share_more(main);
  if (!main.is(lane_state::sharing))
    return; // it is lined up
  main.become(lane_state::resting);
  if (main.hold != nullptr && main.hold->stopped != stop::none) [[unlikely]]
    return begin_hold(main, main.hold->stopped);
  go_on(main); // and it may be gone
}

/// As go_on(), of a sibling; or of a lane with siblings, for whose end it waits.
template <class Core>
void lane_set<Core>::go_on_sharing(lane_type& lane) noexcept {
  if (!lane.is_sibling()) {
    lane.hold->doomed = waiting(lane); // it has waited for tickets
    return share_more(lane);
  }
  if (lane.is(lane_state::held)) {
    lane.since = coarse_now_;
    end_hold(lane);
  }
  if (lane.main->paused && (lane.hold == nullptr || lane.hold->doomed == 0))
    return begin_hold(lane, stop::none);
  if (lane.main->siblings_out >= most_shared())
    return lane.main->late.push(lane);
  ++lane.main->siblings_out;
  line_up(lane);
}

/// What waits in a lane with siblings, or will when all tickets below `until` have left the ring,
/// becomes dead letters when no sibling is left.
template <class Core>
void lane_set<Core>::doom_rest(lane_type& main, std::uint64_t until, death why) noexcept {
  auto& t = hold_of(main);
  t.why = why;
  if (t.stopped == stop::tickets) { // of another sibling, and it is linked
    t.rest_until = std::max(t.rest_until, until);
    return;
  }
  t.stopped = stop::tickets;
  t.rest_until = until;
  (void)stopped().take_in(main, 0); // the visit goes on with release_stopped()
  take_out_of_line(main);
}

/// A lane with siblings must not part with more, though it was lined up. A rare thing.
template <class Core>
void lane_set<Core>::take_out_of_line(lane_type& main) noexcept {
  if (!main.is(lane_state::lined_up))
    return;
  for (auto left = lined_up_.size(); left != 0; --left)
    if (auto* const each = lined_up_.pop(); each != &main)
      lined_up_.push(*each);
  main.become(lane_state::sharing);
}

// ---- requests ----

/// As serve(), of a lane with siblings.
template <class Core>
bool lane_set<Core>::serve_sharing(lane_type& main, request_type& r,
                                   std::uint64_t consumed) noexcept {
  switch (r.what) {
  case wish::pause:
    if (ended_)
      break;
    main.paused = true;
    take_out_of_line(main);
    if (main.siblings_out != 0 && r.then != nullptr)
      return wait_for_lane(main, r), false;
    break;
  case wish::resume:
    main.paused = false;
    for_each_sibling(main, [this](lane_type& each) {
      if (!each.is(lane_state::held)) {
        each.resumed = true;
        return;
      }
      if (each.hold != nullptr && each.hold->stopped == stop::park)
        unpark(each);
      if (each.hold == nullptr || each.hold->stopped == stop::none)
        go_on(each);
    });
    share_more(main);
    break;
  case wish::try_now:
    if (!main.paused)
      for_each_sibling(main, [this](lane_type& each) { try_again(each); });
    break;
  case wish::purge:
    for_each_sibling(main, [this](lane_type& each) {
      if (each.is(lane_state::out)) {
        each.is_purged = true;
        return;
      }
      doom(each, 1);
      if (each.is(lane_state::held))
        go_on(each);
    });
    if (waiting(main) != 0)
      doom(main, waiting(main));
    if (r.then == nullptr)
      break;
    [[fallthrough]];
  case wish::fence:
    return wait_for_lane(main, r), false;
  case wish::put_before: { // before what has not begun
    const auto count = static_cast<std::uint32_t>(r.messages.size());
    if (main.has_requests)
      waiting_requests_.of(main).finished -= count;
    unfinished.count_before(main, count);
    put_before(main, r.messages, consumed);
    share_more(main);
    break;
  }
  }
  callback::make_ready(std::move(r.then));
  return true;
}

/// Of a lane with siblings, as end_stopped(): those that were parked wait for tickets by now.
template <class Core>
void lane_set<Core>::end_stopped_siblings(lane_type& main, std::uint64_t tickets) noexcept {
  bool rests = main.paused;
  main.paused = false;
  for_each_sibling(main, [&](lane_type& each) {
    if (!each.is(lane_state::held))
      return;
    if (each.hold == nullptr || each.hold->stopped == stop::none)
      stopped().wait_until_the_end(hold_of(each));
    rests |= each.hold->stopped == stop::tickets;
  });
  if (rests)
    doom_rest(main, tickets, death::shutdown);
  else
    share_more(main);
}

/// Unfinished messages of a lane, and those that are finished before others of it.
template <class Core>
std::uint32_t lane_set<Core>::in_line(const lane_type& lane) const noexcept {
  if constexpr (shares)
    return lane.unsettled + (lane.parted - finished_in_order(lane)) - lane.siblings;
  else
    return lane.unsettled;
}

} // namespace convoy::detail
