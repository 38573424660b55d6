#include "cli/replay_command.hpp"

#include "cli/replay_options.hpp"
#include "load/service.hpp"
#include "report/output_file.hpp"
#include "report/report.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <convoy/version.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace convoy::tool {
namespace {

/// Options with a default: takes what the user gave, or notes in the report what was chosen.
class defaults_taken {
public:
  explicit defaults_taken(std::vector<std::string>& noted) : noted_{noted} {}

  template <class T>
  T operator()(const std::optional<T>& given, std::string_view option, const T& otherwise) {
    if (given)
      return *given;
    if constexpr (std::is_convertible_v<T, std::string>)
      note(option, otherwise);
    else
      note(option, text(otherwise));
    return otherwise;
  }

  void note(std::string_view option, const std::string& value) {
    noted_.push_back(value.empty() ? std::string{option} : std::string{option} + ' ' + value);
  }

private:
  static std::string text(double value) { return number_text(value); }
  static std::string text(std::uint64_t value) { return std::to_string(value); }
  static std::string text(unsigned value) { return std::to_string(value); }

  std::vector<std::string>& noted_;
};

/// Refuses, before anything has run, a file that the figures could not be written to in the end.
void check_output(const command_line& line) {
  if (!line.json || line.json == "-")
    return;
  if (line.json->empty())
    throw input_error{"--json: the name of the file is empty"};
  if (is_one_of(*line.json, parse_input(line, 0).files))
    throw input_error{"--json: " + *line.json + " is an input file"};
  if (is_open_as(*line.json, STDOUT_FILENO) || is_open_as(*line.json, STDERR_FILENO))
    throw input_error{"--json: " + *line.json +
                      " is where the other output goes; name another file, or - for stdout"};
  check_writable(*line.json);
}

/// The report as far as it is known before the runs, and what the runs need.
struct plan {
  report result;
  workload load;
  std::vector<strategy> chosen;
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

  config.seed = choose(line.seed, "--seed", std::uint64_t{1});
  trace input = load_trace(parse_input(line, config.seed));
  config.source = input.source;
  config.skip_bad = line.skip_bad;
  p.result.not_read = std::move(input.not_read);
  if (line.files.empty() && !line.zipf)
    choose.note(config.source, "");
  config.service =
      choose(line.service, "--service", std::string{input.has_service ? "trace" : "fixed:10us"});
  const auto service = service_ns(input, parse_service(config.service), config.seed);
  config.closed = !line.speed && !line.rate;
  if (config.closed && !line.closed)
    choose.note("--closed", "");
  if (!config.closed)
    config.speed = choose(line.speed, "--speed", 1.0);
  p.load = make_workload(std::move(input), service,
                         config.closed ? std::nullopt : std::optional{config.speed});

  config.cores = std::max(1U, std::thread::hardware_concurrency());
  config.service_kind = choose(line.service_kind, "--service-kind", std::string{"sleep"});
  const bool sleeps = config.service_kind == "sleep";
  config.workers = choose(line.workers, "--workers", sleeps ? 16U : config.cores);
  config.producers = choose(line.producers, "--producers", 1U);
  config.capacity = config.faults ? room_for_all(line, p.load.messages.size(), choose)
                                  : choose(line.capacity, "--capacity", std::size_t{1} << 20);
  p.options = {.workers = config.workers,
               .producers = config.producers,
               .capacity = config.capacity,
               .service = sleeps ? service_kind::sleep : service_kind::spin,
               .shows_progress = !line.hides_progress && isatty(STDERR_FILENO) == 1};
  if (config.faults) {
    fault_options& faults = *config.faults;
    faults.policy.seed = config.seed;
    p.faulty = with_stuck_keys(p.load, faults.stuck);
    p.poison = draw_poison(p.load.messages.size(), faults.fail_share, config.seed);
    p.healthy = healthy_keys(p.load, p.poison, faults.stuck);
  }
  return p;
}

void print(std::ostream& stream, std::string_view name, const std::string& text) {
  if (!(stream << text << std::flush))
    throw input_error{"cannot write to " + std::string{name}};
}

/// The JSON comes first, as it is what others wait for. Neither it nor the table is lost with a
/// reader of the other that has gone.
void publish(const command_line& line, const report& result) {
  const bool json_to_stdout = line.json == "-";
  std::exception_ptr failure;
  try {
    if (json_to_stdout)
      print(std::cout, "stdout", to_json(result));
    else if (line.json)
      write_file(*line.json, to_json(result));
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (!failure)
    std::signal(SIGPIPE, SIG_DFL); // all else is done: end like any program whose reader has gone
  if (json_to_stdout)
    print(std::cerr, "stderr", to_table(result));
  else
    print(std::cout, "stdout", to_table(result));
  if (failure)
    std::rethrow_exception(failure);
}

/// Seconds that no run of a strategy through these workers can be faster than.
double least_seconds(const workload& load, strategy id, const replay_config& config) {
  const unsigned threads =
      config.service_kind == "spin" ? std::min(config.workers, config.cores) : config.workers;
  std::vector<std::int64_t> service;
  service.reserve(load.messages.size());
  for (const message& m : load.messages)
    service.push_back(m.service_ns);
  return makespan_bound(load, service, id == strategy::single ? 1 : threads,
                        traits_of(id).keeps_order) /
         1e9;
}

/// Whoever waits for long is told for how long; nothing where it is soon over.
void tell_duration(const plan& p) {
  constexpr double long_seconds = 10;
  const replay_config& config = p.result.config;
  double all = config.faults ? least_seconds(p.load, strategy::lanes, config) : 0; // the clean run
  double longest = 0;
  strategy slowest = p.chosen.front();
  for (const strategy id : p.chosen) {
    const double seconds = least_seconds(config.faults ? p.faulty : p.load, id, config);
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
void run_with_faults(plan& p) {
  const failure_policy& policy = p.result.config.faults->policy;
  const std::vector<bool> no_poison(p.load.messages.size());
  const run clean = replay_failing("lanes clean", p.load, no_poison, policy, p.options);
  const run faulty = replay_failing("lanes", p.faulty, p.poison, policy, p.options);
  p.result.runs = {measure_run(p.load, clean, p.options.workers),
                   measure_run(p.faulty, faulty, p.options.workers)};
  p.result.faults = measure_faults(p.load, p.poison, p.healthy, clean, faulty);
}

/// Returns the exit status.
int execute(const command_line& line) {
  // To write where nobody reads any more, or beyond a limit, is an error like others.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  check_output(line);
  plan p = make_plan(line);
  report& result = p.result;
  for (const std::string& sentence : not_read(result))
    std::cerr << "convoy: " << terminal_text(sentence) << '\n';
  result.keys = p.load.keys;
  result.trace = measure_trace(p.load, p.options.workers);
  if (p.options.shows_progress)
    tell_duration(p);
  if (result.config.faults)
    run_with_faults(p);
  else
    for (const strategy id : p.chosen)
      result.runs.push_back(measure_run(p.load, replay(p.load, id, p.options), p.options.workers));

  publish(line, result);
  const bool broken = std::ranges::any_of(
      result.runs, [](const run_figures& f) { return f.keeps_order && f.is_broken(); });
  return broken || (result.faults && !result.faults->is_exact()) ? 3 : 0;
}

} // namespace

void add_replay_command(CLI::App& program, int& exit_status) {
  add_replay_options(program,
                     [&exit_status](const command_line& line) { exit_status = execute(line); });
}

} // namespace convoy::tool
