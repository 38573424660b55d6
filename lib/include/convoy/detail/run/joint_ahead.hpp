#pragma once

// joint_lanes, the part about places that have not left the ring: how far others are, and what is
// asked for before it is their turn.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/prefetch.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/run/joint_lanes.hpp"

#include <cstddef>
#include <cstdint>

namespace convoy::detail {

template <class Core>
bool joint_lanes<Core>::others_are_near() noexcept {
  while (ahead_first_ != ahead_last_) {
    const auto& at = ahead_[ahead_first_ % ahead_.size()];
    // relaxed: only how far it is
    if (at.home->joints.reached.load(std::memory_order_relaxed) <= at.ticket)
      break;
    ++ahead_first_;
  }
  return ahead_last_ - ahead_first_ + message_type::most_keys <= ahead_.size();
}

template <class Core>
void joint_lanes<Core>::note_others(message_type& its) noexcept {
  const partition_type* last = &p_;
  for (std::uint32_t i = 0; i < its.count(); ++i)
    if (auto& other = its.places()[i]; other.home != last && other.home != &p_) {
      ahead_[ahead_last_++ % ahead_.size()] = {other.home, other.ticket};
      last = other.home;
    }
}

/// What comes next has been written by producers, and lanes lie anywhere: it is asked for in time.
template <class Core>
void joint_lanes<Core>::ask_ahead() noexcept {
  if (const auto next = p_.ring.place_ahead(tuning::joint_prefetch); next.message != nullptr)
    for (std::size_t line = 0; line < message_type::bytes(message_type::most_pooled);
         line += cache_line)
      prefetch_for_writing(static_cast<const std::byte*>(next.message) + line);
  if (const auto* const at = ahead(tuning::joint_bucket_prefetch))
    prefetch_for_reading(lanes_.table_.look_ahead(at->hash));
  if (const auto* const at = ahead(tuning::joint_lane_prefetch))
    if (const auto* const lane = *lanes_.table_.look_ahead(at->hash))
      for (std::size_t line = 0; line < sizeof(lane_type); line += cache_line)
        prefetch_for_writing(static_cast<const std::byte*>(static_cast<const void*>(lane)) + line);
}

template <class Core>
auto joint_lanes<Core>::ahead(std::uint64_t by) noexcept -> const place_type* {
  const auto [message, number] = p_.ring.place_ahead(by);
  return message == nullptr ? nullptr : &static_cast<message_type*>(message)->places()[number];
}

} // namespace convoy::detail
