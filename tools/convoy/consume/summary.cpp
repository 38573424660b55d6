#include "consume/summary.hpp"

#include "text/format.hpp"

#include <convoy/version.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <vector>

namespace convoy::tool {
namespace {

using ordered_json = nlohmann::ordered_json;

std::string end_text(const consumption& of) {
  if (of.trouble)
    return "trouble";
  switch (of.signal) {
  case 0:
    return "the end";
  case SIGINT:
    return "SIGINT";
  case SIGTERM:
    return "SIGTERM";
  case SIGHUP:
    return "SIGHUP";
  default:
    return "signal " + std::to_string(of.signal);
  }
}

std::string elapsed_text(double seconds) {
  constexpr double short_time = 60;
  return seconds < short_time ? duration_text(seconds * 1e6) : long_time_text(seconds);
}

} // namespace

std::string to_table(const consume_request& request, const consumption& of) {
  const source_account& account = of.account;
  const command_counts& commands = of.commands;
  std::string text = terminal_text(request.url.shown()) +
                     (request.url.kind == broker_kind::kafka ? ", group " : ", name ") +
                     terminal_text(request.group) + ": " + elapsed_text(of.seconds) +
                     ", ended by " + end_text(of) + "\n\n";
  std::vector<std::vector<std::string>> rows{{"records read", count_text(account.read), ""},
                                             {"handled", count_text(account.handled), ""},
                                             {"dead letters", count_text(account.dead_letters), ""},
                                             {"given back", count_text(account.given_back), ""}};
  if (account.given_back > 0)
    rows.back()[2] = "not finished: whoever reads next has them again";
  if (account.passed_over > 0)
    rows.push_back({"passed over", count_text(account.passed_over), "finished before"});
  rows.push_back({"commands", count_text(commands.begun), ""});
  if (commands.failed > 0)
    rows.push_back(
        {"failed", count_text(commands.failed),
         commands.timed_out > 0 ? count_text(commands.timed_out) + " by --timeout" : ""});
  if (commands.put_off > 0)
    rows.push_back({"put off", count_text(commands.put_off), "exit status 75"});
  for (auto& row : rows)
    if (row[2].empty())
      row.pop_back();
  text += align(rows, last_column::to_the_left);
  if (of.positions.empty())
    return text;
  rows = {{request.url.kind == broker_kind::kafka ? "partition" : "stream", "goes on at", "lag"}};
  for (const source_position& each : of.positions)
    rows.push_back({terminal_text(each.name), count_text(each.committed), count_text(each.lag)});
  return text + "\n" + align(rows);
}

std::string to_json(const consume_request& request, const consumption& of) {
  const source_account& account = of.account;
  const command_counts& commands = of.commands;
  ordered_json positions = ordered_json::array();
  for (const source_position& each : of.positions)
    positions.push_back({{"name", each.name}, {"committed", each.committed}, {"lag", each.lag}});
  const ordered_json all{
      {"version", CONVOY_VERSION},
      {"config",
       {{"source", request.url.shown()}, {"group", request.group}, {"workers", request.workers}}},
      {"seconds", of.seconds},
      {"ended_by", end_text(of)},
      {"trouble", of.trouble ? ordered_json(*of.trouble) : ordered_json()},
      {"account",
       {{"read", account.read},
        {"handled", account.handled},
        {"dead_letters", account.dead_letters},
        {"given_back", account.given_back},
        {"passed_over", account.passed_over}}},
      {"commands",
       {{"begun", commands.begun},
        {"done", commands.done},
        {"failed", commands.failed},
        {"timed_out", commands.timed_out},
        {"put_off", commands.put_off}}},
      {"positions", std::move(positions)}};
  return all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

} // namespace convoy::tool
