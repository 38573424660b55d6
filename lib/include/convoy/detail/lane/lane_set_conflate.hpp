#pragma once

// Conflation: a message is merged into the last one of its key, if that waits in its lane and was
// not handed out. That one is the drainer's, also while the lane is out, so this needs no protocol
// of its own: of a lane that conflates, one message goes out at a time (see part_of()).
//
//   handed                                 staged
//   ▪ running, or it has failed            ▪ ◄── takes in what comes
//   ▪ put before others, or doomed         ▪ only behind one that takes in nothing more

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/report.hpp"
#include "convoy/detail/lane/lane_set.hpp"
#include "convoy/message.hpp"

#include <cstdint>
#include <exception>

namespace convoy::detail {

/// The last message of the lane may become another one.
template <class Core>
bool lane_set<Core>::takes_more(lane_type& lane) noexcept {
  if (lane.staged == 0)
    return false;
  if (lane.has_requests && waiting_requests_.of(lane).purges_last(lane.unsettled)) [[unlikely]]
    return false;
  const bool is_runners = lane.is(lane_state::out) || lane.is(lane_state::evicting) ||
                          (core_.suspends() && lane.is(lane_state::suspended));
  if (!is_runners && lane.hold != nullptr &&
      lane.hold->spared + lane.hold->doomed >= lane.handed + lane.staged)
    return false; // it is doomed; of a lane that is out no such message is staged
  return !has_expired(lane.back->slots()[lane.back->filled - 1]);
}

template <class Core>
bool lane_set<Core>::conflate(const Key& key, std::uint32_t hash, Message& message) noexcept {
  auto* const lane = table_.find(key, hash);
  if (lane == nullptr || !takes_more(*lane))
    return false;
  try {
    core_.options.conflate(lane->back->slots()[lane->back->filled - 1], message);
  } catch (...) {
    core_.report(thrower::conflate, key, std::current_exception());
    return false;
  }
  // relaxed: whoever looks counts no more than what is finished, see submitter::account()
  conflated.store(conflated.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return true;
}

} // namespace convoy::detail
