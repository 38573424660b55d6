#include "top/live.hpp"

#include "top/controls.hpp"
#include "top/screen.hpp"
#include "top/terminal.hpp"
#include "top/watcher.hpp"

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstddef>
#include <string>

namespace convoy::tool {

int watch_live(const std::string& socket, std::chrono::milliseconds interval) {
  std::setlocale(LC_CTYPE, "");      // NOLINT(concurrency-mt-unsafe): there is one thread yet
  watcher watched{socket, interval}; // first: its refusals are read on the terminal as it was
  terminal at;
  screen now;
  now.socket = socket;
  receive(now, watched.take());
  for (;;) {
    at.show(draw(now, at.width(), at.height()));
    if (const auto key = at.wait(watched.news_fd())) {
      constexpr std::size_t above = 12; // lines over the keys, about
      if (!press(now, *key, std::max(at.height(), above + 1) - above))
        return terminal::signal();
      watched.ask_why(question_of(now));
    } else {
      receive(now, watched.take());
    }
  }
}

} // namespace convoy::tool
