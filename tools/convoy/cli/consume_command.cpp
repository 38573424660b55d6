#include "cli/consume_command.hpp"

#include "cli/consume_options.hpp"
#include "consume/consume.hpp"
#include "consume/summary.hpp"
#include "replay/replay.hpp"
#include "report/output_file.hpp"
#include "text/format.hpp"
#include "text/input_error.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

namespace convoy::tool {
namespace {

constexpr int in_trouble = 1;

/// Returns the exit status.
int consume_as_told(const consume_line& line) {
  ignore_broken_pipes();
  const consume_request request = parse_consume(line);
  if (line.output.json == "-")
    throw input_error{"--json: stdout is the commands'; name a file"};
  check_output(line.output, {});
  if (line.socket)
    check_socket(*line.socket);
  const consumption result = consume(request);
  if (line.output.json)
    write_file(*line.output.json, to_json(request, result));
  if (!line.is_quiet)
    std::cerr << to_table(request, result) << std::flush;
  if (result.trouble) {
    std::cerr << "convoy: " << terminal_text(*result.trouble) << '\n';
    return in_trouble;
  }
  return request.until_end && result.signal != 0 ? 128 + result.signal : 0;
}

} // namespace

void add_consume_command(CLI::App& program, int& exit_status) {
  add_consume_options(
      program, [&exit_status](const consume_line& line) { exit_status = consume_as_told(line); });
}

} // namespace convoy::tool
