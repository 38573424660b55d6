#pragma once

// The whole lines of a file, and where they stand.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace convoy::detail {

/// Reads one line after the other, with memory for the longest. What is behind the last '\n' is no
/// line: somebody is writing it, or was killed while he did. Errors are std::system_error.
class line_reader {
public:
  explicit line_reader(std::string path);

  /// Of a descriptor, which stays open, whole and the caller's; its position moves.
  line_reader(int descriptor, std::string path);

  line_reader(const line_reader&) = delete;
  line_reader& operator=(const line_reader&) = delete;
  ~line_reader();

  /// False: there are no more.
  [[nodiscard]] bool next();

  /// Of the line that next() has found: without '\n', and only until next() is called again.
  [[nodiscard]] std::string_view line() const noexcept {
    return std::string_view(buffer_).substr(begin_, size_);
  }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; } // from 1
  [[nodiscard]] std::uint64_t offset() const noexcept {
    return buffer_at_ + begin_;
  } // of its start

  /// Bytes behind the last line, once next() has returned false.
  [[nodiscard]] std::size_t torn() const noexcept { return torn_; }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  bool read_more();

  const std::string path_;
  const int descriptor_;
  const bool is_ours_;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;      // in the file
  std::size_t begin_ = 0, size_ = 0; // of the line, in the buffer
  std::size_t next_ = 0;             // where the next one begins
  std::uint64_t number_ = 0;
  std::size_t torn_ = 0;
};

} // namespace convoy::detail
