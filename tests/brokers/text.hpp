// What the two programs beside it write: fields between tabs, of any bytes.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace brokers {

// A field that is not there: a null key, a null value. Percent-encoding never writes a backslash.
inline constexpr std::string_view absent = "\\N";

// As URLs have it: whatever is no letter, digit, '-', '.', '_' or '~' becomes %XX.
inline std::string encoded(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain =
      "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text;
  for (const char c : bytes) {
    if (plain.find(c) != std::string_view::npos) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += '%';
      text += digits[byte / 16U];
      text += digits[byte % 16U];
    }
  }
  return text;
}

inline std::string encoded(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string{absent} : encoded({static_cast<const char*>(bytes), size});
}

inline std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::runtime_error{"'" + std::string{text} + "' is no number"};
  }
  return value;
}

// NAME=VALUE arguments. What is asked for with `take` and is not there has its default; `end` refuses what nobody asked for.
class arguments {
public:
  void add(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) {
      throw std::runtime_error{"'" + std::string{text} + "' is not NAME=VALUE"};
    }
    values_.insert_or_assign(std::string{text.substr(0, equals)},
                             std::string{text.substr(equals + 1)});
  }

  std::int64_t take(const std::string& name, std::int64_t otherwise) {
    const auto found = values_.extract(name);
    return found ? number(found.mapped()) : otherwise;
  }

  void end() const {
    if (!values_.empty()) {
      throw std::runtime_error{"no option is called '" + values_.begin()->first + "'"};
    }
  }

  const std::map<std::string, std::string>& all() const { return values_; }

private:
  std::map<std::string, std::string> values_;
};

} // namespace brokers
