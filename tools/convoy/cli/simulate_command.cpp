#include "cli/simulate_command.hpp"

#include "cli/replay_options.hpp"
#include "cli/simulate_options.hpp"
#include "replay/progress.hpp"
#include "report/simulation.hpp"
#include "report/warnings.hpp"
#include "simulate/sleep_costs.hpp"
#include "text/format.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/version.hpp>
#include <iostream>
#include <utility>

namespace convoy::tool {
namespace {

void tell(const std::vector<std::string>& sentences) {
  for (const std::string& sentence : sentences)
    std::cerr << "convoy: " << terminal_text(sentence) << '\n';
}

/// What handlers cost besides their service time. Those that spin, or take no time, do not sleep.
void choose_costs(const simulate_line& line, const workload& load, simulation_report& result) {
  const bool spins = result.input.config.service_kind == "spin";
  if (line.overshoot) {
    if (spins)
      throw input_error{"--overshoot: handlers that spin do not sleep"};
    if (const std::int64_t ns = parse_duration(*line.overshoot); ns > 0)
      result.costs.overshoot_ns = {ns};
    return;
  }
  if (spins ||
      std::ranges::none_of(load.messages, [](const message& m) { return m.service_ns > 0; }))
    return;
  result.costs = measure_sleep_costs();
  result.has_measured_costs = true;
}

std::vector<forecast_row> forecast_all(const workload& load, const std::vector<unsigned>& workers,
                                       const std::vector<what_if>& changes,
                                       const simulation_options& options, bool shows_progress) {
  const auto all = static_cast<double>(workers.size() * (1 + changes.size()));
  std::atomic<unsigned> done = 0;
  const progress_bar bar{"simulate", [&] { return done.load() / all; }, shows_progress};
  return forecast(load, workers, changes, options, [&] { ++done; });
}

void execute(const simulate_line& line) {
  ignore_broken_pipes();
  check_output(line, parse_input(line, 0).files);
  std::vector<what_if> changes;
  for (const std::string& text : line.what_if)
    if (what_if change = parse_what_if(text);
        std::ranges::find(changes, change) ==
        changes.end()) // each once, however often it was given
      changes.push_back(std::move(change));

  simulation_report result;
  report& input = result.input;
  replay_config& config = input.config;
  defaults_taken choose{config.defaults};
  input.version = CONVOY_VERSION;
  const workload load = make_load(line, input, choose, shows_progress(line));
  check_conflation(load, line.conflates);
  for (const what_if& change : changes)
    check(load, change);
  config.sweep =
      line.workers ? parse_workers(*line.workers) : useful_workers(measure_trace(load, 1).keys);
  config.workers = config.sweep.back();
  config.conflates = line.conflates;
  config.capacity = choose(line.capacity, "--capacity", std::size_t{1} << 20);
  check_capacity(load, config.capacity);
  input.trace = measure_trace(load, config.workers);
  std::ranges::move(load_warnings(load, input), std::back_inserter(input.warnings));
  tell(not_read(input));
  tell(input.warnings);

  choose_costs(line, load, result);
  result.rows = forecast_all(load, config.sweep, changes,
                             {.capacity = config.capacity,
                              .conflates = config.conflates,
                              .costs = result.costs,
                              .seed = config.seed},
                             shows_progress(line));
  publish(line, to_json(result), to_table(result));
}

} // namespace

void add_simulate_command(CLI::App& program) {
  add_simulate_options(program, execute);
}

} // namespace convoy::tool
