#include "http/listener.hpp"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace convoy::detail {

namespace {

constexpr int waiting_room = 128; // connections that the kernel keeps for us

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), "convoy::insight_socket: " + what);
}

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("convoy::insight_socket: " + what);
}

owned_fd new_socket(int family, const std::string& of) {
  owned_fd made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made)
    fail(errno, of);
  return made;
}

void start_to_listen(const owned_fd& on, const std::string& of) {
  if (::listen(on.get(), waiting_room) != 0)
    fail(errno, of);
}

/// "directory/name" in two; the directory of "name" is ".".
std::pair<std::string, std::string> parts_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos)
    return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// Of those that open this socket one goes at a time: between a look at a socket that was left behind
/// and its removal nobody puts another one there. The lock is a file beside it that only its owner
/// can open: whoever can only read the directory could lock that for ever.
class place_lock {
public:
  place_lock(const owned_fd& directory, const std::string& name, const std::string& of)
      : directory_(directory.get()), name_('.' + name + ".convoy-lock") {
    using namespace std::chrono_literals;
    for (int tries = 0; !try_to_lock(of); ++tries) {
      if (tries == 200)
        fail(EWOULDBLOCK, of + ": another process has opened it for seconds");
      std::this_thread::sleep_for(10ms);
    }
  }
  place_lock(const place_lock&) = delete;
  place_lock& operator=(const place_lock&) = delete;
  ~place_lock() { ::unlinkat(directory_, name_.c_str(), 0); } // and then it is unlocked

private:
  bool try_to_lock(const std::string& of) {
    owned_fd file(::openat(directory_, name_.c_str(),
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                           S_IRUSR | S_IWUSR));
    struct stat opened {
    }, there{};
    if (!file || ::fstat(file.get(), &opened) != 0)
      fail(errno, of + ": its lock " + name_);
    if (!S_ISREG(opened.st_mode) || opened.st_size != 0)
      fail(EEXIST, of + ": its lock " + name_ + " is something else");
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 ||
        ::fstatat(directory_, name_.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 ||
        there.st_dev != opened.st_dev || there.st_ino != opened.st_ino) // its owner has removed it
      return false;
    file_ = std::move(file);
    return true;
  }

  int directory_;
  std::string name_; ///< in it
  owned_fd file_;
};

struct unix_address {
  explicit unix_address(const std::string& path) {
    if (path.size() >= sizeof is.sun_path)
      refuse("a path of a socket has at most " + std::to_string(sizeof is.sun_path - 1) +
             " bytes, and this one has " + std::to_string(path.size()));
    if (path.find('\0') != std::string::npos)
      refuse("the path has a zero byte");
    is.sun_family = AF_UNIX;
    std::memcpy(is.sun_path, path.data(), path.size());
  }
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&is);
  }

  sockaddr_un is{};
};

/// True: a socket that nobody listens on stands there; false: nothing. Throws if it is anything else.
bool was_left_behind(const owned_fd& directory, const std::string& name, const unix_address& at,
                     const std::string& path) {
  struct stat is {};
  if (::fstatat(directory.get(), name.c_str(), &is, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT)
      return false;
    fail(errno, path);
  }
  if (!S_ISSOCK(is.st_mode))
    fail(EEXIST, path + " is there, and is no socket");
  const auto caller = new_socket(AF_UNIX, path);
  if (::connect(caller.get(), at.get(), sizeof at.is) == 0 || errno == EAGAIN)
    fail(EADDRINUSE, path + ": another process listens there");
  if (errno != ECONNREFUSED)
    fail(errno, path);
  return true;
}

/// The system's own reader takes 70000 for 4464, and nothing for 0.
bool is_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc{} && read.ptr == end;
}

struct address_list {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

std::string name_of(const owned_fd& socket) {
  sockaddr_storage at{};
  socklen_t length = sizeof at;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &length) != 0 ||
      ::getnameinfo(reinterpret_cast<const sockaddr*>(&at), length, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  return at.ss_family == AF_INET6 ? '[' + std::string(host) + "]:" + port
                                  : std::string(host) + ':' + port;
}

} // namespace

owned_fd::~owned_fd() {
  if (fd_ != -1)
    ::close(fd_);
}

socket_file::socket_file(const std::string& path, listener& to) {
  const unix_address at(path);
  auto [directory_name, name] = parts_of(path);
  if (name.empty())
    refuse(path + " names no file");
  owned_fd directory(::open(directory_name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory)
    fail(errno, path);
  const place_lock lock(directory, name, path);

  if (was_left_behind(directory, name, at, path) &&
      ::unlinkat(directory.get(), name.c_str(), 0) != 0)
    fail(errno, path);
  auto socket = new_socket(AF_UNIX, path);
  // Linux gives the file the mode that the socket has when it is bound.
  if (::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(socket.get(), at.get(), sizeof at.is) != 0)
    fail(errno, path);
  struct stat is {};
  if (::fstatat(directory.get(), name.c_str(), &is, AT_SYMLINK_NOFOLLOW) != 0)
    fail(errno, path);
  device_ = is.st_dev;
  inode_ = is.st_ino;
  name_ = std::move(name);
  try {
    if ((is.st_mode & 077) != 0) // another system, that has its own ideas
      fail(EPERM, path + " is open to others");
    start_to_listen(socket, path);
  } catch (...) {
    ::unlinkat(directory.get(), name_.c_str(), 0);
    throw;
  }
  directory_ = std::move(directory);
  to = {.fd = std::move(socket), .asks_who = true};
}

socket_file::~socket_file() {
  if (!directory_)
    return;
  struct stat is {};
  if (::fstatat(directory_.get(), name_.c_str(), &is, AT_SYMLINK_NOFOLLOW) == 0 &&
      is.st_dev == device_ && is.st_ino == inode_)
    ::unlinkat(directory_.get(), name_.c_str(), 0);
}

listener listen_on(std::string& address) {
  const auto colon = address.rfind(':');
  auto host = address.substr(0, colon);
  if (colon == std::string::npos || address.find('\0') != std::string::npos)
    refuse("an address is like 127.0.0.1:9100 or [::1]:9100, and not " + address);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    refuse("an address with colons is in brackets, as [::1]:9100, and not " + address);

  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  if (host.empty() || !is_port(std::string_view(address).substr(colon + 1)) ||
      ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &wanted, &found) != 0)
    refuse("an address is like 127.0.0.1:9100 or [::1]:9100, and not " + address);
  const std::unique_ptr<addrinfo, address_list> list(found);

  auto socket = new_socket(found->ai_family, address);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0)
    fail(errno, address);
  start_to_listen(socket, address);
  address = name_of(socket);
  return {.fd = std::move(socket),
          .is_loopback = address.starts_with("127.") || address.starts_with("[::1]")};
}

bool is_own_user(int connection) noexcept {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

} // namespace convoy::detail
