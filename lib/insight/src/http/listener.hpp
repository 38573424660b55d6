#pragma once

#include <string>
#include <sys/types.h>
#include <utility>

namespace convoy::detail {

/// A file descriptor with an owner.
class owned_fd {
public:
  owned_fd() noexcept = default;
  explicit owned_fd(int fd) noexcept : fd_(fd) {}
  owned_fd(owned_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~owned_fd();

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ != -1; }

private:
  int fd_ = -1;
};

/// A socket that listens and does not block.
struct listener {
  owned_fd fd;
  bool asks_who = false;    ///< a Unix socket: only this user and root may connect
  bool is_loopback = false; ///< TCP that only this machine reaches
};

/// The file of a Unix socket. It is gone when this is, unless another one stands there.
class socket_file {
public:
  socket_file() noexcept = default;
  /// Binds and listens, with mode 0600. Throws as insight_socket's constructor.
  explicit socket_file(const std::string& path, listener& to);
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;
  ~socket_file();

private:
  owned_fd directory_;
  std::string name_; ///< in it
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Of "127.0.0.1:9100" or "[::1]:9100"; `address` becomes what is listened on. Throws as
/// insight_socket's constructor.
[[nodiscard]] listener listen_on(std::string& address);

/// May the process at the other end of a connection to a Unix socket be answered?
[[nodiscard]] bool is_own_user(int connection) noexcept;

} // namespace convoy::detail
