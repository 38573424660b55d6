#include "report/faults.hpp"
#include "report/report.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

using row = std::vector<std::string>;

std::string workers_text(const replay_config& c) {
  std::string text;
  for (const unsigned workers : c.sweep)
    text += (text.empty() ? "" : ", ") + count_text(workers);
  return c.sweep.empty() ? plural(c.workers, "worker") : text + " workers";
}

std::string header(const report& r) {
  const replay_config& c = r.config;
  const std::string pace =
      c.closed ? "closed, as fast as it is taken"
               : "open, at " + number_text(c.speed) + " times the pace of the trace";
  std::string text = "convoy replay " + r.version + "\n";
  text += "  input     " + name_text(c.source, 100) + "\n";
  text += "  load      " + pace + ", from " + plural(c.producers, "producer") + "; at most " +
          count_text(c.capacity) + " unfinished\n";
  text += "  service   " + c.service + ", spent in " + c.service_kind + "; " + workers_text(c) +
          " on " + plural(c.cores, "core") + "\n";
  if (c.faults)
    text += "  faults    " + wrap(options_text(*c.faults), 12) + "\n";
  std::string defaults;
  for (const std::string& option : c.defaults)
    defaults += option + ' ';
  if (!defaults.empty())
    text += "  defaults  " + wrap(defaults, 12) + "\n";
  return text;
}

/// The cells that say which run a row is about.
row which_run(const report& r, const run_figures& f) {
  return r.config.sweep.empty() ? row{f.strategy} : row{f.strategy, count_text(f.workers)};
}

row which_run_header(const report& r) {
  return r.config.sweep.empty() ? row{"strategy"} : row{"strategy", "workers"};
}

/// All that was not as it should be, with its number.
std::string order_text(const run_figures& f) {
  if (!f.is_broken())
    return "kept";
  std::string text = "BROKEN";
  std::string_view before = ": ";
  const auto add = [&](std::uint64_t n, std::string_view what) {
    if (n == 0)
      return;
    text.append(before).append(count_text(n)).append(" ").append(what);
    before = ", ";
  };
  add(f.order_violations, "late");
  add(f.overlaps, "overlapped");
  add(f.lost, "lost");
  add(f.repeated, "repeated");
  return text;
}

std::string share_or_none(bool exists, double share) {
  return exists ? percent_text(share) : "–";
}

std::string trace_part(const report& r) {
  return "TRACE  " + messages_text(r.trace) + "; order allows a speed-up of " +
         ratio_text(r.trace.speedup_bound) + " on " +
         plural(effective_workers(r.config, r.config.workers), "worker") + "\n" + hottest_text(r);
}

std::string speed_part(const report& r) {
  std::vector<row> rows{{"strategy", "workers", "seconds", "messages/s", "bound s", "efficiency",
                         "overshoot", "loss by it", "other loss"}};
  if (r.config.conflates)
    rows[0].emplace_back("conflated");
  rows[0].emplace_back("order");
  for (const run_figures& f : r.runs) {
    const bool has_bound = f.bound_seconds > 0;
    const double other = 1 - f.efficiency - f.overshoot_share;
    rows.push_back({f.strategy, count_text(f.workers), seconds_text(f.seconds),
                    count_text(static_cast<std::uint64_t>(f.throughput)),
                    has_bound ? seconds_text(f.bound_seconds) : "–",
                    share_or_none(has_bound, f.efficiency), duration_text(f.overshoot_us),
                    share_or_none(has_bound, f.overshoot_share),
                    share_or_none(has_bound && f.efficiency <= 1, std::max(0.0, other))});
    if (r.config.conflates)
      rows.back().push_back(count_text(f.conflated));
    rows.back().push_back(order_text(f));
  }
  const unsigned workers = effective_workers(r.config, r.config.workers);
  std::string text = "SPEED  bound: no schedule of the configured service times, on ";
  text += r.config.sweep.empty() ? plural(workers, "worker") : "that many workers";
  text +=
      ", is faster in order. Efficiency: bound / seconds\n"
      "       overshoot: what a handler took longer than configured, on average; the rest of the "
      "loss is the strategy's\n"
      "       late: began after a later message of its key; overlapped: began while another of "
      "its key ran\n";
  if (r.config.conflates)
    text += "       conflated: not handled, as a later message of the key stood for it\n";
  return text + align(rows, last_column::to_the_left);
}

std::string latency_part(const report& r) {
  std::vector<row> rows{which_run_header(r)};
  for (const char* const messages : {"all", "hot", "cold"})
    for (const char* const name : {" p50", "p99", "p99.9", "max"})
      rows[0].push_back(*name == ' ' ? std::string{messages} + name : name);
  for (const run_figures& f : r.runs) {
    row cells = which_run(r, f);
    for (const latency* l : {&f.all, &f.hot, &f.cold})
      for (const double value : {l->p50, l->p99, l->p999, l->max})
        cells.push_back(duration_text(value));
    rows.push_back(std::move(cells));
  }
  return "LATENCY  " + std::string{r.config.closed ? "closed loop, " : "open loop, "} +
         "from intended submission to end of handler; hot: key " +
         name_text(r.keys[r.trace.hottest.front().key], 24) + ", cold: all others\n" + align(rows);
}

std::string waiting_part(const report& r) {
  std::vector<row> rows{which_run_header(r)};
  for (const char* const part : {"admission", "own key", "scheduler", "service"})
    rows[0].emplace_back(part);
  for (const run_figures& f : r.runs) {
    row cells = which_run(r, f);
    for (const double part :
         {f.share.admission, f.share.own_key, f.share.scheduler, f.share.service})
      cells.push_back(percent_text(part));
    rows.push_back(std::move(cells));
  }
  return "WAITING  shares of that time; own key, the convoy share: until the predecessor of the "
         "key "
         "finished, wherever that waited\n" +
         align(rows);
}

} // namespace

std::string messages_text(const trace_figures& t) {
  return plural(t.messages, "message") +
         (t.joint == 0 ? "" : ", " + count_text(t.joint) + " of them joint,") +
         (t.shared == 0 ? "" : ", " + count_text(t.shared) + " of them shared,") + " of " +
         plural(t.keys, "key");
}

std::string hottest_text(const report& r) {
  const bool has_bytes = r.trace.bytes > 0;
  std::vector<row> rows{{"hottest keys", "messages", "work"}};
  if (has_bytes)
    rows[0].push_back("of " + plural(r.trace.bytes, "byte"));
  for (const key_load& k : r.trace.hottest) {
    rows.push_back(
        {name_text(r.keys[k.key], 70), percent_text(k.share), percent_text(k.work_share)});
    if (has_bytes)
      rows.back().push_back(percent_text(k.bytes_share));
  }
  return align(rows) + (r.trace.joint == 0 ? "" : "a joint message counts for each of its keys\n");
}

std::string to_table(const report& r) {
  std::string text = header(r) + '\n' + trace_part(r) + '\n' + speed_part(r) + '\n' +
                     latency_part(r) + '\n' + waiting_part(r);
  if (r.faults)
    text += '\n' + faults_part(*r.faults) + '\n' + isolation_part(*r.faults);
  const auto sentences = findings(r);
  if (!sentences.empty())
    text += '\n';
  for (const std::string& sentence : sentences)
    text += wrap(sentence, 0) + '\n';
  return text;
}

} // namespace convoy::tool
