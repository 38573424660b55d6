#include "cli/replay_command.hpp"
#include "replay/progress.hpp"
#include "text/format.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <convoy/version.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <string>

namespace {

constexpr int bad_usage = 2;
constexpr int interrupted = 128 + SIGINT;

/// One line for a terminal, whatever the message holds: file names may hold anything.
int fail(std::string reason) {
  std::ranges::replace(reason, '\n', ' ');
  std::cerr << "convoy: " << convoy::tool::terminal_text(reason) << '\n';
  return bad_usage;
}

} // namespace

int main(int argc, char** argv) {
  // Ends at once: nothing is half done, as a file is written with interrupts off.
  std::signal(SIGINT, [](int) {
    convoy::tool::progress_bar::clear_from_signal_handler();
    std::_Exit(interrupted);
  });

  CLI::App program{"Convoy: ordered processing per key, in parallel across keys"};
  program.set_version_flag("--version", "convoy " CONVOY_VERSION);
  program.require_subcommand(1);
  program.set_help_all_flag("--help-all", "Help of all subcommands");
  int exit_status = 0;
  convoy::tool::add_replay_command(program, exit_status);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& asked) { // --help and --version
    const int status = program.exit(asked);
    return std::cout.flush() ? status : fail("cannot write to stdout");
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return exit_status;
}
