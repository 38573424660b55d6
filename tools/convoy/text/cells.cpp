#include "text/cells.hpp"

#include "text/format.hpp"
#include "text/utf8.hpp"

#include <algorithm>
#include <clocale>
#include <cstddef>
#include <cwchar>
#include <string>
#include <string_view>

namespace convoy::tool {
namespace {

/// Of UTF-8, whatever the program's locale is; without it only ASCII has a known width.
locale_t utf8_locale() {
  static const locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return made;
}

char32_t decoded(std::string_view point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(point[i]); };
  if (point.size() == 1)
    return byte(0);
  char32_t code = byte(0) & (0xFFu >> (point.size() + 1));
  for (std::size_t i = 1; i < point.size(); ++i)
    code = code << 6 | (byte(i) & 0x3Fu);
  return code;
}

/// The character that a text of UTF-8 begins with.
std::string_view first_of(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(code_point_bytes(text), 1));
}

/// 0: not to be shown.
std::size_t width_of(std::string_view point) {
  const char32_t code = decoded(point);
  if (code < 0x80)
    return 1;
  if (code == 0xAD) // a soft hyphen: terminals don't agree
    return 0;
  if (utf8_locale() == nullptr)
    return 1;
  const locale_t before = ::uselocale(utf8_locale());
  const int width = ::wcwidth(static_cast<wchar_t>(code));
  ::uselocale(before);
  return width == 1 || width == 2 ? static_cast<std::size_t>(width) : 0;
}

} // namespace

std::string cell_text(std::string_view text) {
  const std::string safe = terminal_text(text);
  std::string shown;
  for (std::string_view rest = safe; !rest.empty();) {
    const auto point = first_of(rest);
    shown += width_of(point) == 0 ? "?" : point;
    rest.remove_prefix(point.size());
  }
  return shown;
}

std::size_t cells_of(std::string_view text) {
  std::size_t cells = 0;
  while (!text.empty()) {
    const auto point = first_of(text);
    cells += width_of(point);
    text.remove_prefix(point.size());
  }
  return cells;
}

std::string cut_text(std::string_view text, std::size_t cells) {
  std::size_t used = 0, end = 0; // end: of what leaves room for the …
  for (std::size_t at = 0; at < text.size();) {
    const auto point = first_of(text.substr(at));
    used += width_of(point);
    if (used > cells)
      return cells == 0 ? "" : std::string(text.substr(0, end)) + "…";
    at += point.size();
    if (used < cells)
      end = at;
  }
  return std::string(text);
}

std::string cut_front(std::string_view text, std::size_t cells) {
  std::size_t left = cells_of(text);
  if (left <= cells)
    return std::string(text);
  if (cells == 0)
    return "";
  while (left + 1 > cells) { // 1: the …
    const auto point = first_of(text);
    left -= width_of(point);
    text.remove_prefix(point.size());
  }
  return std::string("…").append(text);
}

std::string left_text(std::string_view text, std::size_t cells) {
  std::string cut = cut_text(text, cells);
  return cut.append(cells - cells_of(cut), ' ');
}

std::string right_text(std::string_view text, std::size_t cells) {
  const std::string cut = cut_text(text, cells);
  return std::string(cells - cells_of(cut), ' ') + cut;
}

} // namespace convoy::tool
