#pragma once

// A file that one process has to itself.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace convoy::detail {

/// What has gone wrong, by errno, with the path, which is shown in one line, and what to do. Throws
/// std::system_error.
[[noreturn]] void throw_file_error(const char* doing, const std::string& path, const char* advice);

/// The path for messages: in quotes, and what would break the line escaped.
[[nodiscard]] std::string quoted(const std::string& path);

/// The same file, wherever the process goes. Throws std::invalid_argument if there is a NUL in it,
/// which would cut it short.
[[nodiscard]] std::string absolute_path(const std::string& path);

/// Which file it is, whatever its names are.
struct file_identity {
  std::uint64_t device = 0, inode = 0; // 0: there is none
  friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// Of the file at the path. Nothing: it can't be seen whether there is one.
[[nodiscard]] std::optional<file_identity> identity_at(const std::string& path) noexcept;

/// An open file. A regular one is locked while it is open (flock), so that nobody repairs or
/// redrives what somebody else is writing; a device or a pipe is neither locked nor repaired.
/// Errors are std::system_error.
class owned_file {
public:
  enum class purpose : unsigned char {
    append, ///< it is created if there is none, for its owner only
    change, ///< bytes of it, in place
  };

  owned_file(std::string path, purpose wanted);
  owned_file(const owned_file&) = delete;
  owned_file& operator=(const owned_file&) = delete;
  ~owned_file();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] bool is_regular() const noexcept { return is_regular_; }

  [[nodiscard]] const file_identity& identity() const noexcept { return identity_; }

  /// Cuts off what is behind the last '\n'. Returns how many bytes that were.
  [[nodiscard]] std::size_t cut_torn_line();

  [[nodiscard]] std::int64_t size() const;

  /// Overwrites one byte. It is durable after sync().
  void put(std::uint64_t at, char byte);
  void sync();

  /// Its length, and that there is a file of that name, survive a loss of power.
  void sync_with_name();

private:
  void lock();
  [[noreturn]] void fail(const char* doing, const char* advice) const;

  const std::string path_; // when it was opened
  int descriptor_ = -1;
  bool is_regular_ = false;
  file_identity identity_;
};

} // namespace convoy::detail
