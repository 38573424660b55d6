#pragma once

// The bytes of a file, inflated on the way where it is gzip.

#include "input/trace.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>

struct z_stream_s;

namespace convoy::tool {

/// What ends the reading of a file wherever it happens, other than a bad line.
struct unreadable : input_error {
  using input_error::input_error;
};

/// Closes the file it holds, standard input excepted.
struct file_closer {
  void operator()(std::FILE* file) const noexcept;
};
using file_handle = std::unique_ptr<std::FILE, file_closer>;

/// Opens for reading; "-" is standard input. Throws unreadable that says why it cannot.
file_handle open_file(const std::string& path);

/// Reads a file from start to end in bounded memory. Input that starts with the gzip magic is
/// inflated: members may follow one another as in `cat a.gz b.gz`, each with its checksum verified.
class byte_source {
public:
  /// Reads the first bytes, and so throws as read().
  explicit byte_source(file_handle file);

  /// Fills `out` from the front and returns how much; 0 only at the end. Throws unreadable where
  /// the file cannot be read or the gzip is corrupt, or truncated: the end of a file is reported
  /// only when everything before it was whole. Zeros behind a member are padding; anything else
  /// that is no further member is left out as gzip(1) does, and noted.
  std::size_t read(char* out, std::size_t size);

  /// What the file holds besides what was read, as a sentence; empty where that is nothing.
  [[nodiscard]] const std::string& note() const noexcept { return note_; }

private:
  struct inflate_end {
    void operator()(z_stream_s* stream) const noexcept;
  };

  bool refill(); ///< keeps what is not consumed; false at the end of the file
  void detect_gzip();
  std::size_t inflate_into(char* out, std::size_t size);
  [[nodiscard]] bool next_member(); ///< false at the end of what can be inflated

  file_handle file_;
  std::array<unsigned char, 1 << 16> raw_;
  std::size_t next_ = 0; ///< raw_[next_, end_) is not consumed yet
  std::size_t end_ = 0;
  std::unique_ptr<z_stream_s, inflate_end> gzip_; ///< null for plain input
  std::string note_;
  bool in_member_ = false;
};

} // namespace convoy::tool
