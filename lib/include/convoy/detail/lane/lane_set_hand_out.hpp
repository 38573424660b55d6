#pragma once

// What goes out with a lane: as a rule all that waits in it.

#include "convoy/detail/lane/hold.hpp"
#include "convoy/detail/lane/lane_set.hpp"
#include "convoy/detail/lane/suspension.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <algorithm>
#include <cstdint>

namespace convoy::detail {

/// By age, if lanes are slow or the quantum has left some of it over: else it falls behind with each
/// turn of the others, who then wait for it in the end.
template <class Core>
void lane_set<Core>::hand_out(pump& self) noexcept {
  if (lined_up_.empty())
    return;
  ready_list by_age;
  while (auto* const each = lined_up_.pop()) {
    auto& lane = static_cast<lane_type&>(*each);
    if constexpr (shares)
      if (hand_out_shared(lane, self, by_age))
        continue;
    const bool is_behind = self.lanes_are_slow() || lane.handed != 0;
    hand(lane);
    lane.become(lane_state::out);
    if (is_behind)
      by_age.push(lane);
    else
      self.push(lane); // from here on it is the runner's
  }
  self.push_by_age(by_age);
  self.note_visit_end(clock::now());
}

template <class Core>
void lane_set<Core>::hand(lane_type& lane) noexcept {
  auto ready = next_to_hand(lane);
  if (core_.hands_out_parts) [[unlikely]]
    ready = part_of(lane);
  lane.flush = false;
  lane.handed += ready;
  lane.staged -= ready;
  // Since it came, or since it was released; further apart than the oldest they could not be
  // compared.
  lane.since =
      coarse_now_ - std::min({coarse_now_ - lane.since, coarse_now_ - lane.first_came(), oldest});
}

/// How many of the messages that are not handed out go with it.
template <class Core>
std::uint32_t lane_set<Core>::part_of(const lane_type& lane) const noexcept {
  if (core_.options.conflate) { // one, so that the next one takes in what comes; see takes_more()
    const auto* const t = is_suspended(lane) ? suspension_of(lane).kept : lane.hold;
    const auto least = std::max(t == nullptr ? 1 : t->spared + t->doomed, std::uint32_t{1});
    return std::min(lane.staged, least - std::min(least, lane.handed));
  }
  if (lane.flush || lane.hold != nullptr || core_.is_ending())
    return lane.staged;
  // whole batches
  return lane.staged -
         std::min(lane.staged, (lane.handed + lane.staged) % core_.options.batch_limit);
}

} // namespace convoy::detail
