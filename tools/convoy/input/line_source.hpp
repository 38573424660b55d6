#pragma once

// A text input, line by line.

#include "input/byte_source.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// Lines of text in bounded memory, without their line breaks and without a UTF-8 byte order mark at
/// the front. A line break is "\n", with any number of "\r" before it: software that writes "\r\n"
/// as "\r\r\n" is old and many.
class line_source {
public:
  static constexpr std::size_t longest_line = 1 << 20; ///< bytes; longer ones are an error

  /// Reads the first bytes. Throws unreadable where they are no text but data of a kind that is
  /// known, packed or in another encoding, and says what makes text of it.
  explicit line_source(file_handle file);

  /// The next line, valid until the call after it; empty at the end. Throws unreadable where the
  /// bytes cannot be read (see byte_source), input_error where a line is too long and where it
  /// holds a NUL; the call after that gives the line behind it.
  std::optional<std::string_view> next();

  /// How the line that next() gave last ends; empty where the file ends with it.
  [[nodiscard]] std::string_view line_break() const noexcept {
    return std::string_view(line_).substr(break_);
  }

  /// Number of the line next() gave last, from 1; 0 before the first.
  [[nodiscard]] std::size_t number() const noexcept { return number_; }

  /// A line with its line break and its number.
  struct kept_line {
    std::string text;
    std::size_t number;
  };

  /// A copy of the line next() gave last, or did not give as there is something wrong with it; what
  /// is too long is cut.
  [[nodiscard]] kept_line kept() const { return {line_, number_}; }

  /// Makes lines that next() gave the next ones again. number() is of the line before them.
  void put_back(std::vector<kept_line>&& lines);

  /// What the file holds besides its lines; see byte_source.
  [[nodiscard]] const std::string& note() const noexcept { return bytes_.note(); }

private:
  [[nodiscard]] bool read_line(); ///< into line_, with its break, or cut; false at the end

  byte_source bytes_;
  std::vector<char> chunk_;
  std::size_t next_ = 0; ///< chunk_[next_, end_) is not given out yet
  std::size_t end_ = 0;
  std::deque<kept_line> again_; ///< given out once, and put back
  std::string line_;
  std::size_t break_ = 0; ///< where in line_ its line break starts
  std::size_t number_ = 0;
  std::size_t read_ = 0;     ///< lines of the file
  bool is_too_long_ = false; ///< the rest of the line is still to be passed over
};

} // namespace convoy::tool
