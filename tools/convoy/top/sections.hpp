#pragma once

// What there is to say of a processor, in lines. Texts are safe for a terminal.

#include "top/table.hpp"

#include <convoy/snapshot.hpp>
#include <cstddef>
#include <string>
#include <vector>

namespace convoy::tool {

[[nodiscard]] std::string processor_name(const snapshot&);

/// A row for each processor.
[[nodiscard]] table processors_table(std::size_t width);
[[nodiscard]] screen_line processor_row(const table&, const snapshot&, look);

/// Where the time of its messages went: a bar, and what its parts are.
[[nodiscard]] std::vector<screen_line> wait_of(const snapshot&, std::size_t width);
/// Its keys by state.
[[nodiscard]] std::vector<screen_line> states_of(const snapshot&, std::size_t width);
[[nodiscard]] std::vector<screen_line> times_of(const snapshot&, std::size_t width);

/// A row for each of at most so many sources, those with the most lag; nothing if there are none.
[[nodiscard]] std::vector<screen_line> sources_of(const snapshot&, std::size_t width,
                                                  std::size_t most);

/// A row for each key of a list; `scale` is what a full bar stands for.
[[nodiscard]] double scale_of(const std::vector<key_share>&); ///< the least that all shares fit
[[nodiscard]] table keys_table(const std::vector<key_share>&, std::size_t width);
[[nodiscard]] screen_line key_row(const table&, const key_share&, double scale, bool is_selected);

} // namespace convoy::tool
