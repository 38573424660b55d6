#include "convoy/insight/socket.hpp"

#include "convoy/insight/json.hpp"
#include "convoy/insight/metrics.hpp"
#include "convoy/insight/trace.hpp"
#include "http/answer.hpp"
#include "http/listener.hpp"
#include "http/server.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace convoy {

namespace {

using detail::http_request;
using detail::http_response;

constexpr auto index_text = "GET /metrics                    for Prometheus\n"
                            "GET /trace?seconds=1            what workers run, for Perfetto\n"
                            "GET /snapshot.json              what all processors did\n"
                            "GET /explain?processor=P&key=K  why a key does not move\n";

http_response problem(int status, const char* what) {
  return {.status = status, .body = std::string(what) + '\n'};
}

/// None, or only the first: there is no more than one of what we ask for.
std::optional<std::string> parameter(const http_request& request, const char* name) {
  const auto found = request.parameters.find(name);
  return found == request.parameters.end() ? std::nullopt : std::optional(found->second);
}

/// "localhost" or an address, with or without a port: no name that somebody else may own.
bool names_this_machine(std::string_view host) {
  if (host.starts_with('['))
    return true;
  host = host.substr(0, host.find(':'));
  return host.empty() || host == "localhost" ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// What the routes are about. One thread.
class routes {
public:
  explicit routes(runtime& of) : of_(of) {}

  http_response answer(const http_request& request) {
    if (request.path == "/")
      return {.body = index_text};
    if (request.path == "/metrics")
      return metrics(request);
    if (request.path == "/snapshot.json")
      return {.type = "application/json", .body = to_json(snapshots()) + '\n'};
    if (request.path == "/explain")
      return explain(request);
    if (request.path == "/trace")
      return trace(request);
    return problem(404, "there is no such page; / lists them");
  }

  /// The last request was for a trace, of this length: its answer was none.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> take_wanted_trace() {
    return std::exchange(wanted_trace_, std::nullopt);
  }

private:
  using clock = std::chrono::steady_clock;
  static constexpr auto fresh = std::chrono::milliseconds(20);

  http_response metrics(const http_request& request) {
    const bool is_open = request.accept.find("application/openmetrics-text") != std::string::npos;
    std::ostringstream out;
    write_metrics(out, snapshots(),
                  is_open ? metrics_format::openmetrics : metrics_format::prometheus);
    return {.type = is_open ? openmetrics_type : "text/plain; version=0.0.4; charset=utf-8",
            .body = std::move(out).str()};
  }

  http_response explain(const http_request& request) {
    const auto key = parameter(request, "key");
    if (!key)
      return problem(400, "which key? /explain?processor=P&key=K");
    auto processor = parameter(request, "processor");
    if (!processor) {
      const auto& all = snapshots();
      if (all.size() != 1)
        return problem(400, "which processor? /explain?processor=P&key=K");
      processor = all.front().name;
    }
    const auto why = of_.explain(*processor, *key);
    if (!why)
      return problem(404, "no such processor with insight, or no key that it knows: a label counts "
                          "as long as a snapshot lists it");
    return {.type = "application/json", .body = to_json(*why) + '\n'};
  }

  http_response trace(const http_request& request) {
    const auto text = parameter(request, "seconds").value_or("1");
    double seconds = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, seconds);
    if (read.ec != std::errc() || read.ptr != end || !(seconds >= 0.001 && seconds <= 10))
      return problem(400, "seconds are from 0.001 to 10");
    wanted_trace_ = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
    return {};
  }

  /// The workers are asked no more often than makes sense, however many clients there are.
  const std::vector<snapshot>& snapshots() {
    const auto now = clock::now();
    if (!taken_ || now - *taken_ >= fresh) {
      snapshots_ = of_.snapshot();
      taken_ = now;
    }
    return snapshots_;
  }

  runtime& of_;
  std::vector<snapshot> snapshots_;
  std::optional<clock::time_point> taken_;
  std::optional<std::chrono::nanoseconds> wanted_trace_;
};

} // namespace

struct insight_socket::door {
  door(runtime& of, const options& where) : of_(of), routes_(of), address_(where.address) {
    if (where.path.empty() && where.address.empty())
      throw std::invalid_argument("convoy::insight_socket: there must be a path, or an address");
    std::vector<detail::listener> listeners;
    if (!where.path.empty())
      file_.emplace(where.path, listeners.emplace_back());
    if (!where.address.empty())
      listeners.push_back(detail::listen_on(address_));
    server_.emplace(
        std::move(listeners),
        [this](std::string_view head, const detail::listener& from) { return reply(head, from); });
  }

  detail::http_reply reply(std::string_view head, const detail::listener& from) {
    checks_host_ = from.is_loopback;
    auto text = protocol_.answer(head);
    const auto length = routes_.take_wanted_trace();
    if (!length)
      return {.text = std::move(text)};
    return {
        .later = [this, head = std::string(head), length = *length](const std::stop_token& stop) {
          detail::http_answers made([&](const http_request&) { return record(length, stop); });
          return made.answer(head);
        }};
  }

  http_response record(std::chrono::nanoseconds length, const std::stop_token& stop) const {
    constexpr std::size_t most = 200'000; // things of each processor, some 60 bytes each
    std::ostringstream out;
    write_trace(out, of_.record(length, most, stop));
    return {.type = "application/octet-stream", .body = std::move(out).str()};
  }

  http_response answer(const http_request& request) {
    if (checks_host_ && !names_this_machine(request.host))
      return problem(403, "the Host header must be an address, or localhost");
    return routes_.answer(request);
  }

  const pid_t process_ = ::getpid();
  runtime& of_;
  routes routes_;
  std::string address_;
  bool checks_host_ = false; ///< the request that is answered; the server's thread
  detail::http_answers protocol_{[this](const http_request& request) { return answer(request); }};
  std::optional<detail::http_server> server_;
  std::optional<detail::socket_file> file_; ///< goes first: nobody comes who would not be answered
};

insight_socket::insight_socket(runtime& of, const options& where)
    : door_(std::make_unique<door>(of, where)) {}

insight_socket::~insight_socket() {
  if (door_->process_ != ::getpid()) {
    // A child of fork(). The thread is the parent's, and so is the file. Nothing else can be
    // destroyed: the thread may have been at any of it.
    door_->server_->stop_listening();
    static_cast<void>(door_.release());
  }
}

const std::string& insight_socket::address() const noexcept {
  return door_->address_;
}

} // namespace convoy
