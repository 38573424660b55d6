#pragma once

#include <cassert>

namespace convoy::detail {

/// What must hold inside the library. Looked at in builds without NDEBUG, and by models.
inline void expect([[maybe_unused]] bool holds, [[maybe_unused]] const char* what) noexcept {
  assert(holds && what);
}

} // namespace convoy::detail
