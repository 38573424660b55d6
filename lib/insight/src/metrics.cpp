#include "convoy/insight/metrics.hpp"

#include "seconds.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

namespace convoy {

namespace {

using detail::seconds;

/// Whatever the locale is.
std::string text_of(double value) {
  if (std::isnan(value))
    return "NaN"; // as the formats spell it
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

constexpr std::size_t most_name = 100; // characters: each series repeats it
// Characters: a topic's name has at most 249, and the partition behind it must not be cut off.
constexpr std::size_t most_source_name = 256;
constexpr std::size_t most_ranks = 10;   // each is a series
constexpr std::size_t most_sources = 19; // each is six series

std::string escaped(const std::string& text, std::size_t most) {
  std::string out;
  for (const char c : detail::one_line(text, most)) {
    if (c == '\\' || c == '"')
      out += '\\';
    out += c;
  }
  return out;
}

/// Those that look the same get a number.
class names_apart {
public:
  std::string operator()(const std::string& text, std::size_t most) {
    const auto own = escaped(text, most);
    auto name = own;
    for (int i = 2; !taken_.insert(name).second; ++i)
      name = own + '#' + std::to_string(i);
    return name;
  }

private:
  std::unordered_set<std::string> taken_;
};

struct named_source {
  std::string name;
  const source_position* is;
};

/// Those with the most lag.
std::vector<named_source> told_sources(const std::vector<source_position>& all) {
  names_apart
      named; // before some are left out: a name stays with its source from one time to the next
  std::vector<named_source> list;
  list.reserve(all.size());
  for (const auto& each : all)
    list.push_back({named(each.name, most_source_name), &each});
  std::stable_sort(list.begin(), list.end(), [](const named_source& a, const named_source& b) {
    return std::tie(a.is->lag, a.is->oldest) > std::tie(b.is->lag, b.is->oldest);
  });
  list.resize(std::min(list.size(), most_sources));
  return list;
}

class writer {
public:
  writer(std::ostream& out, std::span<const snapshot> of, metrics_format format)
      : out_(out), of_(of), is_open_(format == metrics_format::openmetrics) {
    names_apart named;
    for (const auto& each : of) {
      names_.push_back(named(each.name, most_name));
      sources_.push_back(told_sources(each.positions));
    }
  }

  [[nodiscard]] bool has_sources() const {
    return std::any_of(sources_.begin(), sources_.end(),
                       [](const auto& list) { return !list.empty(); });
  }

  /// value(snapshot), for all processors.
  template <class Value>
  void counter(const char* name, const char* help, Value&& value) {
    const auto total = std::string(name) + "_total";
    head(is_open_ ? name : total, "counter", "", help);
    for (std::size_t i = 0; i < of_.size(); ++i)
      line(i, total, "", static_cast<double>(value(of_[i])));
  }
  template <class Value>
  void gauge(const char* name, const char* unit, const char* help, Value&& value) {
    head(name, "gauge", unit, help);
    for (std::size_t i = 0; i < of_.size(); ++i)
      line(i, name, "", static_cast<double>(value(of_[i])));
  }
  /// Several values with a label each: values(snapshot) are pairs of label and value.
  template <class Values>
  void gauges(const char* name, const char* unit, const char* help, const char* by,
              Values&& values) {
    head(name, "gauge", unit, help);
    for (std::size_t i = 0; i < of_.size(); ++i)
      for (const auto& [which, value] : values(of_[i]))
        line(i, name, label(by, which), value);
  }
  /// value(source_position), for those with the most lag.
  template <class Value>
  void gauge_of_sources(const char* name, const char* unit, const char* help, Value&& value) {
    head(name, "gauge", unit, help);
    for (std::size_t i = 0; i < of_.size(); ++i)
      for (const auto& each : sources_[i])
        line(i, name, label("source", each.name), static_cast<double>(value(*each.is)));
  }
  /// value(positions), for processors that have some.
  template <class Value>
  void gauge_of_all_sources(const char* name, const char* unit, const char* help, Value&& value) {
    head(name, "gauge", unit, help);
    for (std::size_t i = 0; i < of_.size(); ++i)
      if (!of_[i].positions.empty())
        line(i, name, "", static_cast<double>(value(of_[i].positions)));
  }
  /// The service time of each rank, with the key that has it now as an exemplar. Exemplars belong to
  /// counters and histograms alone, and a key's own counter would be a series for each key ever seen.
  void counter_of_ranks(const char* name, const char* help) {
    const auto total = std::string(name) + "_total";
    head(is_open_ ? name : total, "counter", "seconds", help);
    for (std::size_t i = 0; i < of_.size(); ++i) {
      const auto& all = of_[i].hottest_total;
      for (std::size_t rank = 0; rank < std::min(all.size(), most_ranks); ++rank)
        line(i, total, label("rank", std::to_string(rank + 1)), all[rank].count(),
             exemplar(of_[i], rank));
    }
  }
  template <class Times>
  void summary(const char* name, const char* help, Times&& times) {
    head(name, "summary", "seconds", help);
    for (std::size_t i = 0; i < of_.size(); ++i) {
      const auto& [is, all] = times(of_[i]);
      const std::array<std::pair<const char*, std::chrono::nanoseconds>, 4> quantiles{
          {{"0.5", is.p50}, {"0.99", is.p99}, {"0.999", is.p999}, {"1.0", is.max}}};
      const bool is_empty = is.max.count() == 0; // as summaries of Prometheus tell it
      for (const auto& [quantile, time] : quantiles)
        line(i, name, label("quantile", quantile),
             is_empty ? std::numeric_limits<double>::quiet_NaN() : seconds(time));
      line(i, std::string(name) + "_sum", "", all.sum.count());
      line(i, std::string(name) + "_count", "", std::round(all.count));
    }
  }

private:
  void head(const std::string& name, const char* type, const char* unit, const char* help) {
    out_ << "# TYPE " << name << ' ' << type << '\n';
    if (is_open_ && *unit != '\0')
      out_ << "# UNIT " << name << ' ' << unit << '\n';
    out_ << "# HELP " << name << ' ' << help << '\n';
  }
  [[nodiscard]] static std::string label(std::string_view name, std::string_view value) {
    return std::string(",").append(name).append("=\"").append(value).append("\"");
  }
  /// What the key that has the rank took in the last window; nothing if labels are to tell nothing.
  [[nodiscard]] std::string exemplar(const snapshot& s, std::size_t rank) const {
    if (!is_open_ || s.labels_are_hashes || rank >= s.hottest.size())
      return {};
    constexpr std::size_t most =
        128 - std::string_view("key").size(); // OpenMetrics 1.0, characters
    const auto& key = s.hottest[rank];
    const auto took = key.share * s.utilisation * s.workers * seconds(s.window);
    auto label = key.label.empty() ? "(empty)" : escaped(key.label, most);
    // Python's parser takes the first } for the end of an exemplar's labels, and then refuses it all.
    std::replace(label.begin(), label.end(), '{', '(');
    std::replace(label.begin(), label.end(), '}', ')');
    return " # {key=\"" + label + "\"} " + text_of(took);
  }
  void line(std::size_t processor, const std::string& name, const std::string& labels, double value,
            const std::string& more = {}) {
    out_ << name << "{processor=\"" << names_[processor] << '"' << labels << "} " << text_of(value)
         << more << '\n';
  }

  std::ostream& out_;
  std::span<const snapshot> of_;
  const bool is_open_;
  std::vector<std::string> names_;
  std::vector<std::vector<named_source>> sources_;
};

using values = std::vector<std::pair<std::string, double>>;

template <class Value>
values by_rank(const std::vector<key_share>& keys, Value&& value) {
  values list;
  for (std::size_t i = 0; i < std::min(keys.size(), most_ranks); ++i)
    list.emplace_back(std::to_string(i + 1), value(keys[i]));
  return list;
}

template <class Value>
std::uint64_t sum_of(const std::vector<source_position>& all, Value&& value) {
  std::uint64_t sum = 0;
  for (const auto& each : all)
    sum += value(each);
  return sum;
}

void write_sources(writer& w) {
  // Positions are no counters: who gets a partition again begins at what is committed.
  w.gauge_of_sources("convoy_source_committed", "", "After a crash it is read from here.",
                     [](const auto& p) { return p.committed; });
  w.gauge_of_sources("convoy_source_watermark", "", "All below this position is finished.",
                     [](const auto& p) { return p.watermark; });
  w.gauge_of_sources("convoy_source_lag", "", "From the watermark to the end of the source.",
                     [](const auto& p) { return p.lag; });
  w.gauge_of_sources("convoy_source_gaps", "", "Ranges above the watermark that are finished.",
                     [](const auto& p) { return p.gaps; });
  w.gauge_of_sources("convoy_source_in_flight", "", "Records that were read and are not finished.",
                     [](const auto& p) { return p.in_flight; });
  w.gauge_of_sources("convoy_source_oldest_seconds", "seconds",
                     "Since the record at the watermark was read: it holds up the commit.",
                     [](const auto& p) { return seconds(p.oldest); });
  w.gauge_of_all_sources("convoy_sources", "", "Sources, told above or not.",
                         [](const auto& all) { return all.size(); });
  w.gauge_of_all_sources("convoy_sources_lag", "", "Lag of all sources.", [](const auto& all) {
    return sum_of(all, [](const auto& p) { return p.lag; });
  });
  w.gauge_of_all_sources("convoy_sources_gaps", "", "Gaps of all sources.", [](const auto& all) {
    return sum_of(all, [](const auto& p) { return p.gaps; });
  });
  w.gauge_of_all_sources(
      "convoy_sources_in_flight", "", "Records in flight of all sources.",
      [](const auto& all) { return sum_of(all, [](const auto& p) { return p.in_flight; }); });
  w.gauge_of_all_sources("convoy_sources_oldest_seconds", "seconds", "The largest of all sources.",
                         [](const auto& all) {
                           std::chrono::nanoseconds oldest{0};
                           for (const auto& each : all)
                             oldest = std::max(oldest, each.oldest);
                           return seconds(oldest);
                         });
}

} // namespace

void write_metrics(std::ostream& out, std::span<const snapshot> of, metrics_format format) {
  writer w(out, of, format);
  w.counter("convoy_messages_accepted", "Messages that were submitted.",
            [](const auto& s) { return s.accepted; });
  w.counter("convoy_messages_finished",
            "Messages that were handled, are dead letters, or were merged into others.",
            [](const auto& s) { return s.finished; });
  w.counter("convoy_messages_conflated", "Messages that were merged into others.",
            [](const auto& s) { return s.conflated; });
  w.counter("convoy_dead_letters", "Messages that became dead letters.",
            [](const auto& s) { return s.dead; });
  w.gauge("convoy_backlog", "", "Messages that are not finished.",
          [](const auto& s) { return s.backlog; });
  w.gauge("convoy_oldest_message_seconds", "seconds",
          "How long the oldest message that was not finished at the end of the window had waited.",
          [](const auto& s) { return seconds(s.oldest); });
  w.gauge("convoy_workers", "", "Worker threads of the runtime.",
          [](const auto& s) { return s.workers; });
  w.gauge("convoy_window_seconds", "seconds", "The window that the figures below are of.",
          [](const auto& s) { return seconds(s.window); });
  w.gauge("convoy_window_age_seconds", "seconds", "Since the end of that window.",
          [](const auto& s) { return seconds(s.age); });
  w.gauges("convoy_keys", "",
           "Keys with messages that were not finished at the end of the window, by what they "
           "waited for.",
           "state", [](const snapshot& s) {
             const auto number = [](std::size_t n) { return static_cast<double>(n); };
             return values{
                 {"running", number(s.lanes.running)},     {"waiting", number(s.lanes.waiting)},
                 {"backoff", number(s.lanes.backoff)},     {"parked", number(s.lanes.parked)},
                 {"paused", number(s.lanes.paused)},       {"lingering", number(s.lanes.lingering)},
                 {"suspended", number(s.lanes.suspended)}, {"joint", number(s.lanes.joint)}};
           });
  w.gauge("convoy_keys_limited", "", "Keys that are at their capacity, or whose rate is used up.",
          [](const auto& s) { return s.lanes.limited; });
  // One message in some is timed, and stands for those between: for exact counts there are counters.
  w.summary(
      "convoy_handler_seconds",
      "Time that handlers took: quantiles of the window; sum and count of all windows so far, "
      "estimated from those that were timed.",
      [](const snapshot& s) { return std::tie(s.handler, s.handler_total); });
  w.summary("convoy_latency_seconds",
            "From submit to the end of the handler: quantiles of the window; sum and count of all "
            "windows so far, estimated from those that were timed.",
            [](const snapshot& s) { return std::tie(s.latency, s.latency_total); });
  w.gauges("convoy_wait_ratio", "ratio", "Where the time of messages went; own_key is the convoy.",
           "cause", [](const snapshot& s) {
             return values{{"admission", s.wait.admission},
                           {"own_key", s.wait.own_key},
                           {"scheduler", s.wait.scheduler},
                           {"backoff", s.wait.backoff},
                           {"service", s.wait.service}};
           });
  w.gauge("convoy_utilisation_ratio", "ratio", "Share of the workers' time that handlers ran.",
          [](const auto& s) { return s.utilisation; });
  w.gauge("convoy_efficiency_ratio", "ratio",
          "How near the window is to what order and the workers allow.",
          [](const auto& s) { return s.efficiency; });
  w.gauge("convoy_speedup_ceiling", "", "No number of workers is faster than so many.",
          [](const auto& s) { return s.speedup_ceiling; });
  w.counter_of_ranks(
      "convoy_hottest_key_seconds",
      "Service time of whichever key was the hottest, the second hottest and so on.");
  w.gauges("convoy_hottest_key_ratio", "ratio", "Share of the service time, of the hottest keys.",
           "rank", [](const snapshot& s) {
             return by_rank(s.hottest, [](const key_share& k) { return k.share; });
           });
  w.gauges("convoy_hottest_key_depth", "", "Messages that wait, of the hottest keys.", "rank",
           [](const snapshot& s) {
             return by_rank(s.hottest,
                            [](const key_share& k) { return static_cast<double>(k.depth); });
           });
  w.gauges("convoy_costliest_key_ratio", "ratio",
           "Share of the time that messages waited for others of their key.", "rank",
           [](const snapshot& s) {
             return by_rank(s.costliest, [](const key_share& k) { return k.share; });
           });
  if (w.has_sources())
    write_sources(w);
  if (format == metrics_format::openmetrics)
    out << "# EOF\n";
}

void write_metrics(std::ostream& out, const snapshot& of, metrics_format format) {
  write_metrics(out, std::span(&of, 1), format);
}

} // namespace convoy
