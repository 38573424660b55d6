#pragma once

namespace CLI {
class App;
}

namespace convoy::tool {

/// Adds `top` to the program. Parsing a command line that asks for it shows what a process does,
/// until the user has seen enough; `exit_status` becomes 128 + N if signal N ended it. Parsing
/// throws input_error, std::system_error and std::bad_alloc besides CLI11's own. Both arguments
/// must outlive the parsing.
void add_top_command(CLI::App& program, int& exit_status);

} // namespace convoy::tool
