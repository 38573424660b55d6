#include "top/table.hpp"

#include "text/cells.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

namespace convoy::tool {
namespace {

constexpr std::size_t gap = 1; // between columns

std::string digits(double value, int after, const char* unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f%s", after, value, unit);
  return text;
}

} // namespace

screen_line clipped(screen_line line, std::size_t width) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const std::size_t cells = cells_of(line[i].text);
    if (used + cells > width) {
      line[i].text = cut_text(line[i].text, width - used);
      line.resize(i + 1);
      break;
    }
    used += cells;
  }
  return line;
}

std::vector<screen_line> flow(const std::vector<span>& words, std::size_t width,
                              std::size_t indent) {
  std::vector<screen_line> lines(1);
  std::size_t used = 0;
  for (const span& word : words) {
    const std::size_t cells = cells_of(word.text);
    if (used != 0 && used + 1 + cells > width) {
      lines.push_back({{std::string(std::min(indent, width), ' ')}});
      used = std::min(indent, width);
    } else if (used != 0) {
      lines.back().push_back({" "});
      ++used;
    }
    lines.back().push_back({cut_text(word.text, width - std::min(used, width)), word.how});
    used = std::min(width, used + cells);
  }
  return lines;
}

table::table(std::vector<column> columns, std::size_t width) : columns_{std::move(columns)} {
  std::size_t used = 0;
  for (const column& c : columns_)
    used += c.cells + gap;
  used -= std::min(used, gap);
  while (used > width) {
    const auto least = std::ranges::max_element(
        columns_, {}, [](const column& c) { return c.cells == 0 ? -1 : c.rank; });
    if (least->cells == 0 || least->rank == 0)
      break; // what is left is cut
    used -= least->cells + gap;
    least->cells = 0;
  }
  for (column& c : columns_)
    if (c.cells != 0 && c.most > c.cells && used < width) {
      const std::size_t more = std::min(c.most - c.cells, width - used);
      c.cells += more;
      used += more;
    }
}

screen_line table::head() const {
  std::vector<span> cells;
  for (const column& c : columns_)
    cells.push_back({c.head, look::head});
  return row(std::move(cells));
}

screen_line table::row(std::vector<span> cells) const {
  screen_line line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const column& c = columns_[i];
    if (c.cells == 0)
      continue;
    const look how = cells[i].how;
    if (!line.empty()) {
      const bool all_one = line.back().how == how && (how == look::head || how == look::selected);
      line.push_back({" ", all_one ? how : look::plain});
    }
    line.push_back(
        {c.to_left ? left_text(cells[i].text, c.cells) : right_text(cells[i].text, c.cells), how});
  }
  return line;
}

std::string short_count(double value) {
  if (!(value > 0))
    return "0";
  if (value < 9.95)
    return digits(value, std::abs(value - std::round(value)) < 0.05 ? 0 : 1, "");
  if (value < 9'999.5)
    return count_text(static_cast<std::uint64_t>(std::llround(value)));
  const char* unit = "k";
  double scaled = value / 1e3;
  for (const char* next : {"M", "G", "T"})
    if (scaled >= 999.5) {
      scaled /= 1e3;
      unit = next;
    }
  return scaled < 9'999.5 ? digits(scaled,
                                   scaled < 9.995   ? 2
                                   : scaled < 99.95 ? 1
                                                    : 0,
                                   unit)
                          : "many";
}

std::string short_span(double seconds) {
  if (!(seconds > 0))
    return "–";
  if (seconds < 9'999.5)
    return duration_text(seconds * 1e6);
  const double hours = seconds / 3'600;
  if (hours < 99.95)
    return digits(hours, 1, " h");
  return hours < 24 * 9'999.0 ? digits(hours / 24, 0, " d") : "ages";
}

std::string short_share(double share) {
  return share >= 0.9995 ? digits(share * 100, 0, " %") : percent_text(share);
}

} // namespace convoy::tool
