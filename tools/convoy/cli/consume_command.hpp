#pragma once

namespace CLI {
class App;
}

namespace convoy::tool {

/// Adds `consume` to the program. Parsing a command line that asks for it reads a topic and runs a
/// command per record, until it is told to stop; `exit_status` becomes what --help says. Parsing
/// throws input_error, std::system_error and std::bad_alloc besides CLI11's own. Both arguments
/// must outlive the parsing.
void add_consume_command(CLI::App& program, int& exit_status);

} // namespace convoy::tool
