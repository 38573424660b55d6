#pragma once

// A text input, line by line.

#include "byte_source.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// Lines of text in bounded memory, without their line breaks ("\n" or "\r\n") and without a UTF-8
/// byte order mark at the front.
class line_source {
public:
  static constexpr std::size_t longest_line = 1 << 20; ///< bytes; longer ones are an error

  explicit line_source(file_handle file);

  /// The next line, valid until the call after it; empty at the end. Throws input_error where the
  /// bytes cannot be read (see byte_source), where a line is too long and where it holds a NUL.
  std::optional<std::string_view> next();

  /// Number of the line next() gave last, from 1; 0 before the first.
  [[nodiscard]] std::size_t number() const noexcept { return number_; }

private:
  byte_source bytes_;
  std::vector<char> chunk_;
  std::size_t next_ = 0; ///< chunk_[next_, end_) is not given out yet
  std::size_t end_ = 0;
  std::string line_;
  std::size_t number_ = 0;
};

} // namespace convoy::tool
