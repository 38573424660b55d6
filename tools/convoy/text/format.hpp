#pragma once

// How figures look in a report: pure functions to UTF-8 text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

[[nodiscard]] std::string count_text(std::uint64_t);                    ///< 1,048,576
[[nodiscard]] std::string plural(std::uint64_t, std::string_view noun); ///< 1 key, 2 keys
[[nodiscard]] std::string percent_text(double share);                   ///< 0.0554 -> 5.5 %
[[nodiscard]] std::string ratio_text(double);                           ///< 14.1
[[nodiscard]] std::string number_text(double);  ///< as short as it can be read back: 2, 0.001
[[nodiscard]] std::string seconds_text(double); ///< 1.290
[[nodiscard]] std::string duration_text(double microseconds); ///< three digits: 12.3 ms; NaN -> –
[[nodiscard]] std::string long_time_text(double seconds);     ///< 1 h 2 min, 3 min 20 s, 45 s

/// Text of unknown origin on one line: '?' for each control character, of C0 and C1 and those that
/// turn the direction of what follows, and for each byte that is not UTF-8.
[[nodiscard]] std::string terminal_text(std::string_view);

/// A name from an input: as terminal_text, at most `width` code points.
[[nodiscard]] std::string name_text(std::string_view, std::size_t width);

/// Breaks text at spaces into lines of at most 120 columns. The first has `indent` columns already,
/// the others get them.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t indent);

/// Where the cells of the last column of a table stand.
enum class last_column { to_the_right, to_the_left };

/// Lines of cells in columns, the first to the left, the others to the right, indented by two.
[[nodiscard]] std::string align(const std::vector<std::vector<std::string>>& rows,
                                last_column = last_column::to_the_right);

} // namespace convoy::tool
