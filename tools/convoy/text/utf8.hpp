#pragma once

// Which bytes are UTF-8.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace convoy::tool {

constexpr bool starts_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

/// Length of the UTF-8 sequence that the text, which is not empty, starts with; 0 where it starts
/// with none.
constexpr std::size_t code_point_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t bytes = lead < 0x80    ? 1
                            : lead < 0xC2  ? 0 // inside a sequence, or longer than need be
                            : lead < 0xE0  ? 2
                            : lead < 0xF0  ? 3
                            : lead <= 0xF4 ? 4
                                           : 0;
  if (bytes > text.size() || (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F))
    return 0;
  for (std::size_t i = 1; i < bytes; ++i)
    if (starts_code_point(text[i]))
      return 0;
  return bytes;
}

/// Where the first byte is that belongs to no code point; text.size() where all do.
constexpr std::size_t valid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = code_point_bytes(text.substr(at));
    if (bytes == 0)
      break;
    at += bytes;
  }
  return at;
}

} // namespace convoy::tool
