#pragma once

#include <chrono>

namespace convoy::detail {

[[nodiscard]] inline double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

} // namespace convoy::detail
