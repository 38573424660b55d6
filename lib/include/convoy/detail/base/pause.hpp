#pragma once

#include "convoy/detail/base/tuning.hpp"

namespace convoy::detail {

/// Tells the core that we spin.
inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

/// Some tens of nanoseconds.
inline void pause_a_little() noexcept {
  for (unsigned i = 0; i < tuning::pauses_in_a_little; ++i)
    pause();
}

} // namespace convoy::detail
