#pragma once

// A bar on stderr while a run lasts.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace convoy::tool {

/// Draws from construction to destruction, ten times a second from its own thread, and leaves an
/// empty line behind.
class progress_bar {
public:
  /// `done` tells the share that is done, 0 to 1; called from the bar's thread. Not `shown`: does
  /// nothing at all.
  progress_bar(std::string_view label, std::function<double()> done, bool shown);

  /// For a handler that ends the program: leaves an empty line where a bar may be. Signal safe.
  static void clear_from_signal_handler() noexcept;

private:
  void draw() const;

  static std::atomic<bool> drawn_;
  std::string label_;
  std::function<double()> done_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

} // namespace convoy::tool
