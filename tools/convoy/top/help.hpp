#pragma once

// What the keys of the keyboard do, and what the words on the screen mean.

#include "top/table.hpp"

#include <vector>

namespace convoy::tool {

[[nodiscard]] const std::vector<screen_line>& help_lines();

} // namespace convoy::tool
