#include "consume/status_line.hpp"

#include "text/format.hpp"

#include <cstdio>

namespace convoy::tool {
namespace {

constexpr std::string_view erase_line = "\r\x1b[K";

void put_on_stderr(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

} // namespace

void status_line::draw(std::string_view text) {
  if (!shown_)
    return;
  const std::lock_guard lock{mutex_};
  is_drawn_ = true;
  put_on_stderr(std::string{erase_line}.append(text));
}

void status_line::clear() {
  const std::lock_guard lock{mutex_};
  erase();
}

void status_line::tell(std::string_view text) {
  const std::lock_guard lock{mutex_};
  erase();
  put_on_stderr("convoy: " + terminal_text(text) + '\n');
}

void status_line::erase() {
  if (is_drawn_)
    put_on_stderr(std::string{erase_line});
  is_drawn_ = false;
}

} // namespace convoy::tool
