#pragma once

// A line on stderr that is drawn again and again, and what is told beside it.

#include <mutex>
#include <string>
#include <string_view>

namespace convoy::tool {

/// Any thread.
class status_line {
public:
  /// Not `shown`: draw() does nothing.
  explicit status_line(bool shown) : shown_{shown} {}
  status_line(const status_line&) = delete;
  status_line& operator=(const status_line&) = delete;
  ~status_line() { clear(); }

  void draw(std::string_view text);
  void clear();
  /// "convoy: text", on a line of its own.
  void tell(std::string_view text);

private:
  void erase();

  const bool shown_;
  std::mutex mutex_;
  bool is_drawn_ = false;
};

} // namespace convoy::tool
