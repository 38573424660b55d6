#include "convoy/insight/metrics.hpp"

#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace convoy {

namespace {

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// Whatever the locale is.
std::string text_of(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : detail::valid_utf8(text)) {
    if (c == '\\' || c == '"')
      out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

class writer {
public:
  writer(std::ostream& out, std::span<const snapshot> of, metrics_format format)
      : out_(out), of_(of), is_open_(format == metrics_format::openmetrics) {
    for (const auto& each : of) {
      auto name = escaped(each.name);
      for (int i = 2; std::find(names_.begin(), names_.end(), name) != names_.end(); ++i)
        name = escaped(each.name) + '#' + std::to_string(i);
      names_.push_back(std::move(name));
    }
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
  void gauges(const char* name, const char* unit, const char* help, const char* label,
              Values&& values) {
    head(name, "gauge", unit, help);
    for (std::size_t i = 0; i < of_.size(); ++i)
      for (const auto& [which, value] : values(of_[i]))
        line(i, name, std::string(",") + label + "=\"" + which + "\"", value);
  }
  template <class Times>
  void summary(const char* name, const char* help, Times&& times) {
    head(name, "summary", "seconds", help);
    for (std::size_t i = 0; i < of_.size(); ++i) {
      const distribution& is = times(of_[i]);
      const std::array<std::pair<const char*, std::chrono::nanoseconds>, 4> quantiles{
          {{"0.5", is.p50}, {"0.99", is.p99}, {"0.999", is.p999}, {"1.0", is.max}}};
      for (const auto& [quantile, time] : quantiles)
        line(i, name, std::string(",quantile=\"") + quantile + "\"", seconds(time));
    }
  }

private:
  void head(const std::string& name, const char* type, const char* unit, const char* help) {
    out_ << "# TYPE " << name << ' ' << type << '\n';
    if (is_open_ && *unit != '\0')
      out_ << "# UNIT " << name << ' ' << unit << '\n';
    out_ << "# HELP " << name << ' ' << help << '\n';
  }
  void line(std::size_t processor, const std::string& name, const std::string& labels,
            double value) {
    out_ << name << "{processor=\"" << names_[processor] << '"' << labels << "} " << text_of(value)
         << '\n';
  }

  std::ostream& out_;
  std::span<const snapshot> of_;
  const bool is_open_;
  std::vector<std::string> names_;
};

using values = std::vector<std::pair<std::string, double>>;

template <class Value>
values by_rank(const std::vector<key_share>& keys, Value&& value) {
  values list;
  for (std::size_t i = 0; i < keys.size(); ++i)
    list.emplace_back(std::to_string(i + 1), value(keys[i]));
  return list;
}

} // namespace

void write_metrics(std::ostream& out, std::span<const snapshot> of, metrics_format format) {
  writer w(out, of, format);
  w.counter("convoy_messages_accepted", "Messages that were submitted.",
            [](const auto& s) { return s.accepted; });
  w.counter("convoy_messages_finished", "Messages that were handled, or are dead letters.",
            [](const auto& s) { return s.finished; });
  w.counter("convoy_dead_letters", "Messages that became dead letters.",
            [](const auto& s) { return s.dead; });
  w.gauge("convoy_backlog", "", "Messages that are not finished.",
          [](const auto& s) { return s.backlog; });
  w.gauge("convoy_workers", "", "Worker threads of the runtime.",
          [](const auto& s) { return s.workers; });
  w.gauge("convoy_window_seconds", "seconds", "The window that the figures below are of.",
          [](const auto& s) { return seconds(s.window); });
  w.gauge("convoy_window_age_seconds", "seconds", "Since the end of that window.",
          [](const auto& s) { return seconds(s.age); });
  w.gauges("convoy_keys", "", "Keys with messages that are not finished, by what they wait for.",
           "state", [](const snapshot& s) {
             const auto number = [](std::size_t n) { return static_cast<double>(n); };
             return values{
                 {"running", number(s.lanes.running)}, {"waiting", number(s.lanes.waiting)},
                 {"backoff", number(s.lanes.backoff)}, {"parked", number(s.lanes.parked)},
                 {"paused", number(s.lanes.paused)},   {"lingering", number(s.lanes.lingering)}};
           });
  w.summary("convoy_handler_seconds", "Time that handlers took, in the window.",
            [](const snapshot& s) -> const distribution& { return s.handler; });
  w.summary("convoy_latency_seconds", "From submit to the end of the handler, in the window.",
            [](const snapshot& s) -> const distribution& { return s.latency; });
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
  if (format == metrics_format::openmetrics)
    out << "# EOF\n";
}

void write_metrics(std::ostream& out, const snapshot& of, metrics_format format) {
  write_metrics(out, std::span(&of, 1), format);
}

} // namespace convoy
