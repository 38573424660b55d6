#pragma once

#include <chrono>
#include <ctime>

/// CPU time used so far, by the calling thread or by the whole process.
inline std::chrono::nanoseconds cpu_time(clockid_t whose) {
  timespec now{};
  clock_gettime(whose, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// Sanitizers bring threads and an allocator of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONVOY_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONVOY_TEST_SANITIZED 1
#endif
#endif
