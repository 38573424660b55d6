#pragma once

// The terminal, through ncurses.

#include "top/table.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace convoy::tool {

enum class pressed {
  up,
  down,
  page_up,
  page_down,
  first,
  last,
  enter,
  escape,
  tab,
  by_time,
  by_messages,
  by_cost,
  freeze,
  sources,
  help,
  quit,
  resized, ///< the terminal is of another size
  other
};

/// Takes the terminal over, and gives it back as it was, however that ends: signals that end the
/// program are only noted meanwhile. There can be one.
class terminal {
public:
  /// Throws input_error if stdin and stdout are no terminal, or one that is not known.
  terminal();
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;
  ~terminal();

  [[nodiscard]] std::size_t width() const;
  [[nodiscard]] std::size_t height() const;
  void show(const std::vector<screen_line>& lines);

  /// Waits for a key, or until `fd` is readable: then none. `quit` too when the terminal has gone.
  [[nodiscard]] std::optional<pressed> wait(int fd);

  /// The signal that is to end the program; 0: none has come.
  [[nodiscard]] static int signal();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace convoy::tool
