#pragma once

namespace convoy::test {

// Of a child, which tells by it how it fared.
inline constexpr int works = 0, is_wrong = 4;

} // namespace convoy::test
