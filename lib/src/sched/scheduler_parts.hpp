#pragma once

// What a scheduler is made of: its idle word's fields, its queues and its pumps.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "sched/alarm_clock.hpp"
#include "sched/semaphore.hpp"
#include "sched/shared_queue.hpp"
#include "sched/trimmer.hpp"
#include "sched/workers.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace convoy::detail {

// The idle word's fields.
inline constexpr unsigned field_bits = 12;
inline constexpr std::uint64_t field_mask = (1u << field_bits) - 1;
inline constexpr std::uint64_t searching = 1;
inline constexpr std::uint64_t parked = searching << field_bits;
inline constexpr std::uint64_t starting = parked << field_bits;
inline constexpr std::uint64_t absent = starting << field_bits;
inline constexpr std::uint64_t sentry = absent << field_bits;

constexpr unsigned count(std::uint64_t idle, std::uint64_t field) noexcept {
  return static_cast<unsigned>((idle / field) & field_mask);
}

constexpr unsigned count_all(std::uint64_t idle) noexcept {
  return count(idle, searching) + count(idle, parked) + count(idle, starting) +
         count(idle, absent) + count(idle, sentry);
}

struct scheduler::parts {
  parts(scheduler& home, unsigned concurrency) : threads(home, alarms, concurrency) {}

  shared_queue shared;
  std::vector<std::unique_ptr<pump>> pumps;

  semaphore park;
  semaphore nap;

  detail::mutex mutex; // guards what follows
  std::vector<pump*> absent_pumps;

  trimmer trimming;

  detail::mutex recording_mutex; // of who records them
  detail::mutex insights_mutex;  // guards the next
  std::vector<insight_base*> insights;

  alarm_clock alarms;
  workers threads;
};

} // namespace convoy::detail
