#pragma once

// joint_lanes, the part about what a joint message waits for. Its lanes do not know: they are asked
// for from partition to partition. A place that is in a ring, or waits in a lane, is not at its turn,
// so its message is there, and so is all that its producer wrote.

#include "convoy/detail/insight/timed_run.hpp"
#include "convoy/detail/insight/top_keys.hpp"
#include "convoy/detail/partition/explain.hpp"
#include "convoy/detail/run/joint_lanes.hpp"
#include "convoy/detail/run/joint_run.hpp"
#include "convoy/explanation.hpp"

#include <cstdint>
#include <utility>

namespace convoy::detail {

template <class Core>
joint_name joint_lanes<Core>::name_of(const lane_type& lane) const noexcept {
  joint_name is{.message = lane.below, .home = lane.home, .hash = lane.hash};
  if (const auto found = stopped_in_.find(&lane); found != stopped_in_.end()) {
    is.stopped_in = found->second.home;
    is.ticket = found->second.ticket;
  }
  return is;
}

/// Memory is used again: the message must have the key, too. There it is at its turn.
template <class Core>
bool joint_lanes<Core>::is(const joint_name& which, place_type& at) noexcept {
  if (static_cast<const ready_item*>(at.of) != which.message)
    return false;
  if (at.home == which.home && at.hash == which.hash)
    return false; // a later one's
  for (std::uint32_t i = 0; i < at.of->count(); ++i)
    if (const auto& its = at.of->places()[i]; its.home == which.home && its.hash == which.hash)
      return true;
  return false;
}

/// The place of it that is not at its turn; null: there is none that can be seen. Messages wait
/// meanwhile, so it does not look at all places if there are many.
template <class Core>
auto joint_lanes<Core>::find(const joint_name& which, bool& saw_all) noexcept -> const place_type* {
  const place_type* found = nullptr;
  auto left = tuning::most_surveyed_lanes;
  const auto look = [&](place_type& at) {
    if (found == nullptr && is(which, at))
      found = &at;
  };
  if (waiting_.size() > left) {
    saw_all = false;
    return nullptr;
  }
  waiting_.for_each([&](waiting_places& places) {
    auto* each = places.first;
    for (; each != nullptr && left != 0 && found == nullptr; each = each->next, --left)
      look(*each);
    saw_all &= each == nullptr;
  });
  if (found != nullptr)
    return found;
  saw_all &= p_.ring.look_ahead(left, [&](const auto& its) {
    look(static_cast<message_type*>(its.message)->places()[its.number]);
  });
  return found;
}

/// It has stopped here, and is not being tried again; else null.
template <class Core>
auto joint_lanes<Core>::stopped_lane(const joint_name& which) const noexcept -> const lane_type* {
  const auto found = which.stopped_in == &p_ ? stopped_.find(which.ticket) : stopped_.end();
  return found == stopped_.end() ? nullptr : found->second.lane;
}

template <class Core>
void joint_lanes<Core>::explain(seen_key& seen) noexcept {
  const bool was_of_other = seen.is_of_other;
  explain_here(seen);
  if (seen.is_of_other && !was_of_other)
    explain_here(seen); // perhaps the other key is here, too
}

template <class Core>
void joint_lanes<Core>::explain_here(seen_key& seen) noexcept {
  explanation its;
  if (seen.joint.stopped_in != nullptr) {
    const auto* const lane = stopped_lane(seen.joint);
    if (lane == nullptr)
      return;
    auto& why = seen.is_of_other ? its : seen.why;
    const auto depth = why.depth;
    (void)explain_lane<lane_type>(lane, false, why);
    why.depth = depth;
    if (seen.is_of_other)
      seen.why.other_state = its.state;
    seen.joint = {};
    return;
  }
  const auto* const at = find(seen.joint, seen.saw_all);
  if (at == nullptr)
    return;
  seen.joint = {};
  if (seen.is_of_other) { // it waits as well
    seen.why.other_state = key_state::joint;
    return;
  }
  seen.why.state = key_state::joint;
  try {
    auto [hash, label] = called(core_, at->lane != nullptr ? at->lane->key() : at->key);
    seen.why.other = label.empty() ? hash_label(hash) : std::move(label);
  } catch (...) { // no memory: it has no name. NOLINT(bugprone-empty-catch)
  }
  its.state = key_state::in_ring;
  const auto* const out =
      at->lane == nullptr ? nullptr : explain_lane<lane_type>(at->lane, false, its);
  const bool is_joint = out != nullptr && out->is_joint();
  if (out != nullptr)
    explain_worker(core_, is_joint ? static_cast<const void*>(out->below) : out, its);
  seen.why.other_state = its.state;
  if (is_joint && !its.worker)
    seen.ask_of_other(name_of(*out));
}

} // namespace convoy::detail
