#pragma once

namespace CLI {
class App;
}

namespace convoy::tool {

/// Adds `simulate` to the program. Parsing a command line that asks for it simulates and prints the
/// report. Parsing throws input_error, std::system_error and std::bad_alloc besides CLI11's own. The
/// program must outlive the parsing.
void add_simulate_command(CLI::App& program);

} // namespace convoy::tool
