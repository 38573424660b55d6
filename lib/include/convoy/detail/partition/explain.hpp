#pragma once

// Why a key of a partition does not move.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/insight/forecasting.hpp"
#include "convoy/detail/insight/timed_run.hpp"
#include "convoy/detail/lane/hold.hpp"
#include "convoy/detail/lane/joint_message.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/explanation.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace convoy::detail {

/// In the drainer's role. Of a lane that is out it does not know who has it: that one.
template <class Lane>
[[gnu::cold]] [[nodiscard]] const Lane* explain_lane(const Lane* lane, bool suspends,
                                                     explanation& why) noexcept {
  if (lane == nullptr || lane->is(lane_state::resting))
    return nullptr;
  why.depth = lane->unsettled;
  const auto now = clock::now();
  if (!lane->is(lane_state::held)) {
    why.state =
        suspends && lane->is(lane_state::suspended) ? key_state::suspended : key_state::ready;
    if (!lane->is(lane_state::lined_up)) { // before that it is another time
      why.since = now - duration_of(coarse(now) - lane->since);
      return why.state == key_state::suspended ? nullptr : lane;
    }
    return nullptr;
  }
  const auto* const t = lane->hold;
  switch (reason_of(t == nullptr ? stop::none : t->held_for)) {
  case hold_reason::retry:
    why.state = key_state::retry;
    why.until = t->due;
    break;
  case hold_reason::parked:
    why.state = key_state::parked;
    break;
  case hold_reason::paused:
    why.state = key_state::paused;
    break;
  case hold_reason::lingering:
    why.state = key_state::lingering;
    why.until = t->due;
    break;
  case hold_reason::fail_rest:
    why.state = key_state::fail_rest;
    break;
  case hold_reason::no_place:
    why.state = key_state::no_place;
    break;
  case hold_reason::suspended: // it is not held
    break;
  }
  if (t != nullptr && t->attempts != 0) {
    why.attempts = t->attempts;
    why.since = t->first_failed;
    why.error = t->last_error;
    why.reason = t->last.reason();
  }
  return nullptr;
}

/// Of a lane with siblings: the first that is out, else nothing.
template <class Lane>
[[gnu::cold]] [[nodiscard]] const Lane* explain_siblings(const Lane& main,
                                                         explanation& why) noexcept {
  const Lane* out = nullptr;
  for_each_sibling(main, [&](const Lane& each) {
    if (out == nullptr && each.is(lane_state::out))
      out = &each;
  });
  (void)explain_lane(out != nullptr ? out : main.first_sibling, false, why);
  if (why.state == key_state::idle)
    why.state = key_state::ready; // its turn comes
  if (out == nullptr && main.paused)
    why.state = key_state::paused;
  why.depth = main.unsettled;
  why.shared = main.siblings;
  return out;
}

/// `what` is out: a lane, or a joint message.
template <class Core>
[[gnu::cold]] void explain_worker(Core& core, const void* what, explanation& why) noexcept {
  if (core.insight == nullptr)
    return;
  clock::time_point begun{};
  why.worker = core.insight->worker_with(what, begun);
  if (!why.worker)
    return;
  why.state = key_state::running;
  why.since = begun == clock::time_point{} ? std::nullopt : std::optional(begun);
}

/// In the drainer's role; null: the key has no lane.
template <class Core>
[[gnu::cold]] [[nodiscard]] seen_key explain(Core& core, partition<Core>& p,
                                             const typename Core::lane_type* lane) noexcept {
  seen_key seen;
  auto& why = seen.why;
  why.in_ring = p.ring.tickets() - p.ring.consumed();
  const auto* out = static_cast<const typename Core::lane_type*>(nullptr);
  if constexpr (Core::lane_type::shares)
    if (lane != nullptr && lane->has_siblings())
      out = explain_siblings(*lane, why);
  if (why.shared == 0)
    out = explain_lane(lane, core.suspends(), why);
  if (why.state == key_state::idle && why.in_ring != 0)
    why.state = key_state::in_ring;
  if (out == nullptr)
    return seen;
  if (const auto* const joints = p.lanes().joints; joints != nullptr && out->is_joint()) {
    seen.joint = joints->name_of(*out);
    explain_worker(core, seen.joint.message, why);
    if (why.worker)
      seen.joint = {};
    return seen;
  }
  explain_worker(core, out, why);
  if constexpr (Core::lane_type::shares)
    for (; !why.worker && why.shared != 0 && out->next != nullptr; out = out->next)
      explain_worker(core, out->next, why); // a lane that is not out has none
  return seen;
}
/// Likewise in another partition, or in the same one.
template <class Core>
[[gnu::cold]] void explain_further(partition<Core>& p, seen_key& seen) noexcept {
  ++seen.asked;
  auto* joints = p.lanes().joints;
  if (joints == nullptr) { // its first place may be in the ring
    if (const std::unique_lock lock(p.joints.lock, std::try_to_lock); lock)
      joints = p.joints.work.get();
    else
      seen.saw_all = false;
  }
  if (joints != nullptr)
    joints->explain(seen);
}

template <class Core>
bool partition<Core>::try_in_role(function_ref<void()> function) noexcept {
  if (!role_.take())
    return false;
  function();
  if (!leave()) { // something came meanwhile: it is a pump's
    tell_passed_on(static_cast<ready_item*>(this));
    core_.scheduler.make_ready(*this);
  }
  return true;
}

/// The few items with the largest numbers.
template <class Number, class Item>
class largest {
public:
  void add(Number number, Item item) {
    if (items_.size() == survey::most) {
      if (number <= items_.front().first)
        return;
      std::ranges::pop_heap(items_, after);
      items_.pop_back();
    }
    items_.emplace_back(number, item);
    std::ranges::push_heap(items_, after);
  }
  [[nodiscard]] const auto& items() const noexcept { return items_; }

private:
  static constexpr auto after = [](const auto& a, const auto& b) { return a.first > b.first; };
  std::vector<std::pair<Number, Item>> items_;
};

template <class Core>
void partition<Core>::look_at_lanes(bool drains) noexcept try {
  const auto now = clock::now();
  if (lanes_.size() > tuning::most_surveyed_lanes)
    return levels->note_survey(now, {});
  const auto coarse_now = coarse(now);
  survey seen;
  const auto age_of = [&](coarse_time came) {
    return duration_of(is_before(came, coarse_now) ? coarse_now - came : 0);
  };
  if (drains && ring.tickets() != ring.consumed())
    seen.oldest = now - age_of(lanes_.came(ring.consumed()));
  largest<std::uint32_t, const lane_type*> deepest;
  largest<std::chrono::nanoseconds, const lane_type*> held, behind_joint;
  const auto look = [&](const lane_type& lane) {
    if (lane.unsettled == 0)
      return;
    if constexpr (lane_type::shares)
      for_each_sibling(lane, [&](const lane_type& each) {
        const auto its = age_of(each.since);
        seen.oldest = std::min<clock::time_point>(seen.oldest, now - its);
        if (each.is(lane_state::held))
          held.add(its, &each);
      });
    const bool is_held = lane.is(lane_state::held);
    if (core_.suspends() && lane.is(lane_state::suspended))
      held.add(age_of(lane.since), &lane);
    std::chrono::nanoseconds age = age_of(is_held ? lane.first_came() : lane.since);
    if (is_held) {
      if (lane.hold != nullptr && lane.hold->held_since != clock::time_point{}) // for nine hours
        age = std::max<std::chrono::nanoseconds>(age, now - lane.hold->held_since);
      held.add(age, &lane);
    }
    seen.oldest = std::min<clock::time_point>(seen.oldest, now - age);
    if (lane.home != static_cast<const runner*>(this))
      return; // its message is counted in lanes of its keys
    if (lanes_.joints != nullptr && lane.is_joint() && lane.unsettled > 1)
      behind_joint.add(std::min<std::chrono::nanoseconds>(age, now - levels->surveyed()) *
                           (lane.unsettled - 1),
                       &lane);
    std::uint32_t runs = lane.is(lane_state::out) ? 1 : 0; // or is about to
    if constexpr (lane_type::shares)
      runs += lane.siblings_out;
    deepest.add(lane.unsettled - runs, &lane);
  };
  lanes_.for_each(look);
  if (lanes_.joints != nullptr)
    lanes_.joints->for_each_stopped(look);
  for (const auto& [messages, lane] : deepest.items())
    seen.deepest.push_back({core_.scattered_hash_or(lane->key(), 0), messages});
  for (const auto& [waited, lane] : behind_joint.items()) {
    clock::time_point begun{};
    if (core_.insight->worker_with(lane->below, begun)) // that is timed
      continue;
    auto [hash, label] = called(core_, lane->key());
    core_.insight->any_samples().note_wait(hash, waited, std::move(label));
  }
  for (const auto& [age, lane] : held.items()) {
    auto [hash, label] = called(core_, lane->key());
    const bool suspended = core_.suspends() && lane->is(lane_state::suspended);
    auto* const t = suspended ? suspension_of(*lane).kept : lane->hold;
    const bool knows_since = t != nullptr && t->held_since != clock::time_point{};
    if (knows_since && lane->unsettled > 1) { // others of it have waited
      const auto waited = (now - std::exchange(t->counted_until, now)) * (lane->unsettled - 1);
      core_.insight->any_samples().note_wait(hash, waited, std::string(label));
    }
    const auto why = t == nullptr || suspended ? stop::none : t->held_for;
    const bool is_timed = why == stop::retry || why == stop::linger;
    seen.held.push_back({.hash = hash,
                         .label = std::move(label),
                         .why = suspended ? hold_reason::suspended : reason_of(why),
                         .since = knows_since ? t->held_since : now - age,
                         .until = is_timed ? t->due : clock::time_point::max(),
                         .messages = lane->unsettled,
                         .attempts = t == nullptr ? 0 : t->attempts});
  }
  levels->note_survey(now, std::move(seen));
} catch (...) { // no memory: as it was. NOLINT(bugprone-empty-catch)
}

template <class Core>
void partition<Core>::note_levels(clock::time_point now) noexcept {
  levels->note(now, ring.tickets() - ring.consumed(), lanes_.unfinished.unfinished(),
               lanes_.unfinished.keys() + lanes_.beside, lanes_.held.get(),
               lanes_.joints == nullptr ? joint_keys() : lanes_.joints->keys());
  if (levels->must_survey(now, true))
    look_at_lanes(true);
}

/// Finds the lane of a key, in the drainer's role. Null: it has none.
template <class Core>
class key_finder {
  using Key = typename Core::key_type;

public:
  key_finder(Core& core, const Key& key) : hash_(core.hash(key)), key_(key) {}
  /// Of a key of which only the scattered hash is known. Looks at all lanes.
  explicit key_finder(std::uint64_t scattered) : hash_(fold(scattered)), scattered_(scattered) {}

  /// Chooses the partition.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

  [[nodiscard]] const typename Core::lane_type* operator()(Core& core,
                                                           partition<Core>& p) const noexcept {
    const auto short_hash = static_cast<std::uint32_t>(hash_);
    if (key_)
      return p.lanes().find(*key_, short_hash);
    const typename Core::lane_type* found = nullptr;
    p.lanes().for_each([&](const typename Core::lane_type& lane) {
      if (lane.hash == short_hash && core.scattered_hash_or(lane.key(), ~scattered_) == scattered_)
        found = &lane;
    });
    return found;
  }

private:
  std::uint64_t hash_;
  std::optional<Key> key_ = std::nullopt;
  std::uint64_t scattered_ = 0;
};

/// Until somebody resumes it.
[[nodiscard]] inline bool stands_still(const lane_base& lane) noexcept {
  if (!lane.is(lane_state::held))
    return false;
  const auto why = lane.hold == nullptr ? stop::none : lane.hold->held_for;
  return why == stop::park || why == stop::none;
}

/// In the drainer's role: what is unfinished, by key, but for those that stand still. False: out of
/// memory.
template <class Core>
[[gnu::cold]] bool list_backlog(Core& core, partition<Core>& p, known_backlog& into) noexcept {
  try {
    p.lanes().for_each([&](const typename Core::lane_type& lane) {
      if (lane.unsettled != 0 && !stands_still(lane))
        into.keys.push_back({core.scattered_hash_or(lane.key(), 0), lane.unsettled});
    });
    into.of_any_keys += p.ring.tickets() - p.ring.consumed();
  } catch (...) {
    return false;
  }
  return true;
}

} // namespace convoy::detail
