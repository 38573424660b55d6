#pragma once

// For models of lanes without a scheduler: a pump that nobody runs. They ask it what it is like, and leave lanes
// with it; what is handed out is seen by the lane's state.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <chrono>
#include <cstddef>

namespace model {

/// Its lanes are fast, so that it keeps them to itself; the scheduler is never asked. To be made outside of runs.
struct idle_pump {
  idle_pump() {
    const auto now = convoy::detail::clock::time_point() + std::chrono::hours(1);
    its.note_visit(now);
    for (int i = 0; i < 1'000; ++i)
      its.note_lane();
    its.note_visit(now + std::chrono::nanoseconds(1));
  }

  alignas(convoy::detail::scheduler) std::byte nowhere[sizeof(convoy::detail::scheduler)];
  convoy::detail::pump its{reinterpret_cast<convoy::detail::scheduler&>(nowhere), 0};
};

} // namespace model
