#include "http/answer.hpp"

#include <convoy/detail/base/atomic.hpp>
#include <csignal>
#include <cstddef>
#include <exception>
#include <httplib.h>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace convoy::detail {

namespace {

/// A request that is all there, and the answer to it.
class memory_stream : public httplib::Stream {
public:
  explicit memory_stream(std::string_view in) : in_(in) {}

  [[nodiscard]] std::string take() { return std::move(out_); }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const auto length = in_.copy(to, size);
    in_.remove_prefix(length);
    return static_cast<ssize_t>(length);
  }
  ssize_t write(const char* from, std::size_t size) override {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int& port) const override { port = 0; }
  void get_local_ip_and_port(std::string&, int& port) const override { port = 0; }
  socket_t socket() const override { return 0; }

private:
  std::string_view in_;
  std::string out_;
};

/// cpp-httplib ignores SIGPIPE for the whole process as soon as a server is made, which is not ours
/// to decide; we need it neither. One at a time: two would restore what the other has set.
class sigpipe_kept {
public:
  sigpipe_kept() noexcept { ::sigaction(SIGPIPE, nullptr, &before_); }
  sigpipe_kept(const sigpipe_kept&) = delete;
  sigpipe_kept& operator=(const sigpipe_kept&) = delete;
  ~sigpipe_kept() { ::sigaction(SIGPIPE, &before_, nullptr); }

private:
  static inline mutex one_;
  std::lock_guard<mutex> lock_{one_};
  struct sigaction before_ {};
};

} // namespace

class http_answers::protocol : public httplib::Server {
public:
  explicit protocol(route to) : route_(std::move(to)) {
    set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
    // Before anything else, so that no body is ever read.
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      give(request, response);
      return HandlerResponse::Handled;
    });
    set_exception_handler([](const httplib::Request&, httplib::Response& response,
                             const std::exception_ptr&) { response.status = 500; });
    set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty())
        response.set_content(response.status == 500 ? "out of memory\n"
                                                    : "this is no request that can be answered\n",
                             "text/plain");
    });
  }

  std::string answer(std::string_view head) {
    memory_stream stream(head);
    bool closes = true;
    process_request(stream, true, closes, [](httplib::Request& request) {
      request.ranges.clear(); // 8 KiB of them would be thousands of answers in one
    });
    return stream.take();
  }

private:
  void give(const httplib::Request& request, httplib::Response& response) {
    if (request.method != "GET" && request.method != "HEAD") {
      response.status = 405;
      response.set_header("Allow", "GET, HEAD");
      response.set_content("only GET and HEAD are answered\n", "text/plain");
      return;
    }
    const auto given = route_({.path = request.path,
                               .parameters = request.params,
                               .accept = request.get_header_value("Accept"),
                               .host = request.get_header_value("Host")});
    response.status = given.status;
    response.set_content(given.body, given.type);
  }

  route route_;
};

http_answers::http_answers(route to) {
  const sigpipe_kept kept;
  protocol_ = std::make_unique<protocol>(std::move(to));
}

http_answers::~http_answers() = default;

std::string http_answers::answer(std::string_view head) {
  return protocol_->answer(head);
}

} // namespace convoy::detail
