#pragma once

// In front of the library's header of this name: what patience makes rare is not.

namespace convoy::detail {

inline constexpr unsigned looks_at_ticket = 1;
inline constexpr unsigned idle_naps = 1;

} // namespace convoy::detail
