#include "report/faults.hpp"
#include "report/report.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace convoy::tool {
namespace {

/// In a sweep: the one with the most workers, which comes last.
const run_figures* find_run(const report& r, std::string_view strategy) {
  const auto found = std::find_if(r.runs.rbegin(), r.runs.rend(),
                                  [&](const run_figures& f) { return f.strategy == strategy; });
  return found == r.runs.rend() ? nullptr : &*found;
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

/// Where this share of the makespan is lost to overshoot, it is told in words.
constexpr double least_told = 0.005;

/// Closed, the share of the own key tells how much was submitted ahead, and nothing else.
std::string distance_to_bound(const run_figures& f, bool closed) {
  const std::string distance =
      f.strategy + " ran at " + percent_text(f.efficiency) +
      " of the best that order and the workers allow" +
      (f.overshoot_share < least_told
           ? ""
           : "; handlers that took longer than configured account for another " +
                 percent_text(f.overshoot_share));
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
         ": the bound is that of " + plural(c.cores, "worker") +
         ", and overshoot holds the waits for a core too.";
}

/// Rows with an efficiency above 100 % ask for a reason.
std::string beat_the_bound(const run_figures& f) {
  return f.strategy + " was faster than order allows, as it keeps none: its efficiency is " +
         percent_text(f.efficiency) + " of a bound that binds the others.";
}

} // namespace

unsigned effective_workers(const replay_config& c, unsigned workers) {
  return c.service_kind == "spin" ? std::min(workers, c.cores) : workers;
}

bool is_too_few(const report& r) {
  return r.trace.messages < 100;
}

std::string too_few_messages(const report& r) {
  return plural(r.trace.messages, "message") + (r.trace.messages == 1 ? " is" : " are") +
         " too few to compare strategies by.";
}

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
  for (const std::string& warning : r.warnings)
    sentences.push_back("Warning: " + terminal_text(warning) + ".");
  if (r.trace.moved > 0)
    sentences.push_back(moved_by_time(r.trace));
  if (r.config.service_kind == "spin" && r.config.workers > r.config.cores)
    sentences.push_back(too_few_cores(r.config));
  for (const run_figures& f : r.runs)
    if (f.keeps_order && f.is_broken())
      sentences.push_back(broken_promise(f));
  if (r.faults)
    std::ranges::move(fault_findings(*r.faults, r.config.closed), std::back_inserter(sentences));
  if (const run_figures* best = find_run(r, "unordered"); best && best->efficiency > 1)
    sentences.push_back(beat_the_bound(*best));
  const run_figures* lanes = find_run(r, "lanes");
  if (lanes == nullptr || lanes->seconds <= 0)
    return sentences;
  if (is_too_few(r)) {
    sentences.push_back(too_few_messages(r));
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
