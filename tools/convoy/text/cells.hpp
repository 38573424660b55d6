#pragma once

// Text in the cells of a terminal: a Chinese character takes two.

#include <cstddef>
#include <string>
#include <string_view>

namespace convoy::tool {

/// As terminal_text, and '?' for what has no width of its own: combining characters, and those that
/// turn the direction of writing.
[[nodiscard]] std::string cell_text(std::string_view);

/// How many cells cell_text() takes.
[[nodiscard]] std::size_t cells_of(std::string_view cell_text);

/// As much of a cell_text() as fits; where something is left out it ends with "…".
[[nodiscard]] std::string cut_text(std::string_view cell_text, std::size_t cells);

/// Likewise, of the end: it begins with "…".
[[nodiscard]] std::string cut_front(std::string_view cell_text, std::size_t cells);

/// Cut, and filled with spaces, to exactly so many cells.
[[nodiscard]] std::string left_text(std::string_view cell_text, std::size_t cells);
[[nodiscard]] std::string right_text(std::string_view cell_text, std::size_t cells);

} // namespace convoy::tool
