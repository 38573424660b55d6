#pragma once

// The command line of `convoy consume`.

#include "cli/output.hpp"
#include "consume/request.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// As the user wrote it; what is empty was left open.
struct consume_line {
  std::string url, group;
  std::optional<std::string> command;
  std::vector<std::string> program;
  std::optional<unsigned> workers, attempts;
  std::optional<std::chrono::nanoseconds> backoff, timeout, commit_every, finish, blocked_after;
  std::optional<std::size_t> in_flight, key_token;
  std::optional<std::string> key_header;
  std::string dead_letter_topic;
  std::vector<std::string> settings;
  std::optional<std::string> broker_timeout, socket;
  bool until_end = false, is_quiet = false;
  output_line output;
};

/// Adds the command, which calls `run` with its line.
void add_consume_options(CLI::App& program, std::function<void(const consume_line&)> run);

/// Throws input_error.
[[nodiscard]] consume_request parse_consume(const consume_line&);

} // namespace convoy::tool
