#include "cli/consume_options.hpp"

#include "cli/broker_options.hpp"
#include "cli/input_options.hpp"
#include "cli/whole_option.hpp"
#include "consume/environment.hpp"
#include "text/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

namespace convoy::tool {
namespace {

constexpr auto what_it_does =
    "Run a command for each record of a topic of Kafka, as a member of a consumer group, or of a\n"
    "stream of NATS JetStream: records with the same key in order, one at a time, those of "
    "different\n"
    "keys at once. Stdin of the command is the value.";

constexpr auto uses = R"(Examples:
  convoy consume kafka://localhost:9092/orders --group billing --exec './bill "$CONVOY_KEY"'
      one process for each record, until Ctrl-C; what is finished is committed
  convoy consume kafka://localhost:9092/orders --group audit --until-end --exec 'jq -c .id' > ids
      what is there now, and then the end: for cron and scripts
  convoy consume kafka://localhost:9092/mails --group mailer --workers 50 -- ./send --now
      a program without a shell, 50 at once
  convoy consume nats://localhost:4222/ORDERS --group billing --key-token 2 --exec './bill "$CONVOY_KEY"'
      of a stream the key is the subject, or a token of it; --group is the name under which its
      position is kept: who begins last reads on, and the one before ends

How the command ends:
  exit status 0       the record is finished
  75 (EX_TEMPFAIL)    not now: again after the backoff, as often as it takes
  65 (EX_DATAERR)     it can't be handled: a dead letter at once
  126, 127            there is no such command, or it can't be executed: the record is given back,
                      and convoy ends
  any other, a signal, or --timeout
                      a failure: again after the backoff; after --attempts of them a dead letter
The key's later records wait meanwhile, others do not. Dead letters go to --dead-letter-topic, with
headers that say where they are from and why (convoy.error: "exit status 3", "killed by signal 9",
"timeout"). Without that topic the first one ends convoy, and is not committed: it comes first
next time.

)";

constexpr auto at_the_end =
    R"(Stdout and stderr are convoy's own, and no other file is open in the command. It is the leader of a
process group, so Ctrl-C reaches convoy alone: convoy then begins no more, waits for --finish, and tells
what still runs to end (SIGTERM, and 2 s later SIGKILL; what it has started goes with it). What is not
finished is given back to the group, and read again by whoever comes next. A second signal kills what
runs, and ends convoy at once. So a record may be handled twice, or once in part and once in whole, if
its command took longer than --finish, after a crash, and when the group takes a partition away by
force; topic, partition and offset tell it apart.

Exit status: 0 after a signal, or at the end with --until-end; 128 + n if signal n came before that end,
or was the second one;
1 if the command can't be run, or a record has failed and there is no --dead-letter-topic; 2 for bad
options, and if the broker can't be read.)";

constexpr std::int64_t day_ns = 86'400'000'000'000;

CLI::Option* add_time(CLI::App& app, const std::string& name,
                      std::optional<std::chrono::nanoseconds>& time, std::int64_t least,
                      const std::string& words) {
  return app
      .add_option_function<std::string>(
          name,
          [=, &time](const std::string& text) {
            const std::int64_t ns = parse_duration(text);
            if (ns < least || ns > day_ns)
              throw input_error{name + " is from " + (least == 0 ? "0" : "1ms") +
                                " to 86400s, and not " + in_quotes(text)};
            time = std::chrono::nanoseconds{ns};
          },
          words)
      ->type_name("DURATION");
}

void declare_commands(CLI::App& consume, consume_line& line) {
  const auto commands = "Commands";
  constexpr std::int64_t ms = 1'000'000;
  consume.add_option("--exec", line.command, "What /bin/sh -c runs for each record")
      ->type_name("CMD")
      ->group(commands);
  add_whole(consume, "--workers", line.workers, 1, most_threads,
            "So many at once [two for each core]")
      ->group(commands);
  add_time(consume, "--timeout", line.timeout, ms, "Of each; then it is told to end [none]")
      ->group(commands);
  add_whole(consume, "--attempts", line.attempts, 1, UINT32_MAX,
            "So many failures make a dead letter [5]")
      ->group(commands);
  add_time(consume, "--backoff", line.backoff, 0,
           "After the first failure; doubled by each, up to 60s, and\nof that a random part [1s]")
      ->group(commands);
}

void declare_reading(CLI::App& consume, consume_line& line) {
  const auto reading = "Reading";
  constexpr std::int64_t ms = 1'000'000;
  consume
      .add_option(
          "--group", line.group,
          "The consumer group, which knows what is finished; of\nNATS the name of a position")
      ->type_name("NAME")
      ->required()
      ->group(reading);
  consume.add_flag("--until-end", line.until_end, "End when all is handled that is there now")
      ->group(reading);
  consume
      .add_option(
          "--dead-letter-topic,--dead-letter-subject", line.dead_letter_topic,
          "Where records go that have failed for good; without it\nthe first of them ends convoy")
      ->type_name("TOPIC")
      ->group(reading);
  add_whole(consume, "--key-token", line.key_token, 1, 1024,
            "NATS: the key is the N-th token of the subject")
      ->group(reading);
  consume.add_option("--key-header", line.key_header, "NATS: the key is the value of this header")
      ->type_name("NAME")
      ->group(reading);
  add_whole(consume, "--in-flight", line.in_flight, 1, std::uint64_t{1} << 24,
            "Read ahead at most so many that are not finished [10000]")
      ->group(reading);
  add_time(consume, "--commit-every", line.commit_every, ms,
           "How often is told what is finished [1s]")
      ->group(reading);
  add_time(consume, "--finish", line.finish, 0,
           "In the end, or when a partition goes: wait so long for\ncommands that run, then tell "
           "them to end [10s]")
      ->group(reading);
  add_time(consume, "--blocked-after", line.blocked_after, ms,
           "Tell of a record that holds up its partition so long [600s]")
      ->group(reading);
  consume
      .add_option("--broker-setting", line.settings,
                  "A setting of librdkafka, as security.protocol=SASL_SSL or\n"
                  "auto.offset.reset=latest; of NATS as for replay. May be\nrepeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE")
      ->group(reading);
  consume
      .add_option("--broker-timeout", line.broker_timeout,
                  "Give up if no broker answers for so long at first [10s]")
      ->type_name("DURATION")
      ->group(reading);
}

std::vector<std::string> command_of(const consume_line& line) {
  if (line.command && !line.program.empty())
    throw input_error{"--exec is a command already, and " + in_quotes(line.program.front()) +
                      " is another: leave one of them out"};
  if (line.command) {
    if (line.command->find_first_not_of(" \t\n") == std::string::npos)
      throw input_error{"--exec: the command is empty"};
    return {"/bin/sh", "-c", *line.command};
  }
  if (line.program.empty() || line.program.front().empty())
    throw input_error{"which command? Give --exec CMD, or -- PROGRAM ARGUMENT…"};
  return line.program;
}

std::vector<std::string> topics_of(const std::string& names) {
  std::vector<std::string> all;
  for (const std::string_view each : split(names, ',')) {
    if (each.empty())
      throw input_error{"the URL has a comma without a topic at one side"};
    all.emplace_back(each);
  }
  return all;
}

/// Those that convoy decides; librdkafka checks the rest.
void refuse_settings(const consume_request& request) {
  constexpr std::array<std::string_view, 8> decided{
      "bootstrap.servers",    "metadata.broker.list",    "group.id",
      "enable.auto.commit",   "auto.commit.interval.ms", "auto.commit.enable",
      "enable.partition.eof", "enable.auto.offset.store"};
  for (const auto& each : request.settings)
    if (std::ranges::find(decided, each.first) != decided.end())
      throw input_error{"--broker-setting " + each.first + ": convoy sets it itself; leave it out"};
}

void set_key(consume_request& request, const consume_line& line) {
  if (!line.key_token && !line.key_header)
    return;
  if (request.url.kind == broker_kind::kafka)
    throw input_error{"--key-token and --key-header are for NATS; a record of Kafka has a key"};
  if (line.key_token && line.key_header)
    throw input_error{
        "--key-token and --key-header both say what the key is: leave one of them out"};
  if (line.key_header && line.key_header->empty())
    throw input_error{"--key-header: the name is empty"};
  if (line.key_token)
    request.key_token = static_cast<std::uint32_t>(*line.key_token);
  request.key_header = line.key_header;
}

void refuse_end_of(const consume_request& request) {
  if (!request.until_end)
    return;
  if (std::ranges::any_of(request.names, [](const auto& name) { return name.front() == '^'; }))
    throw input_error{"--until-end wants names of topics, and no regular expression"};
  if (std::ranges::any_of(request.settings, [](const auto& setting) {
        return setting.first == "auto.offset.reset" && setting.second != "earliest" &&
               setting.second != "smallest" && setting.second != "beginning";
      }))
    throw input_error{
        "--until-end reads what is there, and auto.offset.reset passes it over: leave "
        "one of them out"};
}

} // namespace

void add_consume_options(CLI::App& program, std::function<void(const consume_line&)> run) {
  const auto line = std::make_shared<consume_line>();
  CLI::App* consume = program.add_subcommand("consume", what_it_does);
  consume->footer(std::string{uses} + variable_words + "\n\n" + at_the_end);
  consume
      ->add_option(
          "url", line->url,
          "kafka://HOST:PORT/TOPIC, several topics with commas; or\nnats://HOST:PORT/STREAM")
      ->type_name("URL")
      ->required();
  consume
      ->add_option("program", line->program,
                   "Instead of --exec, after --: a program and its arguments")
      ->type_name("PROGRAM");
  declare_commands(*consume, *line);
  declare_reading(*consume, *line);
  const auto output = "Output";
  consume
      ->add_option("--json", line->output.json,
                   "Write what is told in the end as JSON; stdout is the commands'")
      ->type_name("FILE")
      ->group(output);
  consume
      ->add_option("--socket", line->socket,
                   "Let `convoy top PATH` watch it: a socket for this user alone")
      ->type_name("PATH")
      ->group(output);
  consume
      ->add_flag("--no-progress", line->output.hides_progress,
                 "On a terminal no line that tells how far it is; nor is there\none if the "
                 "commands' stdout goes there, too")
      ->group(output);
  consume->add_flag("--quiet", line->is_quiet, "Nor a summary in the end")->group(output);
  consume->callback([line, run = std::move(run)] { run(*line); });
}

consume_request parse_consume(const consume_line& line) {
  refuse_unknown_scheme(is_broker_url(line.url) ? "" : line.url);
  if (!is_broker_url(line.url))
    throw input_error{in_quotes(line.url) + " is no URL of the form kafka://HOST:PORT/TOPIC or "
                                            "nats://HOST:PORT/STREAM"};
  consume_request request;
  request.url = parse_broker_url(line.url);
  if (request.url.kind == broker_kind::kafka)
    request.names = topics_of(request.url.name);
  set_key(request, line);
  request.settings = parse_settings(line.settings);
  if (line.broker_timeout)
    request.patience = parse_broker_timeout(*line.broker_timeout);
  if (line.group.empty())
    throw input_error{"--group: the name is empty"};
  request.group = line.group;
  request.command = command_of(line);
  request.workers = line.workers.value_or(2 * std::max(1U, std::thread::hardware_concurrency()));
  request.attempts = line.attempts.value_or(request.attempts);
  request.backoff = line.backoff.value_or(request.backoff);
  request.timeout = line.timeout;
  request.dead_letter_topic = line.dead_letter_topic;
  request.in_flight = line.in_flight.value_or(request.in_flight);
  request.commit_every = line.commit_every.value_or(request.commit_every);
  request.finish = line.finish.value_or(request.finish);
  request.blocked_after = line.blocked_after.value_or(request.blocked_after);
  request.until_end = line.until_end;
  request.socket = line.socket.value_or("");
  // Where commands write there would be no line of one's own.
  request.shows_progress =
      shows_progress(line.output) && !line.is_quiet && ::isatty(STDOUT_FILENO) == 0;
  refuse_settings(request);
  refuse_end_of(request);
  return request;
}

} // namespace convoy::tool
