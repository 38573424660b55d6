#include "convoy/detail/sinks/owned_file.hpp"

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sinks/json.hpp"
#include "platform/uninterrupted.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace convoy::detail {

std::string quoted(const std::string& path) {
  auto text = json_string(path);
  text.front() = text.back() = '\'';
  return text;
}

void throw_file_error(const char* doing, const std::string& path, const char* advice) {
  const int cause = errno;
  throw std::system_error(cause, std::generic_category(),
                          "convoy: " + std::string(doing) + ' ' + quoted(path) + "; " + advice);
}

std::string absolute_path(const std::string& path) {
  if (path.find('\0') != std::string::npos)
    throw std::invalid_argument("convoy: no file has a NUL in its name: " + quoted(path));
  if (path.empty() || path.front() == '/')
    return path;
  return (std::filesystem::current_path() / path).string();
}

std::optional<file_identity> identity_at(const std::string& path) noexcept {
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0)
    return file_identity{about.st_dev, about.st_ino};
  if (errno == ENOENT || errno == ENOTDIR)
    return file_identity{};
  return std::nullopt;
}

owned_file::owned_file(std::string path, purpose wanted) : path_(std::move(path)) {
  // For reading, too: the end is looked at. A device or a pipe may only allow writing.
  constexpr mode_t mode = 0600; // others need not know what failed
  const int flags = O_RDWR | O_CLOEXEC | (wanted == purpose::append ? O_APPEND | O_CREAT : 0);
  descriptor_ = uninterrupted([&] { return ::open(path_.c_str(), flags, mode); });
  if (descriptor_ < 0)
    fail("can't open", "give a file that can be read and written, in a directory that exists");
  try {
    struct stat about {};
    if (::fstat(descriptor_, &about) != 0)
      fail("can't look at", "see to the device");
    is_regular_ = S_ISREG(about.st_mode);
    identity_ = {about.st_dev, about.st_ino};
    if (is_regular_)
      lock();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

owned_file::~owned_file() {
  ::close(descriptor_);
}

void owned_file::lock() {
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0)
    return;
  if (errno == EWOULDBLOCK)
    fail("somebody else has opened", "give each process, and each sink, a file of its own; what is "
                                     "to be redriven must be moved first, and its writer reopened");
  fail("can't lock", "put it where flock() works");
}

std::int64_t owned_file::size() const {
  struct stat about {};
  if (::fstat(descriptor_, &about) != 0)
    fail("can't look at", "see to the device");
  return about.st_size;
}

std::size_t owned_file::cut_torn_line() {
  constexpr const char* advice = "look at its end";
  const auto end = size();
  std::array<char, tuning::tail_block> block;
  auto whole = end; // as far as there are whole lines
  while (whole > 0) {
    const auto begin = std::max<off_t>(0, whole - static_cast<off_t>(block.size()));
    const auto wanted = static_cast<std::size_t>(whole - begin);
    std::size_t have = 0;
    while (have < wanted) {
      const auto count = uninterrupted([&] {
        return ::pread(descriptor_, block.data() + have, wanted - have,
                       begin + static_cast<off_t>(have));
      });
      if (count == 0) // it has become shorter
        errno = EBUSY;
      if (count <= 0)
        fail("can't read the end of", advice);
      have += static_cast<std::size_t>(count);
    }
    const auto newline = std::string_view(block.data(), wanted).rfind('\n');
    if (newline != std::string_view::npos) {
      whole = begin + static_cast<off_t>(newline) + 1;
      break;
    }
    whole = begin;
  }
  if (whole != end && uninterrupted([&] { return ::ftruncate(descriptor_, whole); }) != 0)
    fail("can't cut a torn line off the end of", advice);
  return static_cast<std::size_t>(end - whole);
}

void owned_file::put(std::uint64_t at, char byte) {
  if (uninterrupted([&] { return ::pwrite(descriptor_, &byte, 1, static_cast<off_t>(at)); }) != 1)
    fail("can't write to", "see to the device");
}

void owned_file::sync() {
  if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0)
    fail("can't sync", "see to the device");
}

void owned_file::sync_with_name() {
  constexpr const char* advice = "leave sync out if the file need not survive a loss of power";
  if (uninterrupted([&] { return ::fsync(descriptor_); }) != 0)
    fail("can't sync", advice);
  std::error_code none; // the name may be a link: what it leads to is what counts
  const auto name = std::filesystem::canonical(path_, none);
  const auto directory = (none ? std::filesystem::path(path_) : name).parent_path();
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    fail("can't open the directory of", advice);
  const bool synced = uninterrupted([&] { return ::fsync(descriptor); }) == 0;
  const int cause = errno;
  ::close(descriptor);
  errno = cause;
  if (!synced)
    fail("can't sync the directory of", advice);
}

void owned_file::fail(const char* doing, const char* advice) const {
  throw_file_error(doing, path_, advice);
}

} // namespace convoy::detail
