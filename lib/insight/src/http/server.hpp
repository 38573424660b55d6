#pragma once

#include "http/listener.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace convoy::detail {

/// What a client may cost.
struct http_limits {
  using duration = std::chrono::steady_clock::duration;
  static constexpr std::size_t connections = 32;
  static constexpr std::size_t head = 8'192; ///< bytes of a request; cpp-httplib recurses over some
  static constexpr duration time = std::chrono::seconds(5);  ///< for each: the request, the answer
  static constexpr duration grace = std::chrono::seconds(1); ///< then it may have to go for others
  static constexpr duration pause = std::chrono::milliseconds(100); ///< if there is no descriptor
};

/// The whole answer; or what makes it in its time, on a thread of its own.
struct http_reply {
  std::string text = {};
  std::function<std::string(std::stop_token)> later = nullptr;
};

/// Answers one request a connection, from one thread, which waits for all of them at once: a slow
/// client has a place and nothing else. A second thread is there while an answer takes its time, of
/// which there is one at once.
class http_server {
public:
  /// To the head of a request, up to the empty line.
  using answer = std::function<http_reply(std::string_view head, const listener& from)>;

  http_server(std::vector<listener> listeners, answer give);
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  ~http_server(); ///< closes all connections; waits for an answer that is being made

  /// In a child of fork(), where the thread is not: a client must not wait for it once the parent
  /// has died.
  void stop_listening() noexcept { listeners_.clear(); }

private:
  using clock = std::chrono::steady_clock;
  enum class doing { reading, waiting, writing, leaving };

  struct connection {
    owned_fd fd;
    const listener* from;
    clock::time_point since, until;
    doing is = doing::reading;
    std::string in = {}, out = {};
    std::size_t sent = 0;
  };

  void run() noexcept;
  void take_turn();
  [[nodiscard]] bool makes_room(clock::time_point now);
  [[nodiscard]] std::list<connection>::iterator oldest();
  void accept_from(const listener& from, clock::time_point now);
  [[nodiscard]] bool serve(connection& c, clock::time_point now); ///< false: it is done
  [[nodiscard]] bool read(connection& c, clock::time_point now);
  void begin_later(connection& c, http_reply& reply);
  void end_later();
  [[nodiscard]] bool write(connection& c, clock::time_point now);

  std::vector<listener> listeners_;
  answer answer_;
  owned_fd wake_;                     ///< an eventfd: the end, or what took its time is done
  std::list<connection> connections_; ///< the oldest first
  clock::time_point accepts_after_{};
  bool is_waited_for_ = false; ///< somebody, later_, makes an answer

  std::mutex mutex_; // guards these
  bool ends_ = false;
  std::optional<std::string> made_later_;

  std::jthread later_; // of thread_, until that is joined
  std::thread thread_;
};

} // namespace convoy::detail
