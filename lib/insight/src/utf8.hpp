#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace convoy::detail {

/// Of a character of UTF-8, which is not empty: a control character, or one that turns the direction
/// of the text behind it, which makes people read what is not there.
[[nodiscard]] bool is_control(std::string_view character);

/// For people and parsers: what is no UTF-8 is U+FFFD, byte by byte, and so is each is_control();
/// what is longer than `most` characters, at least 1, is cut and ends with "…".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most);

} // namespace convoy::detail
