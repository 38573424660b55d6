#pragma once

// Asks an insight_socket.

#include "text/input_error.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace convoy::tool {

/// Nobody is there: the process has not begun, or has ended.
struct nobody_there : input_error {
  using input_error::input_error;
};

/// Somebody is there, and answers with something else than the page.
struct no_page : input_error {
  no_page(const std::string& whole, std::string line);
  std::string reason; ///< what the answer says; may be empty
};

class insight_client {
public:
  /// Throws input_error for what can be no path of a socket. An answer may take `patience` in all.
  explicit insight_client(const std::string& path,
                          std::chrono::milliseconds patience = std::chrono::seconds{5});
  ~insight_client();

  /// The body of a page. Throws nobody_there, no_page, or input_error with another reason for people.
  [[nodiscard]] std::string get(const std::string& page,
                                const std::multimap<std::string, std::string>& parameters = {});

  /// Ends a get() of another thread, and lets none begin.
  void stop();

private:
  struct http;
  std::string path_;
  std::chrono::milliseconds patience_;
  std::unique_ptr<http> http_;
};

} // namespace convoy::tool
