#include "utf8.hpp"

#include <convoy/detail/sinks/json.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace convoy::detail {

bool is_control(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (byte(0) < 0x20 || byte(0) == 0x7f)
    return true;
  if (byte(0) == 0xc2) // U+0080 to 009F move the cursor of some terminals
    return byte(1) < 0xa0;
  if (byte(0) == 0xd8)
    return byte(1) == 0x9c; // U+061C
  if (byte(0) != 0xe2)
    return false;
  return byte(1) == 0x80
             ? byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xaa && byte(2) <= 0xae)
             : byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
}

std::string one_line(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t last = 0; // where the last character begins
  for (std::size_t characters = 0; !text.empty(); ++characters) {
    if (characters == most)
      return out.replace(last, std::string::npos, "…");
    last = out.size();
    const auto length = utf8_length(text);
    if (length == 0 || is_control(text.substr(0, length)))
      out += "\xef\xbf\xbd";
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

} // namespace convoy::detail
