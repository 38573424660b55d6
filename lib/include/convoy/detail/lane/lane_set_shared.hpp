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

/// Unfinished messages of a lane, and those that are finished before others of it.
template <class Core>
std::uint32_t lane_set<Core>::in_line(const lane_type& lane) const noexcept {
  if constexpr (shares)
    return lane.unsettled + (lane.parted - finished_in_order(lane)) - lane.siblings;
  else
    return lane.unsettled;
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
template <class Lane>
bool lane_set<Core>::may_share(Lane& main) noexcept {
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
template <class Lane>
auto lane_set<Core>::part(Lane& main) noexcept -> Lane* {
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
template <class Lane>
void lane_set<Core>::add_sibling(Lane& main, Lane& sibling, bool epoch) noexcept {
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
template <class Lane>
void lane_set<Core>::end_sibling(Lane& sibling) noexcept {
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
template <class Lane>
void lane_set<Core>::share_more(Lane& main) noexcept {
  while (!main.late.empty() && main.siblings_out < most_shared())
    go_on_sibling(static_cast<lane_type&>(*main.late.pop()));
  if (main.is(lane_state::sharing) && may_share(main))
    line_up(main);
}

/// A lane was lined up, and the visit ends. False: it goes out itself.
template <class Core>
template <class Lane>
bool lane_set<Core>::hand_out_shared(Lane& lane, pump& self, ready_list& by_age) noexcept {
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
    sibling->resumed = lane.resumed; // before they went out
    hand_to(*sibling);
  }
  if (!lane.has_siblings())
    return false;
  lane.become(lane_state::sharing);
  lane.resumed = false;
  return true;
}

/// As next_lined_up(). Null: it must wait.
template <class Core>
template <class Lane>
auto lane_set<Core>::next_shared_inline(Lane& lane) noexcept -> Lane* {
  if (lane.is_sibling()) {
    lane.become(lane_state::out);
    return &lane;
  }
  auto* const sibling = may_share(lane) ? part(lane) : nullptr;
  if (lane.has_siblings()) {
    lane.become(lane_state::sharing);
    if (sibling != nullptr) {
      sibling->resumed = lane.resumed;
      sibling->become(lane_state::out);
    }
    lane.resumed = false;
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
template <class Lane>
auto lane_set<Core>::append_shared(Key&& key, std::uint32_t hash, Message&& message,
                                   std::uint64_t ticket) noexcept -> Lane* {
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

} // namespace convoy::detail
