#include "text/format.hpp"

#include "text/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>

namespace convoy::tool {
namespace {

/// Marks that turn the direction of the text behind them: U+200E, 200F, 202A … 202E, 2066 … 2069.
bool turns_direction(std::string_view point) {
  if (!point.starts_with('\xE2') || point.size() != 3)
    return false;
  const auto last = static_cast<unsigned char>(point[2]);
  if (point[1] == '\x80')
    return last == 0x8E || last == 0x8F || (last >= 0xAA && last <= 0xAE);
  return point[1] == '\x81' && last >= 0xA6 && last <= 0xA9;
}

/// Not to be shown: an empty `point` is no code point at all.
bool is_control(std::string_view point) {
  if (point.empty() || turns_direction(point))
    return true;
  const auto lead = static_cast<unsigned char>(point[0]);
  return lead < 0x20 || lead == 0x7F ||
         (lead == 0xC2 && static_cast<unsigned char>(point[1]) < 0xA0);
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_code_point));
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

} // namespace

std::string count_text(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3;)
    text.insert(at -= 3, 1, ',');
  return text;
}

std::string plural(std::uint64_t n, std::string_view noun) {
  return count_text(n) + ' ' + std::string{noun} + (n == 1 ? "" : "s");
}

std::string percent_text(double share) {
  return fixed(share * 100, 1) + " %";
}

std::string ratio_text(double value) {
  return fixed(value, value < 10 ? 2 : 1);
}

std::string number_text(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string seconds_text(double value) {
  return fixed(value, 3);
}

std::string duration_text(double microseconds) {
  if (std::isnan(microseconds))
    return "–";
  double value = microseconds;
  std::string_view unit = " µs";
  if (value >= 999.5e3) {
    value /= 1e6;
    unit = " s";
  } else if (value >= 999.5) {
    value /= 1e3;
    unit = " ms";
  }
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fixed(value, digits).append(unit);
}

std::string long_time_text(double seconds) {
  constexpr std::uint64_t minute = 60, hour = 3600;
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole >= hour)
    return count_text(whole / hour) + " h " + std::to_string(whole % hour / minute) + " min";
  if (whole >= minute)
    return std::to_string(whole / minute) + " min " + std::to_string(whole % minute) + " s";
  return std::to_string(whole) + " s";
}

std::string terminal_text(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::string_view point = text.substr(0, code_point_bytes(text));
    shown += is_control(point) ? "?" : point;
    text.remove_prefix(std::max<std::size_t>(point.size(), 1));
  }
  return shown;
}

std::string name_text(std::string_view name, std::size_t width) {
  std::string text;
  std::size_t points = 0;
  for (const char c : terminal_text(name)) {
    if (starts_code_point(c) && ++points > width) {
      text += "…";
      break;
    }
    text += c;
  }
  return text;
}

std::string wrap(std::string_view text, std::size_t indent) {
  constexpr std::size_t columns = 120;
  std::string wrapped;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (column > indent && column + 1 + width_of(word) > columns) {
      wrapped.append("\n").append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += width_of(word);
  }
  return wrapped;
}

std::string align(const std::vector<std::vector<std::string>>& rows, last_column last) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      const bool to_the_left =
          i == 0 || (last == last_column::to_the_left && i + 1 == widths.size());
      text += "  ";
      text += to_the_left ? row[i] + padding : padding + row[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

} // namespace convoy::tool
