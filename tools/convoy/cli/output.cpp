#include "cli/output.hpp"

#include "load/replay_input.hpp"
#include "report/output_file.hpp"
#include "text/input_error.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <string_view>
#include <unistd.h>

namespace convoy::tool {
namespace {

void print(std::ostream& stream, std::string_view name, const std::string& text) {
  if (!(stream << text << std::flush))
    throw input_error{"cannot write to " + std::string{name}};
}

} // namespace

void declare_output(CLI::App& command, output_line& line) {
  const auto output = "Output";
  command
      .add_option("--json", line.json,
                  "Write the figures as JSON; - is stdout, the table goes to stderr")
      ->type_name("FILE")
      ->group(output);
  command.add_flag("--no-progress", line.hides_progress, "No bar on a terminal")->group(output);
}

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void check_output(const output_line& line, const std::vector<std::string>& inputs) {
  if (line.json && line.json != "-")
    check_file("--json", *line.json, inputs);
}

void check_file(std::string_view option, const std::string& path,
                const std::vector<std::string>& inputs) {
  const std::string name = std::string{option} + ": ";
  if (path.empty())
    throw input_error{name + "the name of the file is empty"};
  if (is_one_of(path, inputs))
    throw input_error{name + path + " is an input file"};
  if (is_open_as(path, STDOUT_FILENO) || is_open_as(path, STDERR_FILENO))
    throw input_error{name + path + " is where the other output goes; name another file" +
                      (option == "--json" ? ", or - for stdout" : "")};
  check_writable(path);
}

void check_apart(
    const std::vector<std::pair<std::string_view, std::optional<std::string>>>& outputs) {
  for (auto one = outputs.begin(); one != outputs.end(); ++one)
    for (auto other = outputs.begin(); other != one; ++other)
      if (one->second && other->second && is_same_place(*one->second, *other->second))
        throw input_error{std::string{one->first} + ": " + *one->second +
                          " is where the output of " + std::string{other->first} +
                          " goes; name another file"};
}

bool shows_progress(const output_line& line) {
  return !line.hides_progress && isatty(STDERR_FILENO) == 1;
}

/// The JSON comes first, as it is what others wait for. Neither it nor the table is lost with a
/// reader of the other that has gone.
void publish(const output_line& line, const std::string& json, const std::string& table) {
  const bool json_to_stdout = line.json == "-";
  std::exception_ptr failure;
  try {
    if (json_to_stdout)
      print(std::cout, "stdout", json);
    else if (line.json)
      write_file(*line.json, json);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (!failure)
    std::signal(SIGPIPE, SIG_DFL); // all else is done: end like any program whose reader has gone
  if (json_to_stdout)
    print(std::cerr, "stderr", table);
  else
    print(std::cout, "stdout", table);
  if (failure)
    std::rethrow_exception(failure);
}

} // namespace convoy::tool
