#pragma once

// The command line of `convoy replay`.

#include "load/faults.hpp"
#include "load/replay_input.hpp"
#include "replay/replay.hpp"
#include "strategies/strategy.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// As the user wrote it; what is empty was left open.
struct command_line {
  std::vector<std::string> files;
  std::string format = "csv";
  std::optional<std::string> key_column, time_column, time_unit, service_column, bytes_column;
  std::optional<std::uint64_t> skip_bad;
  std::optional<std::string> zipf, hot;
  std::optional<std::uint64_t> seed;
  bool closed = false;
  std::optional<double> rate, speed;
  std::optional<std::string> service, service_kind, strategies;
  std::optional<std::string> fail, policy;
  std::vector<std::string> stick;
  std::optional<unsigned> workers, producers;
  std::optional<std::size_t> capacity;
  std::optional<std::string> json;
  bool hides_progress = false;
};

/// Adds the subcommand `replay`, with its options. run() is called with what the user gave.
void add_replay_options(CLI::App& program, std::function<void(const command_line&)> run);

/// What is to go wrong; nothing where neither --fail nor --stick was given. The policy's seed is
/// still to be set. Throws input_error.
[[nodiscard]] std::optional<fault_options> parse_faults(const command_line& line);

/// Where the input is and how to read it, or how to generate it. Throws input_error.
[[nodiscard]] input_options parse_input(const command_line& line, std::uint64_t seed);

/// Names of strategies, comma separated, or "all". Throws input_error.
[[nodiscard]] std::vector<strategy> parse_strategies(std::string_view list);

} // namespace convoy::tool
