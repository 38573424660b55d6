#include "convoy/detail/line_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace convoy::detail {

line_file::line_file(std::string path, bool sync) : path_(std::move(path)), sync_(sync) {
  open();
  try {
    if (is_regular_) {
      lock();
      repair();
      if (sync_)
        sync_name();
    }
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

line_file::~line_file() {
  ::close(descriptor_);
}

void line_file::open() {
  // For reading, too: the end is looked at. A device or a pipe may only allow writing.
  constexpr int flags = O_APPEND | O_CREAT | O_CLOEXEC;
  constexpr mode_t mode = 0666; // less the umask
  descriptor_ = ::open(path_.c_str(), O_RDWR | flags, mode);
  if (descriptor_ < 0)
    fail("can't open", "give a file that can be read and written, in a directory that exists");
  struct stat about {};
  if (::fstat(descriptor_, &about) == 0)
    is_regular_ = S_ISREG(about.st_mode);
}

void line_file::lock() {
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0)
    return;
  if (errno == EWOULDBLOCK)
    fail("somebody else has opened", "give each process, and each sink, a file of its own");
  fail("can't lock", "put it where flock() works");
}

void line_file::repair() {
  constexpr const char* advice = "look at its end";
  const auto size = ::lseek(descriptor_, 0, SEEK_END);
  if (size < 0)
    fail("can't look at the end of", advice);
  std::array<char, 4096> block;
  auto whole = size; // as far as there are whole lines
  while (whole > 0) {
    const auto begin = std::max<off_t>(0, whole - static_cast<off_t>(block.size()));
    const auto wanted = static_cast<std::size_t>(whole - begin);
    if (::pread(descriptor_, block.data(), wanted, begin) != static_cast<ssize_t>(wanted))
      fail("can't read the end of", advice);
    const auto newline = std::string_view(block.data(), wanted).rfind('\n');
    if (newline != std::string_view::npos) {
      whole = begin + static_cast<off_t>(newline) + 1;
      break;
    }
    whole = begin;
  }
  torn_ = static_cast<std::size_t>(size - whole);
  if (torn_ != 0 && ::ftruncate(descriptor_, whole) != 0)
    fail("can't cut a torn line off the end of", advice);
}

/// The file's length, and that there is a file of that name, survive a loss of power.
void line_file::sync_name() {
  constexpr const char* advice = "leave sync out if the file need not survive a loss of power";
  if (::fsync(descriptor_) != 0)
    fail("can't sync", advice);
  const auto slash = path_.rfind('/');
  const auto directory = slash == std::string::npos ? std::string(".") : path_.substr(0, slash + 1);
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    fail("can't open the directory of", advice);
  const bool synced = ::fsync(descriptor) == 0;
  const int cause = errno;
  ::close(descriptor);
  errno = cause;
  if (!synced)
    fail("can't sync the directory of", advice);
}

void line_file::append(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (cut_to_)
    cut_back();
  // A write that comes back short says not why. The next one does, or writes the rest.
  std::size_t written = 0;
  bool ok = true;
  while (ok && written < line.size()) {
    const auto count = ::write(descriptor_, line.data() + written, line.size() - written);
    if (count > 0)
      written += static_cast<std::size_t>(count);
    else
      ok = count < 0 && errno == EINTR;
  }
  const char* doing = "can't write to";
  if (ok && sync_ && is_regular_ && ::fdatasync(descriptor_) != 0) {
    doing = "can't sync";
    ok = false;
  }
  if (ok)
    return;
  const int cause = errno;
  if (is_regular_ && written != 0) {
    cut_to_ = ::lseek(descriptor_, 0, SEEK_CUR) - static_cast<off_t>(written);
    cut_back();
  }
  errno = cause;
  fail(doing, "nothing of the line is left there; make room, or see to the device");
}

/// If it fails, the next append() tries it again before it writes.
void line_file::cut_back() {
  if (::ftruncate(descriptor_, *cut_to_) != 0)
    fail("can't cut a torn line off the end of", "see to the device");
  cut_to_.reset();
}

void line_file::fail(const char* doing, const char* advice) const {
  const int cause = errno;
  throw std::system_error(cause, std::generic_category(),
                          "convoy::dead_letter_file: " + std::string(doing) + " '" + path_ + "'; " +
                              advice);
}

namespace {

/// Length of the UTF-8 character that the text begins with; 0 if it begins with none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  const std::size_t length = first < 0x80                     ? 1
                             : first >= 0xC2 && first <= 0xDF ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length > text.size())
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  const bool wrong = (first == 0xE0 && byte(1) < 0xA0) ||  // longer than needed
                     (first == 0xED && byte(1) >= 0xA0) || // a surrogate
                     (first == 0xF0 && byte(1) < 0x90) ||  // longer than needed
                     (first == 0xF4 && byte(1) >= 0x90);   // beyond U+10FFFF
  return wrong ? 0 : length;
}

} // namespace

std::string json_string(std::string_view text) {
  const auto is_plain = [](unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
  };
  std::string out = "\"";
  out.reserve(text.size() + 2);
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    auto length = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) -
                                           text.begin());
    if (length == 0)
      length = utf8_length(text);
    if (first < 0x20) {
      std::array<char, 8> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", first);
      out += escaped.data();
    } else if (first == '"' || first == '\\') {
      (out += '\\') += text[0];
    } else if (length == 0) {
      out += "\xEF\xBF\xBD"; // U+FFFD
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out += '"';
}

std::string json_error(const std::exception_ptr& error) {
  if (!error)
    return "null";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return json_string(e.what());
  } catch (...) {
    return json_string("something that is no std::exception");
  }
}

std::string json_time(std::chrono::steady_clock::time_point when) {
  using namespace std::chrono;
  const auto age = steady_clock::now() - when;
  const auto since_epoch =
      floor<microseconds>(system_clock::now().time_since_epoch() - duration_cast<nanoseconds>(age));
  const auto whole = floor<seconds>(since_epoch);
  const std::time_t time = whole.count();
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 32> text; // "2026-01-31T23:59:59
  std::strftime(text.data(), text.size(), "\"%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction;
  std::snprintf(fraction.data(), fraction.size(), ".%06uZ\"",
                static_cast<unsigned>((since_epoch - whole).count()));
  return std::string(text.data()) + fraction.data();
}

} // namespace convoy::detail
