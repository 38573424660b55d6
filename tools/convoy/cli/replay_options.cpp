#include "cli/replay_options.hpp"

#include "input/bad_lines.hpp"
#include "load/fault_policy.hpp"
#include "load/generator.hpp"
#include "text/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <memory>
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
  zcat events.jsonl.gz | convoy replay - --format jsonl --key user.id --json result.json
      JSON lines from a pipe; the figures also as JSON
  convoy replay --zipf 1000000:0.99:1000000 --service fixed:0 --service-kind spin
      a million keys and empty handlers: the overhead of each strategy
  convoy replay --zipf 1000:1.2:100000 --rate 50000 --service exp:100us
      generated load that arrives at random, 50,000 messages a second
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

CSV has a header line; without options the columns timestamp_us,key,service_us,bytes are read,
of which only key must be there; a column such as "timestamp" or "Service_us" is not passed over
in silence but refused: name it, or name none with "". Keys are kept as they are, byte by byte;
a JSON number stays as it is written. Times and service are kept to the nanosecond. The names in
the JSON are in the README.

Exit status: 0; 2 for bad input or options; 3 if a strategy broke the order it promises,
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

/// A number as parse.hpp reads it: CLI11 takes 010 for 8 and what is too large for the largest.
template <class Number>
CLI::Option* add_whole(CLI::App& app, const std::string& name, std::optional<Number>& number,
                       std::uint64_t least, std::uint64_t most, const std::string& words) {
  const auto parse = [=, &number](const std::string& text) {
    number = static_cast<Number>(parse_whole(name, text, least, most));
  };
  return app.add_option_function<std::string>(name, parse, words)->type_name("N");
}

std::uint64_t parse_skip(const std::string& text) {
  if (text == "all")
    return bad_lines::all;
  if (text.empty() || !is_digit(text[0])) // perhaps the next option
    throw input_error{"--skip-bad wants a number of lines, or all, instead of " + in_quotes(text)};
  return parse_whole("--skip-bad", text, 0, bad_lines::all - 1);
}

std::int64_t unit_ns(std::string_view name) {
  return name == "ns" ? 1 : name == "us" ? 1'000 : name == "ms" ? 1'000'000 : 1'000'000'000;
}

input_format format_of(std::string_view name) {
  return name == "csv"   ? input_format::csv
         : name == "clf" ? input_format::clf
                         : input_format::jsonl;
}

/// `line` must outlive the parsing.
void declare_options(CLI::App& replay, command_line& line) {
  constexpr std::uint64_t most_threads = 1024;
  constexpr std::uint64_t most_unfinished = std::uint64_t{1} << 31;
  replay.description(description);
  replay.footer(examples);

  auto* files = replay.add_option("files", line.files,
                                  "Input, plain or gzip, sorted by time where it has times;\n"
                                  "- is stdin. Default: flights of 2001");
  files->type_name("FILE");
  const auto input = "Input";
  replay.add_option("--format", line.format, "csv, clf (web server log) or jsonl")
      ->check(CLI::IsMember({"csv", "clf", "jsonl"}))
      ->type_name("FORMAT")
      ->capture_default_str()
      ->group(input);
  replay
      .add_option("--key", line.key_column,
                  "Column of the key [key]; clf: path or host;\n"
                  "jsonl: a field, also of an inner object, as in user.id")
      ->type_name("NAME")
      ->group(input);
  auto* time_column = replay.add_option("--time-column", line.time_column,
                                        "Column of the arrival [timestamp_us, or _ns, _ms, _s];\n"
                                        "numbers, or ISO 8601 as in 2020-10-10T13:55:36Z");
  time_column->type_name("NAME")->group(input);
  replay
      .add_option("--time-unit", line.time_unit,
                  "Of its numbers: ns, us, ms or s [what NAME ends with, else us]")
      ->check(CLI::IsMember({"ns", "us", "ms", "s"}))
      ->type_name("UNIT")
      ->needs(time_column)
      ->group(input);
  replay
      .add_option("--service-column", line.service_column,
                  "Column of the service time [service_us, or _ns, _ms, _s],\n"
                  "in the unit that NAME ends with, else us")
      ->type_name("NAME")
      ->group(input);
  replay
      .add_option("--bytes-column", line.bytes_column,
                  "Column of the size [bytes], of which\n"
                  "the report shows each hot key's share")
      ->type_name("NAME")
      ->group(input);
  auto* skip = replay.add_option_function<std::string>(
      "--skip-bad", [&line](const std::string& text) { line.skip_bad = parse_skip(text); },
      "Leave out up to N lines that can't be read, or all, and say\n"
      "which were the first; without it, the first one ends the replay");
  skip->type_name("N|all")->group(input);

  const auto generator = "Generated input";
  auto* zipf =
      replay.add_option("--zipf", line.zipf, "Instead of files: key k has a share like 1/k^THETA")
          ->type_name("KEYS:THETA:MESSAGES")
          ->excludes(files)
          ->excludes(skip)
          ->group(generator);
  replay.add_option("--hot", line.hot, "One more key with this SHARE of the messages")
      ->type_name("SHARE")
      ->needs(zipf)
      ->group(generator);
  auto* rate = replay.add_option_function<std::string>(
      "--rate", [&line](const std::string& text) { line.rate = parse_rate(text); },
      "Arrivals at random, R a second, and not --closed but --speed 1");
  rate->type_name("R")->needs(zipf)->group(generator);
  add_whole(replay, "--seed", line.seed, 0, UINT64_MAX,
            "Of keys, arrivals, random service times and --fail [1]")
      ->group(generator);

  const auto load = "Load";
  auto* closed =
      replay.add_flag("--closed", line.closed, "Submit as fast as it is taken; the default")
          ->excludes(rate)
          ->group(load);
  replay
      .add_option_function<std::string>(
          "--speed",
          [&line](const std::string& text) { line.speed = parse_positive("--speed", text); },
          "Submit at the pace of the input times X; latencies\n"
          "count from the intended time")
      ->type_name("X")
      ->excludes(closed)
      ->group(load);
  replay
      .add_option("--service", line.service,
                  "What handlers take: trace[:SCALE], fixed:DURATION, exp:MEAN or\n"
                  "bimodal:SHORT,LONG,SHARE [trace if it has any, else fixed:10us]")
      ->type_name("LAW")
      ->group(load);
  replay.add_option("--service-kind", line.service_kind, "How they take it: spin or sleep [sleep]")
      ->check(CLI::IsMember({"spin", "sleep"}))
      ->type_name("KIND")
      ->group(load);
  add_whole(replay, "--producers", line.producers, 1, most_threads,
            "Threads that submit; a key belongs to one [1]")
      ->group(load);

  const auto processing = "Processing";
  replay.add_option("--strategy", line.strategies, strategy_help())
      ->type_name("LIST")
      ->group(processing);
  add_whole(replay, "--workers", line.workers, 1, most_threads,
            "Threads that handle [sleep: 16, spin: one per core]")
      ->group(processing);
  add_whole(replay, "--capacity", line.capacity, 1, most_unfinished,
            "Unfinished messages before submission waits [1048576]")
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

  const auto output = "Output";
  replay
      .add_option("--json", line.json,
                  "Write the figures as JSON; - is stdout, the table goes to stderr")
      ->type_name("FILE")
      ->group(output);
  replay.add_flag("--no-progress", line.hides_progress, "No bar on a terminal")->group(output);
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

input_options parse_input(const command_line& line, std::uint64_t seed) {
  input_options input;
  input.files = line.files;
  if (line.files.empty() && !line.zipf)
    input.files = {default_data()};
  input.reading = {.format = format_of(line.format),
                   .key_column = line.key_column,
                   .time_column = line.time_column,
                   .service_column = line.service_column,
                   .bytes_column = line.bytes_column,
                   .skip_bad = line.skip_bad.value_or(0)};
  if (line.time_unit)
    input.reading.time_unit_ns = unit_ns(*line.time_unit);
  if (line.zipf)
    input.zipf = parse_zipf(*line.zipf);
  if (line.hot)
    input.hot_share = parse_hot_share(*line.hot);
  input.rate = line.rate.value_or(0);
  input.seed = seed;
  return input;
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
      throw input_error{"--strategy: there is no strategy " + in_quotes(name)};
    chosen.push_back(found->id);
  }
  return chosen;
}

} // namespace convoy::tool
