#include "report/output_file.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <system_error>
#include <unistd.h>

namespace convoy::tool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int error) {
  throw std::system_error{error, std::generic_category(), "cannot write " + path};
}

/// What is written to as it stands, a directory excepted.
bool is_device(const fs::path& path) {
  return fs::exists(path) && !fs::is_regular_file(path);
}

std::string follow_links(fs::path path) {
  constexpr int most = 40; // as in the kernel, which has refused longer chains in `exists`
  for (int i = 0; i < most && fs::is_symlink(path); ++i)
    path = path.parent_path() / fs::read_symlink(path);
  return path.string();
}

/// Where a file is, or would be made.
fs::path place_of(const std::string& path) {
  std::error_code error;
  const fs::path file = fs::absolute(follow_links(path));
  const fs::path directory = fs::canonical(file.parent_path(), error);
  return (error ? file.parent_path() : directory) / file.filename();
}

/// While this lives, an interrupt does not end the program with a file half written.
class uninterrupted {
public:
  uninterrupted() : before_{std::signal(SIGINT, SIG_IGN)} {}
  ~uninterrupted() { std::signal(SIGINT, before_); }
  uninterrupted(const uninterrupted&) = delete;
  uninterrupted& operator=(const uninterrupted&) = delete;

private:
  void (*before_)(int);
};

void write_all(const std::string& path, int descriptor, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(descriptor, text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR)
      fail(path, errno);
    at += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  }
}

/// A file without a name, which gets one when it is whole: whatever ends the program before leaves
/// nothing behind.
class nameless_file {
public:
  explicit nameless_file(const fs::path& directory)
      : descriptor_{open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666)} {}
  nameless_file(const nameless_file&) = delete;
  nameless_file& operator=(const nameless_file&) = delete;
  ~nameless_file() {
    if (descriptor_ >= 0)
      close(descriptor_);
  }

  [[nodiscard]] int descriptor() const { return descriptor_; } ///< negative: not possible there

  [[nodiscard]] bool get_name(const fs::path& path) const {
    const std::string self = "/proc/self/fd/" + std::to_string(descriptor_);
    return linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
  }

private:
  int descriptor_;
};

/// Whether a file can be replaced by another without anybody noticing: it has no other name, and
/// nothing but a mode says who may read it.
bool is_replaceable(const std::string& path, const struct stat& old) {
  return old.st_nlink == 1 && old.st_uid == geteuid() && listxattr(path.c_str(), nullptr, 0) <= 0;
}

/// Returns false where that is not possible: nothing has changed then.
bool put_in_place(const std::string& path, const std::string& text) {
  struct stat old {};
  const bool is_new = stat(path.c_str(), &old) != 0;
  if (!is_new && !is_replaceable(path, old))
    return false;
  const fs::path directory = fs::absolute(path).parent_path();
  const nameless_file file{directory};
  if (file.descriptor() < 0 ||
      (!is_new && (fchown(file.descriptor(), static_cast<uid_t>(-1), old.st_gid) != 0 ||
                   fchmod(file.descriptor(), old.st_mode & 07777) != 0)))
    return false;
  write_all(path, file.descriptor(), text);
  if (fsync(file.descriptor()) != 0)
    fail(path, errno);
  if (is_new)
    return file.get_name(path);
  const fs::path beside = directory / (".convoy." + std::to_string(getpid()));
  if (!file.get_name(beside))
    return false;
  if (rename(beside.c_str(), path.c_str()) == 0)
    return true;
  unlink(beside.c_str());
  return false;
}

/// A regular file that is open for writing. One that was not there is removed again, unless it was
/// written whole.
class output_file {
public:
  explicit output_file(const std::string& path)
      : path_{follow_links(path)}, is_new_{!fs::exists(path_)},
        descriptor_{
            open(path_.c_str(), O_WRONLY | O_CLOEXEC | (is_new_ ? O_CREAT | O_EXCL : 0), 0666)} {
    if (descriptor_ < 0)
      fail(path_, errno);
  }

  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;

  ~output_file() {
    close(descriptor_);
    if (is_new_)
      unlink(path_.c_str());
  }

  void replace_by(const std::string& text) {
    flock(descriptor_,
          LOCK_EX); // where that is possible: of two programs, one writes after the other
    make_room(static_cast<off_t>(text.size()));
    write_all(path_, descriptor_, text);
    if (ftruncate(descriptor_, static_cast<off_t>(text.size())) != 0 || fsync(descriptor_) != 0)
      fail(path_, errno);
    is_new_ = false;
  }

private:
  void make_room(off_t size) const {
    struct stat before {};
    if (fstat(descriptor_, &before) != 0)
      fail(path_, errno);
    const int error = posix_fallocate(descriptor_, 0, size);
    if (error == 0 || error == EOPNOTSUPP || error == EINVAL) // a file system that cannot tell
      return;
    if (ftruncate(descriptor_, before.st_size) != 0) // what it got before there was no more
      fail(path_, errno);
    fail(path_, error);
  }

  std::string path_;
  bool is_new_;
  int descriptor_;
};

} // namespace

void check_writable(const std::string& path) {
  if (is_device(path)) { // opening a pipe would be noticed at its other end
    if (fs::is_directory(path))
      fail(path, EISDIR);
    if (access(path.c_str(), W_OK) != 0)
      fail(path, errno);
    return;
  }
  const output_file probe{path};
}

void write_file(const std::string& path, const std::string& text) {
  if (is_device(path)) {
    errno = 0;
    std::ofstream stream{path};
    if (!(stream << text << std::flush))
      fail(path, errno);
    return;
  }
  const uninterrupted whole;
  if (put_in_place(follow_links(path), text))
    return;
  output_file{path}.replace_by(text);
}

bool is_open_as(const std::string& path, int descriptor) {
  struct stat file {
  }, open{};
  return stat(path.c_str(), &file) == 0 && fstat(descriptor, &open) == 0 &&
         (!S_ISCHR(open.st_mode) || isatty(descriptor) == 1) && file.st_dev == open.st_dev &&
         file.st_ino == open.st_ino;
}

bool is_same_place(const std::string& a, const std::string& b) {
  std::error_code none; // what does not exist is nowhere yet
  return fs::equivalent(a, b, none) || place_of(a) == place_of(b);
}

} // namespace convoy::tool
