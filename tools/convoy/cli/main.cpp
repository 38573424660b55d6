#include "cli/consume_command.hpp"
#include "cli/replay_command.hpp"
#include "cli/simulate_command.hpp"
#include "cli/top_command.hpp"
#include "replay/progress.hpp"
#include "strategies/watched.hpp"
#include "text/format.hpp"
#include "text/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <convoy/version.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr int bad_usage = 2;
constexpr int interrupted = 128 + SIGINT;

/// One line for a terminal, whatever the message holds: file names may hold anything.
int fail(std::string reason) {
  std::ranges::replace(reason, '\n', ' ');
  std::cerr << "convoy: " << convoy::tool::terminal_text(reason) << '\n';
  return bad_usage;
}

/// As without a handler, but for the socket.
void end_by(int signal) {
  convoy::tool::watched_door::remove_from_signal_handler();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// What CLI11 says of a command that does not exist does not name it. Empty: nothing is wrong.
std::string wrong_command(const CLI::App& program, int count, char** words) {
  const std::string_view word = count > 1 ? words[1] : "";
  if (word.starts_with('-'))
    return {};
  std::string known;
  for (const CLI::App* each : program.get_subcommands({})) {
    if (each->get_name() == word)
      return {};
    known.append(known.empty() ? "" : ", ").append(each->get_name());
  }
  const std::string what = word.empty()
                               ? "which command?"
                               : "there is no command " + convoy::tool::in_quotes(word) + ";";
  return what + " there are " + known + "; convoy --help tells of them";
}

} // namespace

int main(int argc, char** argv) {
  // Ends at once: nothing is half done, as a file is written with interrupts off.
  std::signal(SIGINT, [](int) {
    convoy::tool::progress_bar::clear_from_signal_handler();
    convoy::tool::watched_door::remove_from_signal_handler();
    std::_Exit(interrupted);
  });
  for (const int ending : {SIGTERM, SIGHUP})
    if (std::signal(ending, end_by) == SIG_IGN) // as nohup does
      std::signal(ending, SIG_IGN);

  CLI::App program{"Convoy: ordered processing per key, in parallel across keys"};
  program.set_version_flag("--version", "convoy " CONVOY_VERSION);
  program.require_subcommand(1);
  program.set_help_all_flag("--help-all", "Help of all subcommands");
  int exit_status = 0;
  convoy::tool::add_replay_command(program, exit_status);
  convoy::tool::add_simulate_command(program);
  convoy::tool::add_consume_command(program, exit_status);
  convoy::tool::add_top_command(program, exit_status);
  if (std::string wrong = wrong_command(program, argc, argv); !wrong.empty())
    return fail(std::move(wrong));
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
