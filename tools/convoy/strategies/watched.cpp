#include "strategies/watched.hpp"

#include "text/format.hpp"
#include "text/input_error.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace convoy::tool {
namespace {

/// What a signal handler may look at.
struct {
  std::atomic<bool> is_there{false};
  std::array<char, sizeof sockaddr_un::sun_path> path{};
  struct stat is {};
} opened;

} // namespace

watched_door::watched_door(runtime& of, const std::string& socket) {
  if (socket.empty())
    return;
  try {
    open(of, socket);
  } catch (const input_error& error) {
    std::cerr << "convoy: " << terminal_text(error.what()) << "; this run can't be watched\n";
  }
}

void watched_door::open(runtime& of, const std::string& socket) try {
  door_.emplace(of, insight_socket::options{.path = socket});
  opened.path.fill('\0');
  std::ranges::copy(socket, opened.path.begin());
  opened.is_there = ::lstat(socket.c_str(), &opened.is) == 0;
} catch (const std::bad_alloc&) {
  throw;
} catch (const std::exception& error) {
  std::string_view reason = error.what();
  constexpr std::string_view origin = "convoy::insight_socket: ";
  if (reason.starts_with(origin))
    reason.remove_prefix(origin.size());
  throw input_error{"--socket: " + std::string{reason}};
}

watched_door::~watched_door() {
  if (!door_)
    return;
  door_.reset();
  opened.is_there = false;
}

void watched_door::remove_from_signal_handler() {
  struct stat now {};
  if (opened.is_there && ::lstat(opened.path.data(), &now) == 0 && now.st_dev == opened.is.st_dev &&
      now.st_ino == opened.is.st_ino)
    ::unlink(opened.path.data());
}

} // namespace convoy::tool
