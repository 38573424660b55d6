#include "cli/simulate_options.hpp"

#include "cli/broker_options.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

namespace convoy::tool {
namespace {

constexpr auto description =
    "Predict in a moment what `convoy replay` would measure with strategy lanes, for any number "
    "of\n"
    "workers, and what would change if a key were handled faster or split into several.";

constexpr auto examples = R"(Examples:
  convoy simulate
      the data set of the project, on 1, 2, 4, … workers
  convoy simulate access.log.gz --format clf --service exp:2ms --workers 16,64
      a web server's log by URL; handlers take 2 ms on average
  convoy simulate trades.csv --time-column ts --key symbol --speed 10 --what-if AAPL:split=4
      ten times faster than it happened: what if AAPL's trades were dealt to four keys?
  convoy simulate nats://localhost:4222/ORDERS --key-token 2 --service exp:2ms --workers 8,64
      a stream by a part of its subjects: what would more workers bring?
  convoy simulate --zipf 1000:0.99:100000 --service exp:1ms --what-if k1:faster=2 --json result.json
      generated load, with the hottest key's handlers twice as fast; the figures also as JSON

The rule is that of the library: each key in order, one message at a time, shared ones beside each other
and joint ones at their turn in each of their keys; of the keys that wait for
a worker the one whose first message came first goes next. Workers and submission take no time for
themselves. What sleeping handlers cost besides is measured on this machine for a moment, so that
the forecast is one of a replay here: a sleep takes too long by what the timer and the handing over
take, and each message needs a core for some microseconds, which is what ends the speed-up of many
workers with short handlers. --overshoot D takes D for the one and nothing for the other. Handlers
that spin have a core each. Faults are not simulated.

--what-if KEY:split=N deals the messages of KEY to N keys in turn, KEY:faster=X divides the time of
its handlers by X, KEY:faster=X,split=N does both. It may be repeated: each is a load of its own
beside the load as it is. "Hot" remains the key that is the hottest as it is.

)";

constexpr auto exit_words = "Exit status: 0; 2 for bad input or options.";

/// `line` must outlive the parsing.
void declare_options(CLI::App& simulate, simulate_line& line) {
  simulate.description(description);
  simulate.footer(std::string{examples} + input_words + "\n\n" + broker_words + "\n\n" +
                  exit_words);
  declare_input(simulate, line);

  const auto processing = "Processing";
  simulate
      .add_option("--workers", line.workers,
                  "Threads that handle, 1 to 1,024, comma separated\n"
                  "[1,2,4,… until each key has one]")
      ->type_name("N,...")
      ->group(processing);
  declare_capacity(simulate, line.capacity, processing);
  simulate
      .add_flag("--conflate", line.conflates,
                "Of the messages of a key that wait, the latest is handled, and\n"
                "stands for the others")
      ->group(processing);
  simulate
      .add_option("--overshoot", line.overshoot,
                  "By which each sleep takes too long; 0: handlers take exactly\n"
                  "their time [measured on this machine]")
      ->type_name("DURATION")
      ->group(processing);
  simulate
      .add_option("--what-if", line.what_if,
                  "Also a load in which KEY is handled faster=X times as fast,\n"
                  "or is split=N keys, or both; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY:CHANGE")
      ->group(processing);
  declare_output(simulate, line);
  simulate
      .add_option_function<std::string>(
          "--report",
          [](const std::string&) {
            throw input_error{
                "--report: it explains a run, so it is for replay, whose page predicts, "
                "too; simulate writes --json"};
          })
      ->group(""); // not listed
}

} // namespace

void add_simulate_options(CLI::App& program, std::function<void(const simulate_line&)> run) {
  const auto line = std::make_shared<simulate_line>();
  CLI::App* simulate = program.add_subcommand("simulate");
  declare_options(*simulate, *line);
  simulate->callback([line, run = std::move(run)] { run(*line); });
}

} // namespace convoy::tool
