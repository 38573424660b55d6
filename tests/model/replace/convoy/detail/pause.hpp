#pragma once

// The model's: nobody is patient, so that what patience makes rare is not.

namespace convoy::detail {

inline constexpr unsigned patience = 1;

inline void pause() noexcept {}

} // namespace convoy::detail
