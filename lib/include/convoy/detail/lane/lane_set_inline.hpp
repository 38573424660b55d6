#pragma once

// Lanes that the drainer runs itself: with a message straight from the ring, or lined up.

#include "convoy/detail/lane/lane_set.hpp"

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace convoy::detail {

template <class Core>
auto lane_set<Core>::append_inline(Key&& key, std::uint32_t hash, Message&& message,
                                   std::uint64_t ticket) noexcept -> lane_type* {
  auto* lane = table_.size() == 0 ? nullptr : table_.find(key, hash);
  if (lane == nullptr) {
    lane = pool_.make_lane(home_, std::move(key), hash);
    if (lane == nullptr)
      return nullptr;
    table_.insert(*lane);
  } else if (!lane->is(lane_state::resting)) {
    return nullptr;
  }
  lane->first.number = static_cast<std::uint32_t>(ticket);
  (void)pool_.append(*lane, std::move(message), arrivals_.of(ticket)); // it is empty: there is room
  lane->handed = 1;
  lane->become(lane_state::out);
  return inline_ = lane;
}

template <class Core>
void lane_set<Core>::leave_cell(lane_type& lane, Message& message, std::uint32_t hash,
                                std::uint64_t ticket) noexcept {
  lane.take_message_home(message);
  (void)lane.take_key_home();
  lane.hash = hash;
  lane.since = arrivals_.of(ticket);
  lane.become(lane_state::out);
  reserve_ = nullptr;
}

template <class Core>
auto lane_set<Core>::next_lined_up() noexcept -> lane_type* {
  auto* const lane = static_cast<lane_type*>(lined_up_.pop());
  if constexpr (shares)
    return inline_ = next_shared_inline(*lane);
  lane->become(lane_state::out);
  lane->handed += std::exchange(lane->staged, 0); // inline handlers don't linger
  return inline_ = lane;
}

template <class Core>
std::uint32_t lane_set<Core>::finish_inline(lane_type& lane, std::uint64_t consumed) noexcept {
  inline_ = nullptr;
  if (lane.hold != nullptr) [[unlikely]]
    add_to_table(lane);
  if (lane.unsettled != 0)
    return settle(lane, consumed);
  lane.finished = 0;
  lane.become(lane_state::resting);
  if constexpr (std::is_void_v<State>) {
    pool_.rewind(lane);
    pool_.free_lane(lane);
  } else {
    free_if_idle(lane);
  }
  return 1;
}

template <class Core>
void lane_set<Core>::adopt(lane_type& lane, std::uint64_t ticket) noexcept {
  inline_ = nullptr;
  if (is_reserve(lane)) {
    reserve_ = nullptr;
    lane.since = arrivals_.of(ticket); // not later: what came behind it would be as young
    lane.become(lane_state::out);
  }
  add_to_table(lane);
}

/// A lane that was run straight from the ring becomes one like the others, if it is not one already.
template <class Core>
void lane_set<Core>::add_to_table(lane_type& lane) noexcept {
  if (lane.unsettled != 0)
    return;
  unfinished.count(lane);
  if constexpr (std::is_void_v<State>)
    table_.insert(lane);
}

} // namespace convoy::detail
