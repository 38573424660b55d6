#pragma once

// Why a key of a partition does not move.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/lane/hold.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/explanation.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace convoy::detail {

/// In the drainer's role. Of a lane that is out it does not know who has it: that one.
template <class Lanes, class Key>
[[gnu::cold]] [[nodiscard]] const typename Lanes::lane_type*
explain_lane(const Lanes& lanes, const Key& key, std::uint32_t hash, explanation& why) noexcept {
  const auto* const lane = lanes.find(key, hash);
  if (lane == nullptr || lane->is(lane_state::resting))
    return nullptr;
  why.depth = lane->unsettled;
  const auto waited = std::int64_t{coarse(clock::now()) - lane->since} << tuning::coarse_time_bits;
  if (!lane->is(lane_state::held)) {
    why.state = key_state::ready;
    if (!lane->is(lane_state::lined_up)) { // before that it is another time
      why.since = clock::now() - std::chrono::nanoseconds(waited);
      return lane;
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
  }
  if (t != nullptr && t->attempts != 0) {
    why.attempts = t->attempts;
    why.since = t->first_failed;
    why.error = t->last_error;
  }
  return nullptr;
}

/// In the drainer's role.
template <class Core>
[[gnu::cold]] [[nodiscard]] explanation explain(Core& core, partition<Core>& p,
                                                const typename Core::key_type& key,
                                                std::uint32_t hash) noexcept {
  explanation why;
  why.in_ring = p.ring.tickets() - p.ring.consumed();
  const auto* const out = explain_lane(p.lanes(), key, hash, why);
  if (why.state == key_state::idle && why.in_ring != 0)
    why.state = key_state::in_ring;
  if (out == nullptr || core.insight == nullptr)
    return why;
  clock::time_point begun{};
  why.worker = core.insight->worker_with(out, begun);
  if (why.worker) {
    why.state = key_state::running;
    why.since = begun == clock::time_point{} ? std::nullopt : std::optional(begun);
  }
  return why;
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

template <class Core>
class explain_request final : public request<partition<Core>> {
  using Key = typename Core::key_type;

public:
  explain_request(Core& core, const Key& its_key, std::uint32_t its_hash)
      : request<partition<Core>>(turn::at_once), core_(core), key_(its_key), hash_(its_hash) {}

  [[nodiscard]] bool serve(partition<Core>& p) noexcept override {
    result->give(explain(core_, p, key_, hash_));
    callback::make_ready(std::move(then));
    return true;
  }

  std::shared_ptr<pending_explanation> result = std::make_shared<pending_explanation>();
  std::unique_ptr<callback> then = nullptr;

private:
  Core& core_;
  const Key key_;
  const std::uint32_t hash_;
};

} // namespace convoy::detail
