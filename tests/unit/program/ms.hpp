#pragma once

#include <cstdint>

namespace convoy::tool {

inline constexpr std::int64_t ms = 1'000'000; // in nanoseconds

} // namespace convoy::tool
