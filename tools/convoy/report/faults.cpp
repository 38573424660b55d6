#include "report/faults.hpp"

#include "load/fault_policy.hpp"
#include "text/format.hpp"

#include <cmath>

namespace convoy::tool {
namespace {

using row = std::vector<std::string>;

std::string ratio_or_none(double ratio) {
  return std::isfinite(ratio) ? ratio_text(ratio) : "–";
}

std::string throughput_text(double per_second) {
  return per_second > 0 ? count_text(static_cast<std::uint64_t>(per_second)) : "–";
}

std::string account(const fault_figures& f) {
  const std::string sum = plural(f.messages, "message") + " = " + count_text(f.completed) +
                          " completed + " + plural(f.dead(), "dead letter");
  if (f.is_exact())
    return "Account: " + sum + ", each exactly one of them.";
  return "THE ACCOUNT DOES NOT HOLD: it should be " + sum + "; " + count_text(f.lost) +
         (f.lost == 1 ? " was" : " were") + " neither, and " + plural(f.miscounted, "dead letter") +
         " told a wrong number of attempts.";
}

std::string isolation(const fault_figures& f, bool closed) {
  if (f.healthy_keys == 0)
    return "Isolation: no key was healthy, so there is none to compare; choose a smaller --fail.";
  std::string text = "Isolation: of the healthy keys, the slowest 1 % of the messages took " +
                     ratio_or_none(f.p99_ratio()) + " times as long as without faults (" +
                     duration_text(f.faulty.p99_us) + ", " + duration_text(f.clean.p99_us) +
                     "), and " + ratio_or_none(f.throughput_ratio()) +
                     " times as many were handled a second. Where others' faults are not "
                     "noticed, both are 1, give or take what two runs differ by anyway.";
  if (f.calls < f.messages && f.p99_ratio() < 1)
    text += " Messages that died untried took no worker's time, which the clean run had to share.";
  if (closed)
    text += " This load is closed, so that most of that time is the backlog of all keys: --speed "
            "or --rate show more.";
  return text;
}

} // namespace

std::string options_text(const fault_options& faults) {
  std::string text;
  for (const stuck_key& each : faults.stuck)
    text += (text.empty() ? "--stick " : " --stick ") + name_text(each.key, 40) + ":" +
            exact_duration_text(each.ns);
  if (faults.fail_share > 0 || faults.stuck.empty()) // else there is nothing that a policy follows
    text += (text.empty() ? "--fail " : " --fail ") + number_text(faults.fail_share) +
            " --policy " + policy_text(faults.policy);
  return text;
}

std::string faults_part(const fault_figures& f) {
  const double calls_each = static_cast<double>(f.failed_calls) / static_cast<double>(f.failed);
  return "FAULTS  two runs of the same messages, submitted alike, with the same policy: lanes "
         "clean, "
         "without faults, came first\n" +
         align({{"poison messages (they fail whenever they are tried)", count_text(f.poison)},
                {"of which failed (the others died untried)", count_text(f.failed)},
                {"attempts (calls of handlers, of all messages)", count_text(f.calls)},
                {"attempts per failed message", ratio_or_none(calls_each)},
                {"messages completed", count_text(f.completed)},
                {"dead letters: failed (attempts used up)", count_text(f.dead_failed)},
                {"dead letters: failed_rest (waited behind one)", count_text(f.dead_failed_rest)},
                {"dead letters: shutdown (parked in the end, or behind it)",
                 count_text(f.dead_shutdown)},
                {"keys parked in the end", count_text(f.parked_keys)}});
}

std::string isolation_part(const fault_figures& f) {
  return "ISOLATION  of the healthy keys, those without a poison message or --stick: " +
         plural(f.healthy_keys, "key") + ", " + plural(f.healthy_messages, "message") + "\n" +
         align({{"run", "p99", "messages/s"},
                {"lanes clean", duration_text(f.clean.p99_us), throughput_text(f.clean.throughput)},
                {"lanes", duration_text(f.faulty.p99_us), throughput_text(f.faulty.throughput)},
                {"lanes / lanes clean", ratio_or_none(f.p99_ratio()),
                 ratio_or_none(f.throughput_ratio())}});
}

std::vector<std::string> fault_findings(const fault_figures& f, bool closed) {
  return {account(f), isolation(f, closed)};
}

} // namespace convoy::tool
