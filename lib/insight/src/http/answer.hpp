#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace convoy::detail {

struct http_request {
  std::string path;
  std::multimap<std::string, std::string> parameters;
  std::string accept, host; ///< headers
};

struct http_response {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = {};
};

/// HTTP itself, of requests without a body: cpp-httplib's parser and writer, without its sockets and
/// threads, which know no limits.
class http_answers {
public:
  using route = std::function<http_response(const http_request&)>;

  explicit http_answers(route to);
  ~http_answers();

  /// `head` ends with an empty line. Throws std::bad_alloc. One thread at a time.
  [[nodiscard]] std::string answer(std::string_view head);

private:
  class protocol;
  std::unique_ptr<protocol> protocol_;
};

} // namespace convoy::detail
