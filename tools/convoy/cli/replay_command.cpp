#include "cli/replay_command.hpp"

#include "cli/page_file.hpp"
#include "cli/replay_options.hpp"
#include "cli/trace_file.hpp"
#include "replay/replay.hpp"
#include "report/report.hpp"
#include "report/warnings.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <convoy/version.hpp>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace convoy::tool {
namespace {

/// The report as far as it is known before the runs, and what the runs need.
struct plan {
  report result;
  workload load;
  std::vector<strategy> chosen;
  std::vector<unsigned> workers; ///< each with each strategy, ascending
  replay_options options;
  std::vector<bool> poison, healthy; ///< with faults: of messages, of keys
  workload faulty;                   ///< with faults: the load with the stuck keys
};

/// Submission never waits in a run with faults: the messages arrive as in the clean one, and those
/// of parked keys do not keep others out for ever.
std::size_t room_for_all(const command_line& line, std::size_t messages, defaults_taken& choose) {
  const std::size_t capacity =
      choose(line.capacity, "--capacity", std::max(std::size_t{1} << 20, messages));
  if (capacity < messages)
    throw input_error{"--capacity " + std::to_string(capacity) +
                      ": with --fail or --stick it must hold all " + plural(messages, "message") +
                      ", so that they arrive as without faults; leave --capacity out"};
  return capacity;
}

/// What does not go with joint messages is refused, and strategies that were not named are left out.
void prepare_joint(plan& p, const command_line& line) {
  const replay_config& config = p.result.config;
  if (config.faults)
    throw input_error{"--fail and --stick: not with messages of several keys, which wait for each "
                      "other: no other key would be healthy"};
  if (config.producers > 1)
    throw input_error{
        "--producers: with messages of several keys it is 1, as a key belongs to one"};
  check_capacity(p.load, config.capacity);
  for (const strategy_traits& s : strategies) {
    if (s.takes_joint || std::ranges::find(p.chosen, s.id) == p.chosen.end())
      continue;
    const std::string name{s.name};
    if (line.strategies && *line.strategies != "all")
      throw input_error{"--strategy: " + name +
                        " can't handle messages of several keys, as these "
                        "have threads of their own; leave it out"};
    std::erase(p.chosen, s.id);
    p.result.warnings.push_back(name + " is left out, as it can't handle messages of several keys: "
                                       "these have threads of their own");
  }
}

plan make_plan(const command_line& line) {
  plan p;
  replay_config& config = p.result.config;
  defaults_taken choose{config.defaults};
  p.result.version = CONVOY_VERSION;
  config.faults = parse_faults(line);
  if (line.fail && !line.policy)
    choose.note("--policy", "");
  p.chosen = parse_strategies(
      choose(line.strategies, "--strategy", std::string{config.faults ? "lanes" : "all"}));
  if (config.faults && p.chosen != std::vector{strategy::lanes})
    throw input_error{"--strategy: with --fail or --stick it is lanes alone, as the others can "
                      "neither retry nor bury messages; leave --strategy out"};

  if (line.conflates && config.faults)
    throw input_error{"--conflate: not with --fail or --stick, where two runs of the same messages "
                      "are compared"};
  if (line.conflates && std::ranges::find(p.chosen, strategy::lanes) == p.chosen.end())
    throw input_error{"--conflate: only lanes conflates, and --strategy leaves it out"};
  config.conflates = line.conflates;

  if (line.socket && std::ranges::find(p.chosen, strategy::lanes) == p.chosen.end())
    throw input_error{"--socket: only lanes can be watched, and --strategy leaves it out"};

  p.load = make_load(line, p.result, choose, shows_progress(line));
  check_conflation(p.load, line.conflates);
  const bool sleeps = config.service_kind == "sleep";
  p.workers =
      parse_workers(choose(line.workers, "--workers", std::to_string(sleeps ? 16U : config.cores)));
  if (config.faults && p.workers.size() > 1)
    throw input_error{"--workers: with --fail or --stick it is one number, as two runs are "
                      "compared"};
  config.workers = p.workers.back();
  if (p.workers.size() > 1)
    config.sweep = p.workers;
  config.producers = choose(line.producers, "--producers", 1U);
  config.capacity = config.faults ? room_for_all(line, p.load.messages.size(), choose)
                                  : choose(line.capacity, "--capacity", std::size_t{1} << 20);
  if (p.load.has_joint())
    prepare_joint(p, line);
  p.options = {.workers = config.workers,
               .producers = config.producers,
               .capacity = config.capacity,
               .service = sleeps ? service_kind::sleep : service_kind::spin,
               .shows_progress = shows_progress(line),
               .conflates = config.conflates,
               .socket = line.socket.value_or("")};
  if (config.faults) {
    fault_options& faults = *config.faults;
    faults.policy.seed = config.seed;
    p.faulty = with_stuck_keys(p.load, faults.stuck);
    p.poison = draw_poison(p.load.messages.size(), faults.fail_share, config.seed);
    p.healthy = healthy_keys(p.load, p.poison, faults.stuck);
  }
  return p;
}

/// With which of the numbers of workers a strategy runs: `single` has one worker, whatever is
/// offered, and runs once, to be compared with the most.
std::span<const unsigned> workers_of(const plan& p, strategy id) {
  const std::span all{p.workers};
  return id == strategy::single ? all.last(1) : all;
}

/// Seconds that no run of a strategy, with each number of its workers, can be faster than.
double least_seconds(const plan& p, const workload& load, strategy id) {
  double ns = 0;
  for (const unsigned workers : workers_of(p, id))
    ns += makespan_bound(load,
                         id == strategy::single ? 1 : effective_workers(p.result.config, workers),
                         traits_of(id).keeps_order);
  return ns / 1e9;
}

/// Whoever waits for long is told for how long; nothing where it is soon over.
void tell_duration(const plan& p) {
  constexpr double long_seconds = 10;
  const replay_config& config = p.result.config;
  double all = config.faults ? least_seconds(p, p.load, strategy::lanes) : 0; // the clean run
  double longest = 0;
  strategy slowest = p.chosen.front();
  for (const strategy id : p.chosen) {
    const double seconds = least_seconds(p, config.faults ? p.faulty : p.load, id);
    all += seconds;
    if (seconds > longest) {
      longest = seconds;
      slowest = id;
    }
  }
  if (all < long_seconds)
    return;
  std::cerr << "convoy: this takes at least " << long_time_text(all);
  if (p.chosen.size() > 1)
    std::cerr << ", " << traits_of(slowest).name << " alone " << long_time_text(longest);
  std::cerr << '\n';
}

/// The clean run comes first, with the same processor and policy.
void run_with_faults(plan& p, page_file& page, trace_file& trace) {
  const failure_policy& policy = p.result.config.faults->policy;
  const std::vector<bool> no_poison(p.load.messages.size());
  const run clean = replay_failing("lanes clean", p.load, no_poison, policy, p.options);
  const run faulty = replay_failing("lanes", p.faulty, p.poison, policy, p.options);
  const unsigned workers = effective_workers(p.result.config, p.options.workers);
  p.result.runs = {measure_run(p.load, clean, workers), measure_run(p.faulty, faulty, workers)};
  page.add(p.load, clean);
  page.add(p.faulty, faulty);
  trace.add(p.load, clean, 2);
  trace.add(p.faulty, faulty, 2);
  p.result.faults = measure_faults(p.load, p.poison, p.healthy, clean, faulty);
}

void run_each(plan& p, page_file& page, trace_file& trace) {
  for (const strategy id : p.chosen)
    for (const unsigned workers : workers_of(p, id)) {
      p.options.workers = workers;
      const run seen = replay(p.load, id, p.options);
      p.result.runs.push_back(
          measure_run(p.load, seen, effective_workers(p.result.config, workers)));
      page.add(p.load, seen);
      trace.add(p.load, seen, p.chosen.size() * p.workers.size());
    }
}

/// What else there is to tell is told even where the page or the trace can't be written.
void publish_all(const command_line& line, const plan& p, page_file& page,
                 const trace_file& trace) {
  std::exception_ptr failure;
  const auto attempt = [&](const auto& write) {
    try {
      write();
    } catch (const std::exception& error) {
      if (failure)
        std::cerr << "convoy: " << terminal_text(error.what()) << '\n';
      else
        failure = std::current_exception();
    }
  };
  attempt([&] { trace.write(); });
  attempt([&] { page.write(p.result.config.faults ? p.faulty : p.load, p.result); });
  attempt([&] { publish(line, to_json(p.result), to_table(p.result)); });
  if (failure)
    std::rethrow_exception(failure);
}

/// Who sits at a terminal may not know what else there is.
void tell_next(const command_line& line) {
  if (::isatty(STDOUT_FILENO) == 0)
    return;
  std::cerr
      << "\nNext: convoy simulate with the same input predicts a run with more workers, or, by "
         "--what-if KEY:split=4, of a key in parts"
      << (line.page ? "" : ";\n      --report run.html explains this run on a page") << ".\n";
}

/// Returns the exit status.
int execute(const command_line& line) {
  ignore_broken_pipes();
  const std::vector<std::string> inputs = parse_input(line, 0).files;
  check_output(line, inputs);
  check_apart({{"--json", line.json == "-" ? std::nullopt : line.json},
               {"--trace", line.trace},
               {"--socket", line.socket},
               {"--report", line.page}});
  if (line.socket)
    check_socket(*line.socket);
  trace_file trace{line.trace, inputs};
  page_file page{line.page, inputs};
  plan p = make_plan(line);
  p.options.traces = trace.is_wanted();
  report& result = p.result;
  for (const std::string& sentence : not_read(result))
    std::cerr << "convoy: " << terminal_text(sentence) << '\n';
  const unsigned most = effective_workers(result.config, result.config.workers);
  result.trace = measure_trace(p.load, most);
  for (std::string& warning : load_warnings(p.load, result))
    result.warnings.push_back(std::move(warning));
  for (const std::string& warning : result.warnings)
    std::cerr << "convoy: " << terminal_text(warning) << '\n';
  if (p.options.shows_progress)
    tell_duration(p);
  if (result.config.faults)
    run_with_faults(p, page, trace);
  else
    run_each(p, page, trace);
  publish_all(line, p, page, trace);
  const bool broken = std::ranges::any_of(
      result.runs, [](const run_figures& f) { return f.keeps_order && f.is_broken(); });
  if (broken || (result.faults && !result.faults->is_exact()))
    return 3;
  if (p.options.shows_progress)
    tell_next(line);
  return 0;
}

} // namespace

void add_replay_command(CLI::App& program, int& exit_status) {
  add_replay_options(program,
                     [&exit_status](const command_line& line) { exit_status = execute(line); });
}

} // namespace convoy::tool
