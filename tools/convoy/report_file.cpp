#include "report_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace convoy::tool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path) {
  throw std::system_error{errno, std::generic_category(), "cannot write " + path};
}

/// A new file beside its destination, removed again unless it got there.
class temporary_file {
public:
  explicit temporary_file(std::string destination)
      : destination_{std::move(destination)}, path_{destination_ + ".XXXXXX"}, descriptor_{mkstemp(
                                                                                   path_.data())} {
    if (descriptor_ < 0)
      fail(destination_);
  }

  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  ~temporary_file() {
    close(descriptor_);
    if (!path_.empty())
      unlink(path_.c_str());
  }

  void write(const std::string& text) const {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t n = ::write(descriptor_, text.data() + at, text.size() - at);
      if (n < 0 && errno != EINTR)
        fail(destination_);
      at += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
  }

  void move_to_destination() {
    const mode_t mask = umask(0);
    umask(mask);
    if (fchmod(descriptor_, 0666 & ~mask) != 0 || fsync(descriptor_) != 0 ||
        std::rename(path_.c_str(), destination_.c_str()) != 0)
      fail(destination_);
    path_.clear();
  }

private:
  std::string destination_;
  std::string path_;
  int descriptor_;
};

/// What is written to, and not replaced.
bool is_device(const fs::path& path) {
  return fs::exists(path) && !fs::is_regular_file(path);
}

std::string follow_links(fs::path path) {
  constexpr int most = 40; // as in the kernel, which has refused longer chains in `exists`
  for (int i = 0; i < most && fs::is_symlink(path); ++i)
    path = path.parent_path() / fs::read_symlink(path);
  return path.string();
}

} // namespace

void check_writable(const std::string& path) {
  if (is_device(path)) { // opening a pipe would be noticed at its other end
    const bool permitted = access(path.c_str(), W_OK) == 0;
    if (fs::is_directory(path))
      errno = EISDIR;
    else if (permitted)
      return;
    fail(path);
  }
  const temporary_file probe{follow_links(path)};
}

void write_file(const std::string& path, const std::string& text) {
  if (is_device(path)) {
    std::ofstream stream{path};
    if (!(stream << text << std::flush))
      fail(path);
    return;
  }
  temporary_file file{follow_links(path)};
  file.write(text);
  file.move_to_destination();
}

} // namespace convoy::tool
