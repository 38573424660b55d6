#pragma once

// What lines of JSON need: strings that come back as they were, times, and a strict look at a
// value.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace convoy::detail {

/// Length of the UTF-8 character that the text, which is not empty, begins with; 0 if it begins with
/// none.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

/// As a JSON string, quotes included. What is no UTF-8 becomes U+FFFD: for texts that people read.
[[nodiscard]] std::string json_string(std::string_view text);

/// As JSON from which bytes_of_json() makes the same bytes: a string, or {"hex":"00ff"} if the
/// bytes are no UTF-8.
[[nodiscard]] std::string json_of_bytes(std::string_view bytes);

/// Throws std::invalid_argument if it is neither a JSON string nor {"hex":"…"}.
[[nodiscard]] std::string bytes_of_json(std::string_view json);

/// What the error says as a JSON string; null for none.
[[nodiscard]] std::string json_error(const std::exception_ptr& error);

/// A time of the wall clock, in UTC.
using wall_time = std::chrono::sys_time<std::chrono::microseconds>;

/// Converts times of the steady clock. It has read both clocks once, so what it says of several
/// times agrees: their order and their distance are kept, even if the wall clock is set meanwhile.
class wall_clock {
public:
  wall_clock();
  [[nodiscard]] wall_time at(std::chrono::steady_clock::time_point when) const noexcept;

private:
  std::chrono::microseconds offset_;
};

/// By RFC 3339 as a JSON string: "2026-01-31T23:59:59.000250Z".
[[nodiscard]] std::string json_time(wall_time when);

/// Reads JSON by RFC 8259, and no more than that. Members throw std::invalid_argument, which says
/// what is wrong at which byte.
class json_cursor {
public:
  explicit json_cursor(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }
  [[nodiscard]] std::size_t at() const noexcept { return at_; }

  /// True: the text goes on with this, which is skipped.
  [[nodiscard]] bool skip(std::string_view expected) noexcept;
  void expect(std::string_view expected);
  void expect_end();

  /// One value, without the space around it, which is skipped. However deep it is, takes no stack.
  std::string_view value();

  /// A string, decoded. Throws for half of a surrogate pair, too.
  std::string string();

  /// A whole number without sign.
  std::uint64_t number(std::uint64_t most);

  /// As json_time() writes it.
  wall_time time();

  [[noreturn]] void fail(const std::string& what) const;

private:
  void skip_space() noexcept;
  void skip_string(std::string* decoded);
  void skip_escape(std::string* decoded);
  void skip_digits();
  void skip_number();
  [[nodiscard]] unsigned hex4();
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }

  std::string_view text_;
  std::size_t at_ = 0;
};

} // namespace convoy::detail
