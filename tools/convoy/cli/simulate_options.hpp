#pragma once

// The command line of `convoy simulate`.

#include "cli/input_options.hpp"
#include "cli/output.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// As the user wrote it; what is empty was left open.
struct simulate_line : input_line, output_line {
  std::optional<std::string> workers, overshoot;
  std::vector<std::string> what_if;
  std::optional<std::size_t> capacity;
  bool conflates = false;
};

/// Adds the subcommand `simulate`, with its options. run() is called with what the user gave.
void add_simulate_options(CLI::App& program, std::function<void(const simulate_line&)> run);

} // namespace convoy::tool
