#pragma once

// A run of `lanes` that `convoy top` can watch. Without a socket nothing is different.

#include "strategies/strategy.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/insight/socket.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace convoy::tool {

/// An index that is nobody's name: a key "17" of the input has another one.
enum class key_index : std::uint32_t {};

/// Switches insight on, with the keys' own names.
template <class Options>
void make_watched(Options& options, const strategy_setup& setup, const std::string& name) {
  if (setup.socket.empty())
    return;
  options.name = name;
  options.insight.top = 20;
  options.insight.window = std::chrono::milliseconds{500};
  options.insight.label = [names = setup.names](key_index key) {
    return (*names)[static_cast<std::uint32_t>(key)];
  };
}

/// While it lives the runtime can be watched. There is one at a time.
class watched_door {
public:
  watched_door() = default;
  /// If it can't be opened the run is not watched, and stderr says so: somebody may have taken the
  /// place during a run of hours, whose figures are worth more.
  watched_door(runtime& of, const std::string& socket);
  watched_door(const watched_door&) = delete;
  watched_door& operator=(const watched_door&) = delete;
  ~watched_door();

  /// Throws input_error.
  void open(runtime& of, const std::string& socket);

  /// For a program that ends without destructors: removes the socket's file, if there is one.
  static void remove_from_signal_handler();

private:
  std::optional<insight_socket> door_;
};

} // namespace convoy::tool
