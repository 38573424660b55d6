#pragma once

// A file of lines, each of them whole or not there, and what a line of JSON needs.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace convoy::detail {

/// Lines are appended in one write each. What a killed process left of its last line is cut off when
/// the file is opened. A regular file is locked while it is open (flock), so that nobody repairs what
/// somebody else is writing; a device or a pipe is neither locked nor repaired.
///
/// Errors are std::system_error, with the path and what to do.
class line_file {
public:
  /// Creates the file if there is none. With sync, a line that is appended survives a loss of power.
  line_file(std::string path, bool sync);
  line_file(const line_file&) = delete;
  line_file& operator=(const line_file&) = delete;
  ~line_file();

  /// Appends the line, which ends with its only '\n'. If it throws, nothing of the line is left. Any
  /// thread; waits for other threads that append.
  void append(std::string_view line);

  /// Bytes that were cut off when the file was opened.
  [[nodiscard]] std::size_t torn() const noexcept { return torn_; }

private:
  void open();
  void lock();
  void repair();
  void sync_name();
  void cut_back();
  [[noreturn]] void fail(const char* doing, const char* advice) const;

  const std::string path_;
  const bool sync_;
  int descriptor_ = -1;
  bool is_regular_ = false;
  std::size_t torn_ = 0;
  std::mutex mutex_;
  std::optional<std::int64_t> cut_to_; // a line was not written whole: the file must end here
};

/// As a JSON string, quotes included. What is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

/// What the error says as a JSON string; null for none.
[[nodiscard]] std::string json_error(const std::exception_ptr& error);

/// The time in UTC by RFC 3339 as a JSON string, as the system's clock tells it now.
[[nodiscard]] std::string json_time(std::chrono::steady_clock::time_point when);

} // namespace convoy::detail
