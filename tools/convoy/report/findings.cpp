#include "report/faults.hpp"
#include "report/report.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace convoy::tool {
namespace {

const run_figures* find_run(const report& r, std::string_view strategy) {
  const auto found = std::ranges::find(r.runs, strategy, &run_figures::strategy);
  return found == r.runs.end() ? nullptr : &*found;
}

std::string seconds(const run_figures& f) {
  return seconds_text(f.seconds) + " s";
}

/// "mutex took 1.80 times as long as lanes (2.3 s, 1.3 s)"; the slower one comes first.
std::string compare(const run_figures& a, const run_figures& b) {
  const run_figures& slow = a.seconds >= b.seconds ? a : b;
  const run_figures& fast = &slow == &a ? b : a;
  return slow.strategy + " took " + ratio_text(slow.seconds / fast.seconds) + " times as long as " +
         fast.strategy + " (" + seconds(slow) + ", " + seconds(fast) + ")";
}

std::string broken_promise(const run_figures& f) {
  return f.strategy + " BROKE ITS PROMISE: " + count_text(f.order_violations) + " out of order, " +
         count_text(f.overlaps) + " overlaps, " + count_text(f.lost) + " lost, " +
         count_text(f.repeated) + " repeated.";
}

/// Closed, the share of the own key tells how much was submitted ahead, and nothing else.
std::string distance_to_bound(const run_figures& f, bool closed) {
  const std::string distance = f.strategy + " ran at " + percent_text(f.efficiency) +
                               " of the best that order and the workers allow";
  return closed ? distance + "."
                : distance + "; its messages spent " + percent_text(f.share.own_key) +
                      " of their time until the predecessor of their key finished.";
}

std::string cost_of_one_queue(const run_figures& single, const run_figures& lanes, bool closed) {
  const std::string why =
      ": with one consumer, a message waits for all before it, whatever their key.";
  if (closed)
    return compare(single, lanes) + (single.seconds > lanes.seconds ? why : ".");
  return "Of the cold keys, the slowest 1 % took " + duration_text(single.cold.p99) +
         " in single and " + duration_text(lanes.cold.p99) + " in lanes" + why;
}

std::string price_of_order(const run_figures& unordered, const run_figures& lanes) {
  return compare(unordered, lanes) + "; in unordered " +
         plural(unordered.order_violations, "message") + " began out of order, and " +
         count_text(unordered.overlaps) + " while another of their key ran.";
}

std::string moved_by_time(const trace_figures& t) {
  return plural(t.moved, "message") + " stood behind later ones in the input, which was sorted by "
                                      "time: this is the order that was kept.";
}

std::string left_out_lines(const left_out& n) {
  return plural(n.bad_lines, "bad line") + " of the input " + (n.bad_lines == 1 ? "was" : "were") +
         " left out, as --skip-bad allows";
}

/// A spinning handler that lost its core goes on taking time.
std::string too_few_cores(const replay_config& c) {
  return plural(c.workers, "worker") + " spinning on " + plural(c.cores, "core") +
         ": service times hold the waits for a core too, and with them the bounds; the efficiency "
         "flatters.";
}

/// What is left to chance in a run decides how so few messages fare.
constexpr std::uint64_t few_messages = 100;

std::string too_few_messages(const trace_figures& t) {
  return plural(t.messages, "message") + (t.messages == 1 ? " is" : " are") +
         " too few to compare strategies by.";
}

} // namespace

std::vector<std::string> not_read(const report& r) {
  std::vector<std::string> sentences = r.not_read.notes;
  if (r.not_read.bad_lines > 0) {
    const bool are_all = r.not_read.first_bad.size() == r.not_read.bad_lines;
    sentences.push_back(left_out_lines(r.not_read) + (are_all ? ":" : "; the first of them:"));
    std::ranges::copy(r.not_read.first_bad, std::back_inserter(sentences));
  }
  return sentences;
}

std::vector<std::string> findings(const report& r) {
  std::vector<std::string> sentences;
  for (const std::string& note : r.not_read.notes)
    sentences.push_back(terminal_text(note) + ".");
  if (r.not_read.bad_lines > 0)
    sentences.push_back(left_out_lines(r.not_read) + ".");
  if (r.trace.moved > 0)
    sentences.push_back(moved_by_time(r.trace));
  if (r.config.service_kind == "spin" && r.config.workers > r.config.cores)
    sentences.push_back(too_few_cores(r.config));
  for (const run_figures& f : r.runs)
    if (f.keeps_order && f.is_broken())
      sentences.push_back(broken_promise(f));
  if (r.faults)
    std::ranges::move(fault_findings(*r.faults, r.config.closed), std::back_inserter(sentences));
  const run_figures* lanes = find_run(r, "lanes");
  if (lanes == nullptr || lanes->seconds <= 0)
    return sentences;
  if (r.trace.messages < few_messages) {
    sentences.push_back(too_few_messages(r.trace));
    return sentences;
  }
  if (lanes->bound_seconds > 0)
    sentences.push_back(distance_to_bound(*lanes, r.config.closed));
  if (const run_figures* single = find_run(r, "single"); single && single->seconds > 0)
    sentences.push_back(cost_of_one_queue(*single, *lanes, r.config.closed));
  if (const run_figures* unordered = find_run(r, "unordered"); unordered && unordered->seconds > 0)
    sentences.push_back(price_of_order(*unordered, *lanes));
  return sentences;
}

} // namespace convoy::tool
