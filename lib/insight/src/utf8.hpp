#pragma once

#include <string>
#include <string_view>

namespace convoy::detail {

/// What is no UTF-8 is U+FFFD, byte by byte.
[[nodiscard]] std::string valid_utf8(std::string_view text);

} // namespace convoy::detail
