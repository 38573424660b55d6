#pragma once

#include "input/reader.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>
#include <zlib.h>

/// A file with that content for as long as it lives.
class input_file {
public:
  explicit input_file(std::string_view content) {
    const int descriptor = mkstemp(path_.data());
    if (descriptor < 0 ||
        write(descriptor, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
      std::abort();
    close(descriptor);
  }
  ~input_file() { std::remove(path_.c_str()); }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_ = "/tmp/convoy_input_XXXXXX";
};

inline convoy::tool::trace read_text(std::string_view text,
                                     const convoy::tool::read_options& options = {}) {
  const input_file file{text};
  return convoy::tool::read_trace({file.path()}, options);
}

/// What an input_error says; empty where none is thrown.
template <class Function>
std::string error_of(Function function) {
  try {
    function();
    return {};
  } catch (const convoy::tool::input_error& error) {
    return error.what();
  }
}

/// The error of reading the text, without the file's name: "2: what is wrong".
inline std::string read_error(std::string_view text,
                              const convoy::tool::read_options& options = {}) {
  const input_file file{text};
  const std::string error = error_of([&] { convoy::tool::read_trace({file.path()}, options); });
  return error.starts_with(file.path() + ":") ? error.substr(file.path().size() + 1) : error;
}

inline std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    std::abort();
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
    std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
