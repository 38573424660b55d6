#include "broker/reach.hpp"

#include <cerrno>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace convoy::tool {
namespace {

/// 0, or why not.
int try_connect(const addrinfo& to, std::chrono::milliseconds patience) {
  const int caller = ::socket(to.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (caller < 0)
    return errno;
  int error = ::connect(caller, to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd one{.fd = caller, .events = POLLOUT, .revents = 0};
    error = ETIMEDOUT;
    socklen_t bytes = sizeof error;
    if (::poll(&one, 1, static_cast<int>(patience.count())) == 1)
      ::getsockopt(caller, SOL_SOCKET, SO_ERROR, &error, &bytes);
  }
  ::close(caller);
  return error;
}

} // namespace

std::string why_unreachable(const broker_url::address& at, std::chrono::milliseconds patience) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(at.host.c_str(), at.port.c_str(), &wanted, &found);
      error != 0)
    return ::gai_strerror(error);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{found, &::freeaddrinfo};
  int error = EADDRNOTAVAIL;
  for (const addrinfo* each = found; each != nullptr && error != 0; each = each->ai_next)
    error = try_connect(*each, patience);
  return error == 0 ? "" : std::generic_category().message(error);
}

} // namespace convoy::tool
