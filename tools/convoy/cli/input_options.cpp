#include "cli/input_options.hpp"

#include "cli/broker_options.hpp"
#include "cli/whole_option.hpp"
#include "input/bad_lines.hpp"
#include "load/generator.hpp"
#include "load/service.hpp"
#include "report/warnings.hpp"
#include "text/format.hpp"
#include "text/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <thread>
#include <utility>

namespace convoy::tool {
namespace {

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

} // namespace

const char* const input_words =
    R"(CSV has a header line; without options the columns timestamp_us,key,service_us,bytes,access
are read, of which only key must be there; a column such as "timestamp" or "Service_us" is not passed over
in silence but refused: name it, or name none with "". Instead of key there may be keys: those of a joint
message, such as a transfer, separated by semicolons, or in JSON an array of them. Keys are kept as they
are, byte by byte; a JSON number stays as it is written. Times and service are kept to the nanosecond. The names in
the JSON are in the README.)";

void declare_input(CLI::App& command, input_line& line) {
  command
      .add_option("files", line.files,
                  "Input, plain or gzip, sorted by time where it has times;\n"
                  "- is stdin. Or kafka://HOST:PORT/TOPIC, nats://HOST:PORT/STREAM.\n"
                  "Default: flights of 2001")
      ->type_name("FILE");
  const auto input = "Input";
  command.add_option("--format", line.format, "csv, clf (web server log) or jsonl")
      ->check(CLI::IsMember({"csv", "clf", "jsonl"}))
      ->type_name("FORMAT")
      ->capture_default_str()
      ->group(input);
  command
      .add_option("--key", line.key_column,
                  "Column of the key [key]; clf: path or host;\n"
                  "jsonl: a field, also of an inner object, as in user.id")
      ->type_name("NAME")
      ->group(input);
  auto* time_column = command.add_option("--time-column", line.time_column,
                                         "Column of the arrival [timestamp_us, or _ns, _ms, _s];\n"
                                         "numbers, or ISO 8601 as in 2020-10-10T13:55:36Z");
  time_column->type_name("NAME")->group(input);
  command
      .add_option("--time-unit", line.time_unit,
                  "Of its numbers: ns, us, ms or s [what NAME ends with, else us]")
      ->check(CLI::IsMember({"ns", "us", "ms", "s"}))
      ->type_name("UNIT")
      ->needs(time_column)
      ->group(input);
  command
      .add_option("--service-column", line.service_column,
                  "Column of the service time [service_us, or _ns, _ms, _s],\n"
                  "in the unit that NAME ends with, else us")
      ->type_name("NAME")
      ->group(input);
  command
      .add_option("--bytes-column", line.bytes_column,
                  "Column of the size [bytes], of which\n"
                  "the report shows each hot key's share")
      ->type_name("NAME")
      ->group(input);
  command
      .add_option("--access-column", line.access_column,
                  "Column of the access [access]: shared for what may be handled\n"
                  "beside its neighbours of the key, exclusive or nothing for others")
      ->type_name("NAME")
      ->group(input);
  command
      .add_option("--keys-column", line.keys_column,
                  "Column of all keys of a message [keys, if no --key is given],\n"
                  "instead of that of the key: up to 16, as in 7;12; jsonl: an array.\n"
                  "A message of several keys is handled at its turn in each")
      ->type_name("NAME")
      ->group(input);
  auto* skip = command.add_option_function<std::string>(
      "--skip-bad", [&line](const std::string& text) { line.skip_bad = parse_skip(text); },
      "Leave out up to N lines that can't be read, or all, and say\n"
      "which were the first; without it, the first one is an error");
  skip->type_name("N|all")->group(input);

  declare_broker(command, line);

  const auto generator = "Generated input";
  auto* zipf =
      command.add_option("--zipf", line.zipf, "Instead of files: key k has a share like 1/k^THETA")
          ->type_name("KEYS:THETA:MESSAGES")
          ->excludes(skip)
          ->group(generator);
  command.add_option("--hot", line.hot, "One more key with this SHARE of the messages")
      ->type_name("SHARE")
      ->needs(zipf)
      ->group(generator);
  auto* rate = command.add_option_function<std::string>(
      "--rate", [&line](const std::string& text) { line.rate = parse_rate(text); },
      "Arrivals at random, R a second, and not --closed but --speed 1");
  rate->type_name("R")->needs(zipf)->group(generator);
  add_whole(command, "--seed", line.seed, 0, UINT64_MAX, "Of all that is drawn at random [1]")
      ->group(generator);

  const auto load = "Load";
  auto* closed =
      command.add_flag("--closed", line.closed, "Submit as fast as it is taken; the default")
          ->excludes(rate)
          ->group(load);
  command
      .add_option_function<std::string>(
          "--speed",
          [&line](const std::string& text) { line.speed = parse_positive("--speed", text); },
          "Submit at the pace of the input times X; latencies\n"
          "count from the intended time")
      ->type_name("X")
      ->excludes(closed)
      ->group(load);
  command
      .add_option("--service", line.service,
                  "What handlers take: trace[:SCALE], fixed:DURATION, exp:MEAN or\n"
                  "bimodal:SHORT,LONG,SHARE [trace if it has any, else fixed:10us]")
      ->type_name("LAW")
      ->group(load);
  command
      .add_option("--service-kind", line.service_kind, "How they take it: spin or sleep [sleep]")
      ->check(CLI::IsMember({"spin", "sleep"}))
      ->type_name("KIND")
      ->group(load);
}

void declare_capacity(CLI::App& command, std::optional<std::size_t>& capacity, const char* group) {
  constexpr std::uint64_t most_unfinished = std::uint64_t{1} << 31;
  add_whole(command, "--capacity", capacity, 1, most_unfinished,
            "Unfinished messages before submission waits [1048576]; lanes count\n"
            "a joint one for each of its keys")
      ->group(group);
}

input_options parse_input(const input_line& line, std::uint64_t seed) {
  // Not told to CLI11, which would say so of the value of an option that it doesn't know.
  if (line.zipf && !line.files.empty())
    throw input_error{"--zipf generates the input, and " + in_quotes(line.files.front()) +
                      " is a file: leave one of them out"};
  input_options input;
  input.files = line.files;
  input.broker = parse_broker(line);
  if (line.files.empty() && !line.zipf)
    input.files = {default_data()};
  input.reading = {.format = format_of(line.format),
                   .key_column = line.key_column,
                   .time_column = line.time_column,
                   .service_column = line.service_column,
                   .bytes_column = line.bytes_column,
                   .access_column = line.access_column,
                   .keys_column = line.keys_column,
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

workload make_load(const input_line& line, report& result, defaults_taken& choose,
                   bool shows_progress) {
  replay_config& config = result.config;
  config.seed = choose(line.seed, "--seed", std::uint64_t{1});
  const input_options options = parse_input(line, config.seed);
  trace input = options.broker ? load_broker(*options.broker, shows_progress) : load_trace(options);
  config.source = input.source;
  config.skip_bad = line.skip_bad;
  result.not_read = std::move(input.not_read);
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
  if (!config.closed && !line.time_unit)
    if (std::optional<std::string> doubt = doubt_of_times(input, line.time_column))
      result.warnings.push_back(std::move(*doubt));
  workload load = make_workload(std::move(input), service,
                                config.closed ? std::nullopt : std::optional{config.speed});
  result.keys = load.keys;
  config.cores = std::max(1U, std::thread::hardware_concurrency());
  config.service_kind = choose(line.service_kind, "--service-kind", std::string{"sleep"});
  return load;
}

void check_conflation(const workload& load, bool conflates) {
  if (conflates && (load.has_joint() || load.has_shared))
    throw input_error{"--conflate: not with messages that are shared or have several keys, as none "
                      "can stand for the others"};
}

void check_capacity(const workload& load, std::size_t capacity) {
  std::size_t most = 1;
  for (const message& m : load.messages)
    most = std::max<std::size_t>(most, 1U + m.further_count);
  if (capacity < most)
    throw input_error{"--capacity " + std::to_string(capacity) + ": a message has " +
                      plural(most, "key") + ", and takes that much room"};
}

} // namespace convoy::tool
