#pragma once

namespace convoy::detail {

/// Looks at a thread that should be done in nanoseconds, before it is taken to be preempted.
inline constexpr unsigned patience = 16;

/// Tells the core that we spin.
inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

} // namespace convoy::detail
