#include "cli/replay_options.hpp"

#include "cli/broker_options.hpp"
#include "cli/page_file.hpp"
#include "cli/trace_file.hpp"
#include "cli/whole_option.hpp"
#include "load/fault_policy.hpp"
#include "text/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

constexpr auto description =
    "Replay a stream of keyed messages through several ways to process them in order per key,\n"
    "and show what the convoy costs: the messages that wait behind others.";

constexpr auto examples = R"(Examples:
  convoy replay
      the data set of the project, through every strategy
  convoy replay access.log.gz --format clf --service exp:2ms
      a web server's log by URL; handlers take 2 ms on average
  convoy replay trades.csv --time-column ts --key symbol --speed 10
      ten times faster than it happened; latencies count from the intended time
  convoy replay trades.csv --key symbol --time-column ts --workers 4,8,16 --report trades.html
      a page to show to others, with what was measured for each number of workers
  zcat events.jsonl.gz | convoy replay - --format jsonl --key user.id --json result.json
      JSON lines from a pipe; the figures also as JSON
  convoy replay kafka://localhost:9092/orders --last 100000 --service exp:2ms
      the end of a topic by its own keys: which of them are hot; nothing changes on the broker
  convoy replay --zipf 1000000:0.99:1000000 --service fixed:0 --service-kind spin
      a million keys and empty handlers: the overhead of each strategy
  convoy replay --zipf 1000:1.2:100000 --rate 30000 --service exp:100us
      generated load that arrives at random, 30,000 messages a second
  convoy replay --zipf 1000:0.99:9000 --rate 3000 --service exp:1ms --fail 0.1% --stick k20:50ms
      some messages fail and a key is slow: what do the other keys notice?

Faults: with --fail or --stick two runs are made of the same messages, submitted alike, through
lanes alone, as other strategies can't retry: first a clean one without faults, then the one with
them. The isolation figure is the p99 latency of the healthy keys (without a poison message or
--stick) in the second run, divided by that of the same keys in the first; 1 is perfect. Beside it
stands how many of their messages were handled a second, compared likewise. Runs differ by chance:
repeat them to see by how much. --capacity must hold all messages, so that none waits to be
submitted. Nobody resumes a parked key: when all else is done the processor ends, and what is
parked, and what waits behind it, becomes dead letters of the kind shutdown. Every message must
be completed or exactly one dead letter.

)";

constexpr auto exit_words =
    R"(Exit status: 0; 2 for bad input or options; 3 if a strategy broke the order it promises,
or a message was lost, or repeated after it was done or dead.)";

std::string strategy_help() {
  std::string text = "Which ones, comma separated [all]:";
  for (const strategy_traits& s : strategies)
    text.append("\n").append(s.name).append(": ").append(s.words);
  return text;
}

std::string policy_help() {
  return "What follows a failure: some of attempts=N,backoff=DURATION,\n"
         "factor=X,ceiling=DURATION,jitter=on|off,max_block=DURATION,\n"
         "then=skip|park|fail_rest, the rest from the default\n"
         "[" +
         policy_text({}) + "]";
}

std::string strategy_names() {
  std::string names;
  for (const strategy_traits& s : strategies)
    names.append(names.empty() ? "" : ", ").append(s.name);
  return names;
}

/// `line` must outlive the parsing.
void declare_options(CLI::App& replay, command_line& line) {
  replay.description(description);
  replay.footer(std::string{examples} + input_words + "\n\n" + broker_words + "\n\n" + exit_words);
  declare_input(replay, line);
  add_whole(replay, "--producers", line.producers, 1, most_threads,
            "Threads that submit; a key belongs to one [1]")
      ->group("Load");

  const auto processing = "Processing";
  replay.add_option("--strategy", line.strategies, strategy_help())
      ->type_name("LIST")
      ->group(processing);
  replay
      .add_option("--workers", line.workers,
                  "Threads that handle [sleep: 16, spin: one per core];\n"
                  "several, as in 1,2,4,8: each strategy runs with each")
      ->type_name("N,...")
      ->group(processing);
  declare_capacity(replay, line.capacity, processing);
  replay
      .add_flag("--conflate", line.conflates,
                "Of the messages of a key that wait, lanes handles the latest,\n"
                "which stands for the others; other strategies handle each")
      ->group(processing);

  const auto faults = "Faults";
  auto* fail = replay.add_option("--fail", line.fail,
                                 "The handler fails at every attempt (outcome::retry) at this\n"
                                 "share of the messages, the poison, drawn by --seed: 0.01 or 1%");
  fail->type_name("SHARE")->group(faults);
  replay
      .add_option("--stick", line.stick,
                  "The handler takes DURATION at each message of KEY, instead of\n"
                  "its service time; may be repeated, for other keys")
      ->allow_extra_args(false)
      ->type_name("KEY:DURATION")
      ->group(faults);
  replay.add_option("--policy", line.policy, policy_help())
      ->type_name("POLICY")
      ->needs(fail)
      ->group(faults);
  replay
      .add_option("--socket", line.socket,
                  "While lanes runs, let `convoy top PATH` watch it: a socket for\n"
                  "this user alone. It costs lanes a little")
      ->type_name("PATH")
      ->group("Output");
  declare_output(replay, line);
  declare_page(replay, line.page);
  declare_trace(replay, line.trace);
}

} // namespace

void add_replay_options(CLI::App& program, std::function<void(const command_line&)> run) {
  const auto line = std::make_shared<command_line>();
  CLI::App* replay = program.add_subcommand("replay");
  declare_options(*replay, *line);
  replay->callback([line, run = std::move(run)] { run(*line); });
}

std::optional<fault_options> parse_faults(const command_line& line) {
  if (!line.fail && line.stick.empty())
    return {};
  fault_options faults;
  if (line.fail)
    faults.fail_share = parse_fail_share(*line.fail);
  for (const std::string& text : line.stick)
    faults.stuck.push_back(parse_stuck_key(text));
  if (line.policy)
    faults.policy = parse_policy(*line.policy);
  return faults;
}

std::vector<unsigned> parse_workers(std::string_view list) {
  std::vector<unsigned> workers;
  for (const std::string_view each : split(list, ','))
    workers.push_back(static_cast<unsigned>(parse_whole("--workers", each, 1, most_threads)));
  std::ranges::sort(workers);
  workers.erase(std::unique(workers.begin(), workers.end()), workers.end());
  return workers;
}

std::vector<strategy> parse_strategies(std::string_view list) {
  std::vector<strategy> chosen;
  if (list == "all") {
    std::ranges::transform(strategies, std::back_inserter(chosen), &strategy_traits::id);
    return chosen;
  }
  for (const std::string_view name : split(list, ',')) {
    const auto found = std::ranges::find(strategies, name, &strategy_traits::name);
    if (found == strategies.end())
      throw input_error{"--strategy: there is no strategy " + in_quotes(name) +
                        "; expected all or some of " + strategy_names()};
    if (std::ranges::find(chosen, found->id) == chosen.end())
      chosen.push_back(found->id);
  }
  return chosen;
}

} // namespace convoy::tool
