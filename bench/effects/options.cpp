#include "options.hpp"

#include "input/trace.hpp"
#include "text/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>

namespace convoy::effects {
namespace {

constexpr auto description =
    "Measure what order per key costs, and who pays: sweeps the skew of the keys, the spread of "
    "the\n"
    "service times, the load and the number of workers, and lets every strategy of `convoy "
    "replay`\n"
    "run each point of the sweep (a cell). Handlers sleep, so that many workers mean something on\n"
    "few cores; what takes 50 us or less spins, as timers are no finer. The sweep has three "
    "parts:\n"
    "  closed  all messages at once: efficiency = lower bound of the makespan / makespan\n"
    "  open    Poisson arrivals: latency from the intended time, slowdown, convoy share, fairness\n"
    "  fault   the same beside one key that is stuck or hot: what the other (cold) keys notice\n"
    "A load is a share of the speed-up that order allows: min(P, W / max W_k) for P workers, W "
    "the\n"
    "work of all keys and W_k that of one.";

constexpr auto footer =
    R"(Service times: fixed, exp(onential), or bimodal (10 % take ten times the mean, the others 1 us).
Faults: stuck_once and stuck_often (a handler hangs for 100 ms, once or five times a second), hot_half (one key has as
much work as all the others). Fairness is Jain's index of the keys' mean slowdowns. Price of order is against the
strategy `unordered`, isolation against the same cold messages without the fault. `ideal` is a simulation beside the
strategies: the same messages, with the service times that the first strategy measured, on workers that cost nothing
and take the key first whose first message has waited longest.
The strategy `single` is not among the defaults: one consumer takes up to as many times longer as there are workers.

Examples:
  convoy_effects --json effects.json --plots plots
      everything, in about eight minutes
  convoy_effects --part fault --workers 16 --fault stuck_often
      who waits when one key hangs
  convoy_effects --part open --workers 2 --mean 100us --service bimodal --load 80
      1 us or 1 ms

Exit status: 0; 2 for bad options or an output that cannot be written; 3 if a strategy broke the order it promises.)";

constexpr unsigned most_workers = 1024;

/// A list from names, or from numbers, comma separated.
template <class T>
CLI::Option* add_list(CLI::App& program, const std::string& name, T& list, const std::string& words,
                      const std::string& type) {
  return program.add_option(name, list, words)->delimiter(',')->type_name(type)->group("Sweep");
}

template <class Enum, std::size_t N>
std::vector<Enum> parse_names(const std::string& option, const std::vector<std::string>& given,
                              const std::array<std::string_view, N>& names) {
  std::vector<Enum> chosen;
  for (const std::string& name : given) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end())
      throw tool::input_error{option + ": there is no " + tool::in_quotes(name)};
    chosen.push_back(static_cast<Enum>(found - names.begin()));
  }
  return chosen;
}

/// What the smoke run is: every part, every fault, and the corners of the rest.
sweep smoke_sweep() {
  sweep s;
  s.workers = {8};
  s.thetas = {0, 1.2};
  s.laws = {law::exponential, law::bimodal};
  s.loads = {0.8};
  return s;
}

} // namespace

void declare_options(CLI::App& program, command_line& line) {
  program.description(description);
  program.footer(footer);

  add_list(program, "--part", line.parts, "closed, open, fault [all]", "LIST");
  add_list(program, "--workers", line.workers, "Threads that handle [2,16,64]", "LIST")
      ->check(CLI::Range(1U, most_workers));
  add_list(program, "--theta", line.thetas, "Skew of the keys, 0 is uniform [0,0.99,1.2]", "LIST")
      ->check(CLI::Range(0.0, 10.0));
  add_list(program, "--service", line.laws, "fixed, exp, bimodal [all]", "LIST");
  add_list(program, "--load", line.loads, "Percent of what order allows [50,80,95]", "LIST")
      ->check(CLI::Range(1.0, 99.0));
  add_list(program, "--fault", line.faults, "stuck_once, stuck_often, hot_half [all]", "LIST");
  program
      .add_option("--strategy", line.strategies, "lanes, mutex, shards, unordered, single, or all")
      ->type_name("LIST")
      ->capture_default_str()
      ->group("Sweep");

  const auto cells = "Cells";
  program
      .add_option("--mean", line.mean,
                  "Mean service time [1ms; 100us for each worker that order lets work, if more]")
      ->type_name("DURATION")
      ->group(cells);
  program.add_option("--keys", line.load.keys, "That are not at fault")
      ->type_name("N")
      ->check(CLI::Range(1U, 10'000'000U))
      ->capture_default_str()
      ->group(cells);
  program
      .add_option("--seconds", line.load.seconds,
                  "How long an open run takes, about; others 2.5 times that")
      ->type_name("S")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str()
      ->group(cells);
  program
      .add_option("--repetitions", line.repetitions, "Of the whole sweep, each with other messages")
      ->type_name("N")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str()
      ->group(cells);
  program
      .add_option("--retries", line.retries,
                  "Of a run that a busy machine disturbed, at most; the quietest counts")
      ->type_name("N")
      ->check(CLI::Range(0U, 100U))
      ->capture_default_str()
      ->group(cells);
  program.add_option("--seed", line.load.seed, "Of keys, times and arrivals")
      ->type_name("N")
      ->capture_default_str()
      ->group(cells);
  program
      .add_flag("--smoke", line.is_smoke, "A few short cells: whether all of it works, in seconds")
      ->group(cells);

  const auto output = "Output";
  program.add_option("--json", line.json, "Write every run as JSON")
      ->type_name("FILE")
      ->group(output);
  program.add_option("--plots", line.plots, "Draw SVG plots; needs python3-matplotlib")
      ->type_name("DIR")
      ->group(output);
  program.add_flag("--no-progress", line.hides_progress, "No bar on a terminal")->group(output);
}

sweep sweep_of(command_line& line) {
  sweep s;
  if (line.is_smoke) {
    s = smoke_sweep();
    line.load.seconds = std::min(line.load.seconds, 0.06);
  }
  s.keys = line.load.keys;
  if (!line.parts.empty())
    s.parts = parse_names<part>("--part", line.parts, part_names);
  if (!line.laws.empty())
    s.laws = parse_names<law>("--service", line.laws, law_names);
  if (!line.faults.empty())
    s.faults = parse_names<fault>("--fault", line.faults, fault_names);
  if (std::ranges::find(s.faults, fault::none) != s.faults.end())
    throw tool::input_error{"--fault: a run without it is always made, \"none\" is no fault"};
  if (!line.workers.empty())
    s.workers = line.workers;
  if (!line.thetas.empty())
    s.thetas = line.thetas;
  if (!line.loads.empty()) {
    s.loads = line.loads;
    for (double& load : s.loads)
      load /= 100;
  }
  if (!line.mean.empty())
    s.mean_ns = tool::parse_duration(line.mean);
  if (s.mean_ns && *s.mean_ns < 1000)
    throw tool::input_error{"--mean: at least 1us"};
  return s;
}

} // namespace convoy::effects
