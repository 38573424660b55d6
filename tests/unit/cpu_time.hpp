#pragma once

#include <chrono>
#include <ctime>

/// CPU time used so far, by the calling thread or by the whole process.
inline std::chrono::nanoseconds cpu_time(clockid_t whose) {
  timespec now{};
  clock_gettime(whose, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}
