#include "convoy/detail/sinks/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <stdexcept>

namespace convoy::detail {

std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  const std::size_t length = first < 0x80                     ? 1
                             : first >= 0xC2 && first <= 0xDF ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length > text.size())
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  const bool wrong = (first == 0xE0 && byte(1) < 0xA0) ||  // longer than needed
                     (first == 0xED && byte(1) >= 0xA0) || // a surrogate
                     (first == 0xF0 && byte(1) < 0x90) ||  // longer than needed
                     (first == 0xF4 && byte(1) >= 0x90);   // beyond U+10FFFF
  return wrong ? 0 : length;
}

namespace {

void append_utf8(std::string& to, unsigned point) {
  const auto byte = [&](unsigned value) { to += static_cast<char>(value); };
  const auto next = [&](unsigned shift) { byte(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | (point >> 6));
    next(0);
  } else if (point < 0x10000) {
    byte(0xE0 | (point >> 12));
    next(6);
    next(0);
  } else {
    byte(0xF0 | (point >> 18));
    next(12);
    next(6);
    next(0);
  }
}

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view hex_start = R"({"hex":")", hex_end = R"("})";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Length of what a JSON string holds as it is, without a look at UTF-8.
std::size_t plain_length(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(),
                                                   [](unsigned char c) {
                                                     return c >= 0x20 && c < 0x80 && c != '"' &&
                                                            c != '\\';
                                                   }) -
                                  text.begin());
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = std::max(plain_length(text), utf8_length(text));
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

} // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    auto length = plain_length(text);
    if (length == 0)
      length = utf8_length(text);
    if (first < 0x20) {
      std::array<char, 8> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", first);
      out += escaped.data();
    } else if (first == '"' || first == '\\') {
      (out += '\\') += text[0];
    } else if (length == 0) {
      out += "\xEF\xBF\xBD"; // U+FFFD
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out += '"';
}

std::string json_of_bytes(std::string_view bytes) {
  if (is_utf8(bytes))
    return json_string(bytes);
  std::string out(hex_start);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    (out += hex_digits[byte >> 4]) += hex_digits[byte & 15];
  }
  return out += hex_end;
}

std::string bytes_of_json(std::string_view json) {
  json_cursor cursor(json);
  std::string bytes;
  if (!cursor.skip(hex_start)) {
    bytes = cursor.string();
    cursor.expect_end();
    return bytes;
  }
  auto hex = json.substr(hex_start.size());
  if (!hex.ends_with(hex_end) || (hex.size() - hex_end.size()) % 2 != 0)
    cursor.fail(R"(not as it is written: {"hex":"00ff"})");
  hex.remove_suffix(hex_end.size());
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = hex_digits.find(hex[i]), low = hex_digits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      cursor.fail(R"(not as it is written: {"hex":"00ff"})");
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string json_error(const std::exception_ptr& error) {
  if (!error)
    return "null";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return json_string(e.what());
  } catch (...) {
    return json_string("something that is no std::exception");
  }
}

// ---- times ----

wall_clock::wall_clock()
    : offset_(std::chrono::floor<std::chrono::microseconds>(
                  std::chrono::system_clock::now().time_since_epoch()) -
              std::chrono::floor<std::chrono::microseconds>(
                  std::chrono::steady_clock::now().time_since_epoch())) {}

wall_time wall_clock::at(std::chrono::steady_clock::time_point when) const noexcept {
  return wall_time(offset_ +
                   std::chrono::floor<std::chrono::microseconds>(when.time_since_epoch()));
}

std::string json_time(wall_time when) {
  using namespace std::chrono;
  const auto day = floor<days>(when);
  const year_month_day date(day);
  const hh_mm_ss time(when - day);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "\"%04d-%02u-%02uT%02d:%02d:%02d.%06dZ\"",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

wall_time json_cursor::time() {
  using namespace std::chrono;
  constexpr std::string_view form = "\"0000-00-00T00:00:00.000000Z\"";
  const auto text = text_.substr(at_, form.size());
  const bool fits = text.size() == form.size() &&
                    std::equal(text.begin(), text.end(), form.begin(), [](char c, char wanted) {
                      return wanted == '0' ? is_digit(c) : c == wanted;
                    });
  if (!fits)
    fail("not a time like \"2026-01-31T23:59:59.000250Z\"");
  const auto part = [&](std::size_t from, std::size_t length) {
    int result = 0;
    std::from_chars(text.data() + from, text.data() + from + length, result);
    return result;
  };
  const year_month_day date(year(part(1, 4)), month(static_cast<unsigned>(part(6, 2))),
                            day(static_cast<unsigned>(part(9, 2))));
  const auto hour = part(12, 2), minute = part(15, 2), second = part(18, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59)
    fail("there is no such time");
  at_ += form.size();
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) +
         microseconds(part(21, 6));
}

// ---- json_cursor ----

void json_cursor::fail(const std::string& what) const {
  throw std::invalid_argument(what + ", at byte " + std::to_string(at_ + 1));
}

bool json_cursor::skip(std::string_view expected) noexcept {
  const bool found = text_.substr(at_).starts_with(expected);
  if (found)
    at_ += expected.size();
  return found;
}

void json_cursor::expect(std::string_view expected) {
  if (!skip(expected))
    fail("there should be " + std::string(expected));
}

void json_cursor::expect_end() {
  if (!at_end())
    fail("there is more than there should be");
}

void json_cursor::skip_space() noexcept {
  at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
}

std::string_view json_cursor::value() {
  skip_space();
  const auto begin = at_;
  auto end = at_;
  std::string open; // brackets
  const auto key_and_colon = [this] {
    skip_space();
    skip_string(nullptr);
    skip_space();
    expect(":");
  };
  do {
    skip_space();
    bool is_done = true; // this value, not those around it
    if (skip("{") || skip("[")) {
      const char bracket = text_[at_ - 1];
      skip_space();
      if (!skip(bracket == '{' ? "}" : "]")) {
        open += bracket;
        is_done = false;
        if (bracket == '{')
          key_and_colon();
      }
    } else if (peek() == '"') {
      skip_string(nullptr);
    } else if (peek() == '-' || is_digit(peek())) {
      skip_number();
    } else if (!skip("true") && !skip("false") && !skip("null")) {
      fail("not a JSON value");
    }
    end = at_;
    skip_space();
    while (is_done && !open.empty()) {
      if (skip(",")) {
        if (open.back() == '{')
          key_and_colon();
        is_done = false;
      } else {
        expect(open.back() == '{' ? "}" : "]");
        open.pop_back();
        end = at_;
        skip_space();
      }
    }
  } while (!open.empty());
  return text_.substr(begin, end - begin);
}

void json_cursor::skip_number() {
  (void)skip("-");
  if (!skip("0"))
    skip_digits();
  if (skip("."))
    skip_digits();
  if (skip("e") || skip("E")) {
    if (!skip("+"))
      (void)skip("-");
    skip_digits();
  }
}

void json_cursor::skip_digits() {
  if (!is_digit(peek()))
    fail("there should be a digit");
  while (is_digit(peek()))
    ++at_;
}

std::uint64_t json_cursor::number(std::uint64_t most) {
  const auto begin = at_;
  if (!skip("0"))
    skip_digits();
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(text_.data() + begin, text_.data() + at_, result);
  if (error != std::errc() || end != text_.data() + at_ || result > most)
    fail("too large a number before this");
  return result;
}

std::string json_cursor::string() {
  std::string decoded;
  skip_string(&decoded);
  return decoded;
}

void json_cursor::skip_string(std::string* decoded) {
  expect("\"");
  while (!skip("\"")) {
    const auto rest = text_.substr(at_);
    if (rest.empty())
      fail("a string does not end");
    if (static_cast<unsigned char>(rest[0]) < 0x20)
      fail("a control character in a string; write it as \\u00xx");
    if (skip("\\")) {
      skip_escape(decoded);
      continue;
    }
    auto length = plain_length(rest);
    if (length == 0)
      length = utf8_length(rest);
    if (length == 0)
      fail("not UTF-8");
    if (decoded != nullptr)
      *decoded += rest.substr(0, length);
    at_ += length;
  }
}

void json_cursor::skip_escape(std::string* decoded) {
  constexpr std::string_view escaped = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
  if (const auto which = escaped.find(peek()); !at_end() && which != std::string_view::npos) {
    if (decoded != nullptr)
      *decoded += meant[which];
    ++at_;
    return;
  }
  if (!skip("u"))
    fail("no such escape");
  auto point = hex4();
  if (decoded == nullptr)
    return;
  if (point >= 0xD800 && point < 0xDC00 && skip("\\u")) {
    const auto low = hex4();
    if (low < 0xDC00 || low > 0xDFFF)
      fail("half of a surrogate pair before this");
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  } else if (point >= 0xD800 && point <= 0xDFFF) {
    fail("half of a surrogate pair before this");
  }
  append_utf8(*decoded, point);
}

unsigned json_cursor::hex4() {
  const auto digits = text_.substr(at_, 4);
  unsigned result = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result, 16);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4)
    fail("\\u wants four hexadecimal digits");
  at_ += 4;
  return result;
}

} // namespace convoy::detail
