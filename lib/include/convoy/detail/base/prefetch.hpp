#pragma once

namespace convoy::detail {

/// Asks for the cache line of `at`, to write it. Never faults.
inline void prefetch_for_writing(const void* at) noexcept {
#if defined(__x86_64__)
  // The builtin only reads unless the compiler may assume the instruction, and then each write
  // still waits until the other core has given the line up. Processors without it do nothing.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

/// Likewise, to read it.
inline void prefetch_for_reading(const void* at) noexcept {
  __builtin_prefetch(at, 0);
}

} // namespace convoy::detail
