// convoy_effects: a study of ordered processing; see its --help.

#include "cli/replay_options.hpp"
#include "figures.hpp"
#include "ideal.hpp"
#include "input/trace.hpp"
#include "options.hpp"
#include "output.hpp"
#include "plots.hpp"
#include "replay/progress.hpp"
#include "replay/replay.hpp"
#include "report/output_file.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace convoy::effects;
namespace tool = convoy::tool;

constexpr int bad_usage = 2;
constexpr int broken_promise = 3;
constexpr int interrupted = 128 + SIGINT;

/// A run through a strategy. If the machine had other things to do it is made again, and the
/// quietest counts, chosen by how late the timers were and not by what the strategy reached. A run
/// that broke a promise always counts.
struct seen_run {
  cell_run measured;
  tool::run raw;
};

seen_run run_cell(const cell& c, const load& given, tool::strategy id, unsigned retries) {
  const auto once = [&] {
    const tool::replay_options options{.workers = c.workers,
                                       .service = tool::service_kind::sleep_long};
    seen_run result;
    result.raw = tool::replay(given.messages, id, options);
    result.measured = measure(c, given, result.raw);
    return result;
  };
  seen_run best = once();
  for (; retries > 0 && best.measured.was_disturbed() && !best.measured.broke_its_promise();
       --retries)
    if (seen_run again = once();
        again.measured.broke_its_promise() || again.measured.late.p99 < best.measured.late.p99)
      best = std::move(again);
  return best;
}

/// Beside the strategies, with the service times that the first of them has measured.
cell_run run_ideal(const cell& c, load given, const tool::run& first) {
  given.messages = as_measured(std::move(given.messages), first);
  return measure(c, given, simulate_ideal(given.messages, c.workers));
}

/// The strategies take turns at every cell, so that what else the machine does meets all of them.
std::vector<cell_run> run_all(const std::vector<cell>& cells,
                              const std::vector<tool::strategy>& strategies,
                              const command_line& line) {
  std::vector<cell_run> runs;
  std::atomic<std::size_t> cells_done = 0;
  const std::size_t all = cells.size() * line.repetitions;
  const tool::progress_bar bar{
      "effects", [&] { return static_cast<double>(cells_done.load()) / static_cast<double>(all); },
      !line.hides_progress && isatty(STDERR_FILENO) == 1};
  for (unsigned repetition = 0; repetition < line.repetitions; ++repetition)
    for (const cell& c : cells) {
      load_options options = line.load;
      options.seed += repetition;
      const load given = make_load(c, options);
      const auto add = [&](cell_run r) {
        r.repetition = repetition;
        runs.push_back(std::move(r));
      };
      std::optional<cell_run> ideal;
      for (const tool::strategy id : strategies) {
        seen_run seen = run_cell(c, given, id, line.retries);
        if (!ideal)
          ideal = run_ideal(c, given, seen.raw);
        add(std::move(seen.measured));
      }
      add(*std::move(ideal));
      ++cells_done;
    }
  compare(runs);
  return runs;
}

/// Returns the exit status.
int execute(command_line& line) {
  const std::vector<cell> cells = plan(sweep_of(line));
  const auto strategies = tool::parse_strategies(line.strategies);
  if (!line.plots.empty()) // before the run, which takes minutes
    std::filesystem::create_directories(line.plots);

  const study result{.version = CONVOY_VERSION,
                     .cores = std::max(1U, std::thread::hardware_concurrency()),
                     .seed = line.load.seed,
                     .keys = line.load.keys,
                     .seconds = line.load.seconds,
                     .runs = run_all(cells, strategies, line)};
  if (!(std::cout << to_summary(result) << std::flush))
    throw tool::input_error{"cannot write to stdout"};
  std::string json_file = line.json;
  if (json_file.empty() && !line.plots.empty())
    json_file = line.plots + "/effects.json";
  if (!json_file.empty())
    tool::write_file(json_file, to_json(result));
  if (!line.plots.empty())
    draw_plots(json_file, line.plots);

  const bool is_broken = std::ranges::any_of(result.runs, &cell_run::broke_its_promise);
  return is_broken ? broken_promise : EXIT_SUCCESS;
}

/// One line for a terminal, whatever the message holds.
int fail(std::string reason) {
  std::ranges::replace(reason, '\n', ' ');
  std::cerr << "convoy_effects: " << reason << '\n';
  return bad_usage;
}

} // namespace

int main(int argc, char** argv) {
  // Ends at once: nothing is half done, as files are put in place whole.
  std::signal(SIGINT, [](int) { std::_Exit(interrupted); });

  CLI::App program;
  command_line line;
  declare_options(program, line);
  program.set_version_flag("--version", "convoy_effects " CONVOY_VERSION);
  try {
    program.parse(argc, argv);
    return execute(line);
  } catch (const CLI::Success& asked) { // --help and --version
    return program.exit(asked);
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
