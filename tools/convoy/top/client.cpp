#include "top/client.hpp"

#include "text/format.hpp"
#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <httplib.h>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace convoy::tool {
namespace {

constexpr std::size_t longest_answer = std::size_t{64} << 20;

/// Why nobody answers there, which cpp-httplib does not tell.
[[noreturn]] void throw_unreachable(const std::string& path) {
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) {
    const std::string reason = path + ": " + std::generic_category().message(errno);
    if (errno == ENOENT)
      throw nobody_there{reason};
    throw input_error{reason};
  }
  if (!S_ISSOCK(is.st_mode))
    throw input_error{path + " is no socket"};
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  path.copy(at.sun_path, sizeof at.sun_path - 1);
  const int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int error =
      ::connect(caller, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? 0 : errno;
  ::close(caller);
  if (error == EAGAIN)
    throw input_error{path + ": too many others wait to be answered there"};
  if (error == ECONNREFUSED)
    throw nobody_there{path + ": its process has ended, nobody listens there"};
  if (error != 0)
    throw input_error{path + ": " + std::generic_category().message(error)};
  throw input_error{path + ": it hangs up; its process may be another user's, or none of convoy's"};
}

/// For people, of a body that may be anything.
std::string first_line(const std::string& body) {
  constexpr std::size_t most = 200; // characters
  return name_text(std::string_view(body).substr(0, std::min(body.find('\n'), 4 * most)), most);
}

/// Calls `ring` after some time, unless it is gone by then.
class alarm_clock {
public:
  template <class Ring>
  alarm_clock(std::chrono::milliseconds after, Ring ring)
      : thread_{[this, after, ring](const std::stop_token& stop) {
          std::unique_lock lock{mutex_};
          stopped_.wait_for(lock, stop, after, [] { return false; });
          if (!stop.stop_requested())
            ring();
        }} {}

private:
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

} // namespace

no_page::no_page(const std::string& whole, std::string line)
    : input_error{whole}, reason{std::move(line)} {}

struct insight_client::http {
  explicit http(const std::string& path) : client{path, 80} {}

  httplib::Client client;
  std::atomic<bool> stopped{false};
};

insight_client::insight_client(const std::string& path, std::chrono::milliseconds patience)
    : path_{path}, patience_{patience} {
  constexpr std::size_t most = sizeof sockaddr_un::sun_path - 1;
  if (path.empty() || path.size() > most || path.find('\0') != std::string::npos)
    throw input_error{"a path of a socket has 1 to " + std::to_string(most) + " bytes, and " +
                      in_quotes(path) + " has " + std::to_string(path.size())};
  http_ = std::make_unique<http>(path);
  http_->client.set_address_family(AF_UNIX);
  http_->client.set_connection_timeout(std::chrono::seconds(1));
  http_->client.set_read_timeout(2 * patience); // of a read; the whole ends sooner
  http_->client.set_write_timeout(std::chrono::seconds(1));
}

insight_client::~insight_client() = default;

std::string insight_client::get(const std::string& page,
                                const std::multimap<std::string, std::string>& parameters) {
  std::string body;
  if (http_->stopped)
    throw input_error{path_ + ": no longer asked"};
  std::atomic<bool> is_late{false};
  const auto look = [&] {
    // The time-outs of the client are for each read: whoever sends a byte now and then has for ever.
    const alarm_clock limit{patience_, [&] {
                              is_late = true;
                              http_->client.stop();
                            }};
    return http_->client.Get(page, parameters, httplib::Headers{{"Host", "localhost"}},
                             [&](const char* text, std::size_t length) {
                               body.append(text, length);
                               return body.size() <= longest_answer && !http_->stopped;
                             });
  };
  const auto result = look();
  if (body.size() > longest_answer)
    throw input_error{path_ + ": the answer is too long"};
  if (is_late)
    throw input_error{path_ + ": no answer in time; its process may be stopped, or have too many "
                              "others to answer"};
  if (!result)
    throw_unreachable(path_);
  if (result->status != 200) {
    auto line = first_line(body);
    const std::string whole = path_ + " answers with status " + std::to_string(result->status);
    throw no_page{line.empty() ? whole : whole + ": " + line, std::move(line)};
  }
  return body;
}

void insight_client::stop() {
  http_->stopped = true;
  http_->client.stop();
}

} // namespace convoy::tool
