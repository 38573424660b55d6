#pragma once

// Lines of a screen, and tables that leave out what does not fit.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

enum class look {
  plain,
  title,
  head, ///< of a table
  dim,
  selected,
  warning,
  admission, ///< the parts of the wait split
  own_key,
  scheduler,
  backoff,
  service,
};

struct span {
  std::string text; ///< cell_text()
  look how = look::plain;
};
using screen_line = std::vector<span>;

/// At most so many cells.
[[nodiscard]] screen_line clipped(screen_line, std::size_t width);

/// Words, each with a look, in lines of at most `width` cells; what is longer is cut. All lines but
/// the first are indented.
[[nodiscard]] std::vector<screen_line> flow(const std::vector<span>& words, std::size_t width,
                                            std::size_t indent);

struct column {
  std::string head;
  std::size_t cells;
  int rank;             ///< those with the largest go first if there is no room
  std::size_t most = 0; ///< it may become so wide if there is; 0: it stays
  bool to_left = false;
};

/// The columns that there is room for, and how wide they become.
class table {
public:
  table(std::vector<column> columns, std::size_t width);

  [[nodiscard]] screen_line head() const;
  /// A cell for each column, also for those that are not shown.
  [[nodiscard]] screen_line row(std::vector<span> cells) const;
  [[nodiscard]] std::size_t cells(std::size_t column) const { return columns_[column].cells; }

private:
  std::vector<column> columns_; ///< with 0 cells: not shown
};

/// Numbers in few cells.
[[nodiscard]] std::string short_count(double);        ///< 0.5, 12, 9,876, 123k, 4.56M
[[nodiscard]] std::string short_span(double seconds); ///< 12.3 ms, 250 s, 2.8 h, 12 d; 0 -> –
[[nodiscard]] std::string short_share(double);        ///< 42.1 %; 100 %

} // namespace convoy::tool
