#include "report/page.hpp"

#include "report/page_parts.hpp"
#include "text/format.hpp"
#include "text/input_error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t name_width = 60;

/// Four digits are more than a picture shows, and a fraction of the bytes.
json rounded(double value) {
  if (!std::isfinite(value))
    return {};
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  const double short_value = std::strtod(text, nullptr);
  if (std::abs(short_value) < 1e15 && short_value == std::floor(short_value))
    return static_cast<std::int64_t>(short_value);
  return short_value;
}

json rounded(const std::vector<double>& values) {
  json all = json::array();
  for (const double value : values)
    all.push_back(rounded(value));
  return all;
}

/// The report with names that a page can show; of the keys only those that it names.
report with_short_names(const report& r) {
  report shown;
  shown.version = r.version;
  shown.config = r.config;
  shown.trace = r.trace;
  shown.not_read = r.not_read;
  shown.warnings = r.warnings;
  shown.runs = r.runs;
  shown.faults = r.faults;
  shown.config.source = name_text(r.config.source, 400);
  for (std::string& option : shown.config.defaults)
    option = name_text(option, 200);
  for (std::string& line : shown.not_read.first_bad)
    line = name_text(line, 200);
  for (std::string& note : shown.not_read.notes)
    note = name_text(note, 200);
  if (shown.config.faults)
    for (stuck_key& stuck : shown.config.faults->stuck)
      stuck.key = name_text(stuck.key, name_width);
  shown.keys.resize(r.keys.size());
  for (const key_load& hot : r.trace.hottest)
    shown.keys[hot.key] = name_text(r.keys[hot.key], name_width);
  return shown;
}

json to_object(const run_series& s) {
  json latency = json::array();
  for (const latency_point& p : s.latency)
    latency.push_back({rounded(p.one_in), rounded(p.us)});
  return {{"latency", std::move(latency)},
          {"step_seconds", s.step_seconds},
          {"backlog", rounded(s.backlog)},
          {"throughput", rounded(s.throughput)}};
}

json to_object(const prediction& p) {
  return {{"seconds", p.seconds}, {"p99_us", p.p99_us}};
}

json to_object(const predictions& f, const report& r) {
  json workers = json::array(), keys = json::array();
  for (const worker_prediction& w : f.workers)
    workers.push_back({{"workers", w.workers},
                       {"seconds", w.lanes.seconds},
                       {"p99_us", w.lanes.p99_us},
                       {"bound_seconds", w.bound_seconds}});
  for (const key_prediction& k : f.keys)
    keys.push_back({{"key", name_text(r.keys[k.key], name_width)},
                    {"faster", to_object(k.faster)},
                    {"split", to_object(k.split)}});
  return {{"workers", std::move(workers)},
          {"enough", f.enough},
          {"now", to_object(f.now)},
          {"keys", std::move(keys)}};
}

json to_object(const key_figures& k, const report& r) {
  return {{"key", name_text(r.keys[k.key], name_width)},
          {"messages", k.messages},
          {"share", k.share},
          {"work_share", k.work_share},
          {"busy", k.busy},
          {"mean_us", k.mean_us},
          {"p50_us", k.p50_us},
          {"p99_us", k.p99_us},
          {"own_key_share", k.own_key_share}};
}

json pairs_to_object(const std::vector<std::pair<std::string, std::string>>& pairs) {
  json all = json::array();
  for (const auto& [name, words] : pairs)
    all.push_back({name, words});
  return all;
}

/// JSON that may stand in a script element: nothing in it ends that, or begins a comment.
std::string in_script(const json& data) {
  std::string text;
  for (const char c : data.dump(-1, ' ', false, json::error_handler_t::replace))
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  return text;
}

std::string data_of(const report& r, const page_data& page) {
  json series = json::array(), keys = json::array(), concentration = json::array();
  for (const run_series& s : page.series)
    series.push_back(to_object(s));
  for (const key_figures& k : page.keys)
    keys.push_back(to_object(k, r));
  for (const share_of_keys& s : page.concentration)
    concentration.push_back({s.keys, rounded(s.work), rounded(s.messages)});
  const json all = {
      {"result", json::parse(to_json(with_short_names(r)))},
      {"conclusion", conclusion(r, page)},
      {"facts", pairs_to_object(facts(r, page))},
      {"readings", pairs_to_object(readings(r, page))},
      {"series", std::move(series)},
      {"keys", std::move(keys)},
      {"concentration", std::move(concentration)},
      {"predicted", page.predicted ? to_object(*page.predicted, r) : json{}},
  };
  return in_script(all);
}

} // namespace

void require_page() {
  if (page_parts::chart_js().empty())
    throw input_error{"--report: this program was built without Chart.js, which draws the charts; "
                      "install libjs-chart.js (version 3 or 4), then configure and build again"};
}

/// In one pass over the template, so that nothing in a part is taken for the name of another.
std::string to_page(const report& r, const page_data& page) {
  require_page();
  const std::string data = data_of(r, page);
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"{{page.css}}", page_parts::css()},        {"{{data}}", data},
      {"{{chart.js}}", page_parts::chart_js()},   {"{{parts.js}}", page_parts::parts_js()},
      {"{{charts.js}}", page_parts::charts_js()},
  };
  std::string text;
  std::string_view rest = page_parts::html();
  for (const auto& [name, part] : parts) {
    const std::size_t at = rest.find(name);
    text.append(rest.substr(0, at)).append(part);
    rest.remove_prefix(at + name.size());
  }
  return text.append(rest);
}

} // namespace convoy::tool
