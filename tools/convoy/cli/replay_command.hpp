#pragma once

namespace CLI {
class App;
}

namespace convoy::tool {

/// Adds `replay` to the program. Parsing a command line that asks for it replays and prints the
/// report; `exit_status` becomes 3 if a strategy broke the order that it promises. Parsing throws
/// input_error, std::system_error and std::bad_alloc besides CLI11's own. Both arguments must
/// outlive the parsing.
void add_replay_command(CLI::App& program, int& exit_status);

} // namespace convoy::tool
