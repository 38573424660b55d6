#pragma once

// A client of an insight_socket that may be as rude as it likes.

#include <arpa/inet.h>
#include <chrono>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

class client {
public:
  /// Of a Unix socket; connected() tells.
  explicit client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    connect_to(at);
  }
  /// Of a port of 127.0.0.1.
  explicit client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<in_port_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect_to(at);
  }
  client(client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  client& operator=(client&&) = delete;
  ~client() {
    if (fd_ != -1)
      ::close(fd_);
  }

  [[nodiscard]] bool connected() const { return connected_; }
  /// False: the other end has gone.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto length = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (length <= 0)
        return false;
      text.remove_prefix(static_cast<std::size_t>(length));
    }
    return true;
  }
  /// Says that nothing more comes, and listens.
  void finish() { ::shutdown(fd_, SHUT_WR); }
  /// All until the other end closes.
  std::string receive() {
    std::string all;
    char buffer[4096];
    for (ssize_t length = 0; (length = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
      all.append(buffer, static_cast<std::size_t>(length));
    return all;
  }

private:
  template <class Address>
  void connect_to(const Address& at) {
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }

  int fd_;
  bool connected_ = false;
};

/// The answer to a request, with its head.
template <class Where>
std::string ask(const Where& where, const std::string& request) {
  client c(where);
  c.send(request);
  return c.receive();
}
template <class Where>
std::string get(const Where& where, const std::string& target, const std::string& headers = "") {
  return ask(where, "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
}

inline std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}
inline bool has_status(const std::string& answer, int status) {
  return answer.starts_with("HTTP/1.1 " + std::to_string(status) + ' ');
}
