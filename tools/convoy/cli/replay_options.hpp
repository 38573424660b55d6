#pragma once

// The command line of `convoy replay`.

#include "cli/input_options.hpp"
#include "cli/output.hpp"
#include "load/faults.hpp"
#include "strategies/strategy.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// As the user wrote it; what is empty was left open.
struct command_line : input_line, output_line {
  std::optional<std::string> strategies, fail, policy, socket;
  std::vector<std::string> stick;
  std::optional<std::string> workers;
  std::optional<unsigned> producers;
  std::optional<std::size_t> capacity;
  bool conflates = false;
  std::optional<std::string> page, trace; ///< the files of --report and --trace
};

/// Adds the subcommand `replay`, with its options. run() is called with what the user gave.
void add_replay_options(CLI::App& program, std::function<void(const command_line&)> run);

/// What is to go wrong; nothing where neither --fail nor --stick was given. The policy's seed is
/// still to be set. Throws input_error.
[[nodiscard]] std::optional<fault_options> parse_faults(const command_line& line);

/// Numbers of workers, comma separated: sorted, none twice, none missing. Throws input_error.
[[nodiscard]] std::vector<unsigned> parse_workers(std::string_view list);

/// Names of strategies, comma separated, or "all". Throws input_error.
[[nodiscard]] std::vector<strategy> parse_strategies(std::string_view list);

} // namespace convoy::tool
