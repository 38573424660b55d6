#include "top/terminal.hpp"

#include "text/input_error.hpp"
#include "text/utf8.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <curses.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace convoy::tool {
namespace {

// Of the process, as signals are.
volatile std::sig_atomic_t signal_to_end = 0;
int wake_write = -1;

void note_signal(int number) {
  signal_to_end = number;
  const int before = errno;
  static_cast<void>(!::write(wake_write, "", 1));
  errno = before;
}

constexpr std::array ending{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

attr_t attributes_of(look how, bool has_colours) {
  const auto colour = [&](short pair) {
    return has_colours ? static_cast<attr_t>(COLOR_PAIR(pair)) : static_cast<attr_t>(A_NORMAL);
  };
  switch (how) {
  case look::plain:
    return A_NORMAL;
  case look::title:
    return A_BOLD;
  case look::head:
    return has_colours ? colour(COLOR_CYAN) : A_BOLD;
  case look::dim:
    return A_DIM;
  case look::selected:
    return A_REVERSE;
  case look::warning:
    return A_BOLD | colour(COLOR_YELLOW);
  case look::admission:
    return colour(COLOR_MAGENTA);
  case look::own_key:
    return colour(COLOR_RED);
  case look::scheduler:
    return colour(COLOR_YELLOW);
  case look::backoff:
    return colour(COLOR_BLUE);
  case look::service:
    return colour(COLOR_GREEN);
  }
  return A_NORMAL;
}

/// For a terminal that takes no UTF-8.
std::string ascii(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const auto point = text.substr(0, std::max<std::size_t>(code_point_bytes(text), 1));
    plain += point.size() == 1 ? point
             : point == "█"    ? "#"
             : point == "░"    ? "."
             : point == "▒"    ? "+"
             : point == "▓"    ? "="
             : point == "─"    ? "-"
             : point == "–"    ? "-"
             : point == "µ"    ? "u"
                               : "?";
    text.remove_prefix(point.size());
  }
  return plain;
}

pressed meaning_of(int key) {
  switch (key) {
  case KEY_UP:
  case 'k':
    return pressed::up;
  case KEY_DOWN:
  case 'j':
    return pressed::down;
  case KEY_PPAGE:
    return pressed::page_up;
  case KEY_NPAGE:
    return pressed::page_down;
  case KEY_HOME:
    return pressed::first;
  case KEY_END:
    return pressed::last;
  case KEY_ENTER:
  case '\n':
  case '\r':
    return pressed::enter;
  case 27:
    return pressed::escape;
  case '\t':
    return pressed::tab;
  case 't':
    return pressed::by_time;
  case 'm':
    return pressed::by_messages;
  case 'c':
    return pressed::by_cost;
  case 'p':
    return pressed::freeze;
  case 's':
    return pressed::sources;
  case '?':
  case 'h':
    return pressed::help;
  case 'q':
    return pressed::quit;
  case KEY_RESIZE:
    return pressed::resized;
  default:
    return pressed::other;
  }
}

} // namespace

/// What must be given back.
struct terminal::state {
  state() {
    if (::pipe2(wake.data(), O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::system_error{errno, std::generic_category(), "cannot make a pipe"};
    wake_write = wake[1];
    signal_to_end = 0;
    struct sigaction note {};
    note.sa_handler = note_signal;
    for (std::size_t i = 0; i < ending.size(); ++i)
      ::sigaction(ending[i], &note, &before[i]);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() {
    if (screen != nullptr) {
      ::endwin();
      ::delscreen(screen);
    }
    for (std::size_t i = 0; i < ending.size(); ++i)
      ::sigaction(ending[i], &before[i], nullptr);
    ::close(wake[0]);
    ::close(wake[1]);
  }

  SCREEN* screen = nullptr;
  bool has_colours = false, takes_utf8 = false;
  std::array<int, 2> wake{-1, -1};
  std::array<struct sigaction, ending.size()> before{};
};

terminal::terminal() {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1)
    throw input_error{"top needs a terminal; --once prints a table, --json the figures"};
  state_ = std::make_unique<state>();
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the locale does not change any more
  state_->takes_utf8 = std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
  ::set_escdelay(25); // ms: Esc alone is no sequence
  state_->screen = ::newterm(nullptr, stdout, stdin);
  if (state_->screen == nullptr) {
    const char* name = std::getenv("TERM"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    throw input_error{std::string{"there is no such kind of terminal as TERM says: "} +
                      (name == nullptr ? "nothing" : name)};
  }
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::curs_set(0);
  state_->has_colours = ::has_colors();
  if (state_->has_colours) {
    ::start_color();
    ::use_default_colors();
    for (short colour = COLOR_BLACK; colour <= COLOR_WHITE; ++colour)
      ::init_pair(colour, colour, -1);
  }
}

terminal::~terminal() = default;

std::size_t terminal::width() const {
  return static_cast<std::size_t>(std::max(0, getmaxx(stdscr)));
}

std::size_t terminal::height() const {
  return static_cast<std::size_t>(std::max(0, getmaxy(stdscr)));
}

void terminal::show(const std::vector<screen_line>& lines) {
  ::werase(stdscr);
  for (std::size_t y = 0; y < lines.size(); ++y) {
    ::wmove(stdscr, static_cast<int>(y), 0);
    for (const span& part : lines[y]) {
      ::wattrset(stdscr, static_cast<int>(attributes_of(part.how, state_->has_colours)));
      ::waddstr(stdscr, state_->takes_utf8 ? part.text.c_str() : ascii(part.text).c_str());
    }
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

std::optional<pressed> terminal::wait(int fd) {
  for (;;) {
    if (signal_to_end != 0)
      return pressed::quit;
    if (const int key = ::wgetch(stdscr); key != ERR)
      return meaning_of(key);
    std::array<pollfd, 3> all{
        {{STDIN_FILENO, POLLIN, 0}, {state_->wake[0], POLLIN, 0}, {fd, POLLIN, 0}}};
    if (::poll(all.data(), all.size(), -1) < 0)
      continue; // a signal; perhaps the terminal is of another size
    if ((all[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
      return pressed::quit;
    if (all[2].revents != 0)
      return std::nullopt;
  }
}

int terminal::signal() {
  return signal_to_end;
}

} // namespace convoy::tool
