#pragma once

// In front of the library's header of this name: see there, and memory::fence_light().

#include "checker.hpp"

namespace convoy::detail {

inline void fence_light() noexcept {
  model::fence_light();
}
inline void fence_heavy() noexcept {
  model::fence_heavy();
}

} // namespace convoy::detail
