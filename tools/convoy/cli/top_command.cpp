#include "cli/top_command.hpp"

#include "text/input_error.hpp"
#include "text/parse.hpp"
#include "top/client.hpp"
#include "top/live.hpp"
#include "top/screen.hpp"
#include "top/snapshots.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>

namespace convoy::tool {
namespace {

constexpr auto description =
    "Watch the processors of a running process: what goes in and out, which keys are hot, what\n"
    "messages wait for, and why a key does not move.";

constexpr auto footer =
    R"(The process opens the socket: with convoy::insight_socket in a program, or with
`convoy replay` or `convoy consume` by --socket PATH. Only its own user and root may connect.

A line per processor: messages in and out a second, the unfinished ones, how long the oldest has
waited, efficiency (how near it is to what order and the workers allow), utilisation of the workers,
ceiling (no number of workers is faster than one by more), p99 of the latency. Below it, of the
selected one: where the time of its messages went, its keys by state, and those keys that matter most.
A bar is solid up to the lower bound of the share and shaded up to the upper one; its head says what a
full one stands for. A processor that reads a broker has a line per source, those with the most lag:
lag from what is finished to the end, records in flight, gaps (ranges that are finished above a record
that is not), and what is committed. BACKLOG and sources are of now, OLDEST, STATE and DEPTH of the end
of the last window, all else of that window.

Keys: up and down select, t m c order by service time, messages and cost (the time that others of the
key waited), Enter tells why the selected key does not move, s lists all sources, Esc goes back, Tab
goes to the next processor, p freezes, ? explains each word, q quits.

If the process ends it is waited for. Exit status: 0; 2 for bad options, or if nobody answers;
128 + n after signal n.)";

struct top_line {
  std::string socket;
  bool once = false, json = false;
  std::chrono::nanoseconds interval = std::chrono::seconds{1};
};

void print(const std::string& text) {
  if (!(std::cout << text << std::flush))
    throw input_error{"cannot write to stdout"};
}

/// Returns the exit status.
int execute(const top_line& line) {
  std::signal(SIGPIPE, SIG_IGN); // the process that is watched may go at any time
  if (!line.once && !line.json) {
    const int signal = watch_live(
        line.socket, std::chrono::duration_cast<std::chrono::milliseconds>(line.interval));
    return signal == 0 ? 0 : 128 + signal;
  }
  const std::string snapshots = insight_client{line.socket}.get("/snapshot.json");
  print(line.json ? plain_json(snapshots) + '\n'
                  : draw_all(parse_snapshots(snapshots), key_order::time));
  return 0;
}

std::chrono::nanoseconds parse_interval(const std::string& text) {
  using namespace std::chrono_literals;
  const std::chrono::nanoseconds interval{parse_duration(text)};
  if (interval < 10ms || interval > 1h)
    throw input_error{"--interval: from 10ms to 3600s, and not " + in_quotes(text)};
  return interval;
}

} // namespace

void add_top_command(CLI::App& program, int& exit_status) {
  const auto line = std::make_shared<top_line>();
  CLI::App* top = program.add_subcommand("top", description);
  top->footer(footer);
  top->add_option("socket", line->socket, "Path of the process's socket")
      ->type_name("SOCKET")
      ->required();
  auto* once = top->add_flag("--once", line->once, "Print all as a table, and end");
  top->add_flag("--json", line->json, "Print all as JSON, and end")->excludes(once);
  top->add_option_function<std::string>(
         "--interval", [line](const std::string& text) { line->interval = parse_interval(text); },
         "Between two looks [1s]")
      ->type_name("DURATION");
  top->callback([line, &exit_status] { exit_status = execute(*line); });
}

} // namespace convoy::tool
