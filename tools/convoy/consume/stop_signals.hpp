#pragma once

// Signals that ask a program to end in good order.

#include <array>
#include <csignal>

namespace convoy::tool {

class command_runner;

/// Counts them while it lives. One at a time. A second one kills the commands that run, and ends the
/// program at once, whatever its threads wait for.
class stop_signals {
public:
  explicit stop_signals(const command_runner& commands);
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals();

  [[nodiscard]] static int count() noexcept;
  [[nodiscard]] static int first() noexcept; ///< 0: none

private:
  static constexpr std::array all{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, all.size()> former_{};
};

} // namespace convoy::tool
