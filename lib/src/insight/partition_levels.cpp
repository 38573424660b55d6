#include "convoy/detail/insight/partition_levels.hpp"

#include "convoy/detail/insight/insight.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace convoy::detail {

/// Nobody that is held runs, or waits for a worker.
void operator+=(level& a, const level& b) noexcept {
  a.in_ring += b.in_ring;
  a.in_lanes += b.in_lanes;
  a.keys += b.keys;
  a.held.backoff += b.held.backoff;
  a.held.parked += b.held.parked;
  a.held.paused += b.held.paused;
  a.held.lingering += b.held.lingering;
  a.held.suspended += b.held.suspended;
  a.joint.waiting += b.joint.waiting;
  a.joint.beside += b.joint.beside;
}

std::size_t count_held(const lane_counts& c) noexcept {
  return c.backoff + c.parked + c.paused + c.lingering + c.suspended;
}

void partition_levels::integrate(clock::time_point now) noexcept {
  if (at_ != clock::time_point{} && now > at_) {
    const auto time = in_ns(now - at_);
    const auto held = count_held(level_.held);
    const auto joint = static_cast<double>(level_.joint.waiting); // others are before it
    sums_.in_ring += time * static_cast<double>(level_.in_ring);
    sums_.own_key +=
        time *
        (static_cast<double>(level_.in_lanes - std::min(level_.keys, level_.in_lanes)) + joint);
    sums_.heads += time * (static_cast<double>(level_.keys) - static_cast<double>(held) - joint -
                           static_cast<double>(level_.joint.beside)); // see joint_keys
    sums_.held += time * static_cast<double>(held);
  }
  at_ = std::max(now, at_);
}

void partition_levels::count_wait(clock::duration time, std::uint64_t messages) noexcept {
  const std::lock_guard lock(mutex_);
  // The first has waited so long, and the others half of it.
  sums_.in_ring += in_ns(time) * (static_cast<double>(messages) + 1) / 2;
}

level partition_levels::take(clock::time_point now, level_sums& sums) noexcept {
  const std::lock_guard lock(mutex_);
  integrate(now);
  sums.in_ring += sums_.in_ring;
  sums.own_key += sums_.own_key;
  sums.heads += sums_.heads;
  sums.held += sums_.held;
  sums_ = {};
  return level_;
}

} // namespace convoy::detail
