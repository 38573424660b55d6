#pragma once

// In front of the library's header of this name: a model fails, and tells by what steps.

#include "checker.hpp"

namespace convoy::detail {

inline void expect(bool holds, const char* what) {
  model::check(holds, what);
}

} // namespace convoy::detail
