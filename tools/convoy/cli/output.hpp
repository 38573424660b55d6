#pragma once

// Where a command's figures go: a table for people, JSON for programs.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// As the user wrote it.
struct output_line {
  std::optional<std::string> json; ///< a file, or - for stdout
  bool hides_progress = false;
};

/// `line` must outlive the parsing.
void declare_output(CLI::App& command, output_line& line);

/// To write where nobody reads any more, or beyond a limit, is an error like others from now on.
void ignore_broken_pipes();

/// Refuses, before anything has run, a file that the figures could not be written to in the end, or
/// that is one of `inputs`. Throws input_error and std::system_error.
void check_output(const output_line& line, const std::vector<std::string>& inputs);

/// Likewise one file; `option` names it in the message.
void check_file(std::string_view option, const std::string& path,
                const std::vector<std::string>& inputs);

/// Refuses two outputs in one place, be there anything yet or not: each by the name of its option.
/// Throws input_error.
void check_apart(
    const std::vector<std::pair<std::string_view, std::optional<std::string>>>& outputs);

/// Whether to draw progress: on a terminal, unless the user said no.
[[nodiscard]] bool shows_progress(const output_line& line);

/// Writes the table to stdout and the JSON where it was asked for; what takes stdout from the table
/// sends that to stderr. Throws input_error and std::system_error.
void publish(const output_line& line, const std::string& json, const std::string& table);

} // namespace convoy::tool
