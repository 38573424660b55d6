#include "report/faults.hpp"
#include "report/report.hpp"
#include "text/format.hpp"

#include <algorithm>

namespace convoy::tool {
namespace {

using row = std::vector<std::string>;

std::string header(const report& r) {
  const replay_config& c = r.config;
  const std::string pace =
      c.closed ? "closed, as fast as it is taken"
               : "open, at " + number_text(c.speed) + " times the pace of the trace";
  std::string text = "convoy replay " + r.version + "\n";
  text += "  input     " + name_text(c.source, 100) + "\n";
  text += "  load      " + pace + ", from " + plural(c.producers, "producer") + "; at most " +
          count_text(c.capacity) + " unfinished\n";
  text += "  service   " + c.service + ", spent in " + c.service_kind + "; " +
          plural(c.workers, "worker") + " on " + plural(c.cores, "core") + "\n";
  if (c.faults)
    text += "  faults    " + wrap(options_text(*c.faults), 12) + "\n";
  std::string defaults;
  for (const std::string& option : c.defaults)
    defaults += option + ' ';
  if (!defaults.empty())
    text += "  defaults  " + wrap(defaults, 12) + "\n";
  return text;
}

std::string trace_part(const report& r) {
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
  return "TRACE  " + plural(r.trace.messages, "message") + " of " + plural(r.trace.keys, "key") +
         "; order allows a speed-up of " + ratio_text(r.trace.speedup_bound) + " on " +
         plural(r.config.workers, "worker") + "\n" + align(rows);
}

std::string speed_part(const report& r) {
  std::vector<row> rows{{"strategy", "workers", "seconds", "messages/s", "order",
                         "began out of order", "overlaps", "lost", "repeated", "bound s",
                         "efficiency"}};
  for (const run_figures& f : r.runs) {
    const bool has_bound = f.bound_seconds > 0;
    rows.push_back({f.strategy, count_text(f.workers), seconds_text(f.seconds),
                    count_text(static_cast<std::uint64_t>(f.throughput)),
                    f.is_broken() ? "BROKEN" : "kept", count_text(f.order_violations),
                    count_text(f.overlaps), count_text(f.lost), count_text(f.repeated),
                    has_bound ? seconds_text(f.bound_seconds) : "–",
                    has_bound ? percent_text(f.efficiency) : "–"});
  }
  return "SPEED  bound: no schedule of the service times, as measured in that run, on " +
         plural(r.config.workers, "worker") + " is faster in the promised order\n" + align(rows);
}

std::string latency_part(const report& r) {
  std::vector<row> rows{{"strategy", "all p50", "p99", "p99.9", "max", "hot p50", "p99", "p99.9",
                         "max", "cold p50", "p99", "p99.9", "max"}};
  for (const run_figures& f : r.runs) {
    row cells{f.strategy};
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
  std::vector<row> rows{{"strategy", "admission", "own key", "scheduler", "service"}};
  for (const run_figures& f : r.runs)
    rows.push_back({f.strategy, percent_text(f.share.admission), percent_text(f.share.own_key),
                    percent_text(f.share.scheduler), percent_text(f.share.service)});
  return "WAITING  shares of that time; own key, the convoy share: until the predecessor of the "
         "key "
         "finished, wherever that waited\n" +
         align(rows);
}

} // namespace

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
