#include "http/server.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace convoy::detail {

namespace {

constexpr std::string_view busy = "HTTP/1.1 503 Service Unavailable\r\n"
                                  "Connection: close\r\n"
                                  "Content-Type: text/plain\r\n"
                                  "Content-Length: 32\r\n"
                                  "\r\n"
                                  "another one is made; come again\n";
constexpr std::string_view too_long = "HTTP/1.1 431 Request Header Fields Too Large\r\n"
                                      "Connection: close\r\n"
                                      "Content-Type: text/plain\r\n"
                                      "Content-Length: 24\r\n"
                                      "\r\n"
                                      "the request is too long\n";

/// Handlers of signals belong on the program's own threads: one that is made meanwhile has them off.
class signals_off {
public:
  signals_off() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_off(const signals_off&) = delete;
  signals_off& operator=(const signals_off&) = delete;
  ~signals_off() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_{};
};

void ring(const owned_fd& bell) noexcept {
  const std::uint64_t one = 1;
  while (::write(bell.get(), &one, sizeof one) == -1 && errno == EINTR) {
  }
}

bool must_wait() noexcept {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

} // namespace

http_server::http_server(std::vector<listener> listeners, answer give)
    : listeners_(std::move(listeners)), answer_(std::move(give)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_)
    throw std::system_error(errno, std::generic_category(), "convoy::insight_socket");
  const signals_off off;
  thread_ = std::thread([this] { run(); });
}

http_server::~http_server() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ring(wake_);
  thread_.join();
}

void http_server::run() noexcept {
  for (;;) {
    try {
      {
        const std::lock_guard lock(mutex_);
        if (ends_)
          return;
      }
      take_turn();
    } catch (...) { // no memory: whoever is connected has to come again
      connections_.clear();
      later_.request_stop();
      accepts_after_ = clock::now() + http_limits::pause;
    }
  }
}

void http_server::take_turn() {
  auto now = clock::now();
  auto wakes_at = clock::time_point::max();
  bool accepts = now >= accepts_after_;
  if (!accepts)
    wakes_at = accepts_after_;
  if (accepts && !makes_room(now)) {
    accepts = false;
    wakes_at = oldest()->since + http_limits::grace;
  }

  std::vector<pollfd> all{{wake_.get(), POLLIN, 0}};
  for (const auto& each : listeners_)
    all.push_back({accepts ? each.fd.get() : -1, POLLIN, 0}); // -1: it is passed over
  for (const auto& each : connections_) {
    short what = POLLIN;
    if (each.is == doing::writing)
      what = POLLOUT;
    else if (each.is == doing::waiting)
      what = 0; // it may have nothing more to say, and say so: only that it has gone counts
    all.push_back({each.fd.get(), what, 0});
    wakes_at = std::min(wakes_at, each.until);
  }
  int timeout = -1;
  if (wakes_at != clock::time_point::max())
    timeout = static_cast<int>(std::max<std::int64_t>(
        0, std::chrono::ceil<std::chrono::milliseconds>(wakes_at - now).count()));
  const int ready = ::poll(all.data(), all.size(), timeout);

  now = clock::now();
  auto seen = all.cbegin() + 1 + static_cast<std::ptrdiff_t>(listeners_.size());
  for (auto c = connections_.begin(); c != connections_.end(); ++seen) {
    const bool stays = ready > 0 && seen->revents != 0 ? serve(*c, clock::now()) : now < c->until;
    if (!stays && c->is == doing::waiting)
      later_.request_stop();
    c = stays ? std::next(c) : connections_.erase(c);
  }
  if (all[0].revents != 0)
    end_later();
  if (ready > 0)
    for (std::size_t i = 0; i < listeners_.size(); ++i)
      if (all[i + 1].revents != 0)
        accept_from(listeners_[i], now);
}

/// If all places are taken, the oldest goes, unless it has only just come.
bool http_server::makes_room(clock::time_point now) {
  return connections_.size() < http_limits::connections ||
         now - oldest()->since >= http_limits::grace;
}

/// The one that has to go first. Not who waits for what takes its time: there is one at most.
auto http_server::oldest() -> std::list<connection>::iterator {
  return std::find_if(connections_.begin(), connections_.end(),
                      [](const connection& c) { return c.is != doing::waiting; });
}

void http_server::accept_from(const listener& from, clock::time_point now) {
  while (makes_room(now)) {
    owned_fd fd(::accept4(from.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED)
        continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) // no descriptor, or no memory
        accepts_after_ = now + http_limits::pause;
      return;
    }
    if (from.asks_who && !is_own_user(fd.get()))
      continue;
    if (connections_.size() >= http_limits::connections)
      connections_.erase(oldest());
    connections_.push_back(
        {.fd = std::move(fd), .from = &from, .since = now, .until = now + http_limits::time});
  }
}

bool http_server::serve(connection& c, clock::time_point now) {
  if (now >= c.until)
    return false;
  if (c.is == doing::waiting) // for POLLHUP or POLLERR, which nobody has to ask for
    return false;
  return c.is == doing::writing ? write(c, now) : read(c, now);
}

bool http_server::read(connection& c, clock::time_point now) {
  char buffer[4096];
  const auto length = ::recv(c.fd.get(), buffer, sizeof buffer, 0);
  if (length <= 0)
    return length < 0 && must_wait();
  if (c.is != doing::reading) // what comes after the request is nobody's
    return true;
  const auto known = c.in.size();
  c.in.append(buffer, static_cast<std::size_t>(length));
  // "\r\n\r\n" may have begun in what was there before.
  const auto end = c.in.find("\r\n\r\n", known < 3 ? 0 : known - 3);
  if (end != std::string::npos && end + 4 <= http_limits::head) {
    auto reply = answer_(std::string_view(c.in).substr(0, end + 4), *c.from);
    if (reply.later && !is_waited_for_) {
      begin_later(c, reply);
      return true;
    }
    c.out = reply.later ? std::string(busy) : std::move(reply.text);
  } else if (c.in.size() >= http_limits::head)
    c.out = too_long;
  else
    return true;
  if (c.out.empty())
    return false;
  c.in = {};
  c.is = doing::writing;
  c.until = clock::now() + http_limits::time;
  return write(c, now);
}

void http_server::begin_later(connection& c, http_reply& reply) {
  later_ = std::jthread([this, make = std::move(reply.later)](const std::stop_token& stop) {
    std::string made;
    try {
      made = make(stop);
    } catch (...) { // no memory: the connection is closed
    }
    {
      const std::lock_guard lock(mutex_);
      made_later_ = std::move(made);
    }
    ring(wake_);
  });
  is_waited_for_ = true;
  c.is = doing::waiting;
  c.until = clock::time_point::max();
}

/// The client may have gone meanwhile.
void http_server::end_later() {
  std::uint64_t rings = 0;
  static_cast<void>(!::read(wake_.get(), &rings, sizeof rings));
  std::optional<std::string> made;
  {
    const std::lock_guard lock(mutex_);
    made.swap(made_later_);
  }
  if (!made)
    return;
  later_.join();
  is_waited_for_ = false;
  const auto waits = std::find_if(connections_.begin(), connections_.end(),
                                  [](const connection& c) { return c.is == doing::waiting; });
  if (waits == connections_.end())
    return;
  if (made->empty()) {
    connections_.erase(waits);
    return;
  }
  waits->in = {};
  waits->out = std::move(*made);
  waits->is = doing::writing;
  waits->since = clock::now();
  waits->until = waits->since + http_limits::time;
  connections_.splice(connections_.end(), connections_, waits); // it is the youngest now
}

bool http_server::write(connection& c, clock::time_point now) {
  const auto length =
      ::send(c.fd.get(), c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
  if (length < 0)
    return must_wait();
  c.sent += static_cast<std::size_t>(length);
  if (c.sent < c.out.size())
    return true;
  // To close while something that it has sent was not read would take the answer away again.
  if (::shutdown(c.fd.get(), SHUT_WR) != 0)
    return false;
  c.out = {};
  c.is = doing::leaving;
  c.until = std::min(c.until, now + http_limits::grace);
  return true;
}

} // namespace convoy::detail
