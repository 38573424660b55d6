#include "report/warnings.hpp"

#include "input/columns.hpp"
#include "measure/demand.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace convoy::tool {
namespace {

constexpr double ns_per_second = 1e9;
constexpr unsigned most_workers = 1024; // that a command takes

struct time_unit {
  std::string_view name;
  std::int64_t ns;
};
constexpr std::array<time_unit, 4> time_units{
    {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};

/// Of a log that somebody may want to replay: from 1990 to 2100.
bool is_near_today(double seconds_since_1970) {
  return seconds_since_1970 > 6.3e8 && seconds_since_1970 < 4.1e9;
}

std::string_view name_of(std::int64_t unit_ns) {
  for (const time_unit& unit : time_units)
    if (unit.ns == unit_ns)
      return unit.name;
  return "ns";
}

std::string span_text(double seconds) {
  return seconds < 100 ? duration_text(seconds * 1e6) : long_time_text(seconds);
}

/// The options that read the times in another unit; a column with a standard name ends with its own.
std::string unit_option(std::string_view unit, const trace& t,
                        const std::optional<std::string>& column) {
  const std::string name{name_of(t.time_unit_ns)};
  return (column ? "" : "--time-column timestamp_" + name + " ") + "--time-unit " +
         std::string{unit};
}

/// Two digits, rounded down: at this pace there is still room.
std::string pace_text(double speed) {
  const int power = static_cast<int>(std::floor(std::log10(speed))) - 1;
  const double digit = std::pow(10, power);
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", std::max(0, -power), std::floor(speed / digit) * digit);
  const std::string_view all = text;
  if (all.find('.') == std::string_view::npos)
    return text;
  const std::string_view shortest = all.substr(0, all.find_last_not_of('0') + 1);
  return std::string{shortest.substr(0, shortest.size() - (shortest.ends_with('.') ? 1 : 0))};
}

std::string work_text(double rate) {
  return ratio_text(rate) + " s of work a second";
}

/// Of a load that needs so much from what gets 1.
std::string what_order_allows(double rate, const report& r) {
  return ": the waits grow for as long as the run lasts. What order allows ends at --speed " +
         pace_text(r.config.speed / rate);
}

std::string beyond_order(const demand& d, const report& r) {
  std::string text = "key " + name_text(r.keys[d.busiest_key], 40) + " alone needs " +
                     work_text(d.busiest_rate) + ", and in order it gets 1 at most";
  if (d.keys_beyond > 1)
    text += "; so do " + plural(d.keys_beyond - 1, "other key");
  return text + what_order_allows(std::max(d.busiest_rate, d.path_rate), r);
}

std::string beyond_path(const demand& d, const report& r) {
  return "joint messages tie keys together: of what must go one after the other " +
         work_text(d.path_rate) +
         " arrive, and in order it gets 1 at most, though no key alone "
         "needs that" +
         what_order_allows(d.path_rate, r);
}

/// Nothing where order is the limit, which is told beside it: no number of workers helps that.
std::string what_is_enough(const demand& d, unsigned workers, const report& r) {
  if (d.keys_beyond > 0 || d.path_rate > 1)
    return {};
  const std::string pace = "--speed " + pace_text(r.config.speed * workers / d.rate);
  const double enough = std::floor(d.rate) + 1;
  if (enough > effective_workers(r.config, most_workers))
    return ". What they can do ends at " + pace;
  return ". Enough are " + count_text(static_cast<std::uint64_t>(enough)) + ", or " + pace;
}

std::string beyond_workers(const demand& d, unsigned workers, const report& r) {
  return "the load needs " + work_text(d.rate) + ", more than " + plural(workers, "worker") +
         (workers == 1 ? " gives" : " give") + ": the waits grow for as long as the run lasts" +
         what_is_enough(d, workers, r);
}

} // namespace

std::optional<std::string> doubt_of_times(const trace& t,
                                          const std::optional<std::string>& column) {
  if (t.mixes_times)
    return "some times are numbers and others are dates, which are on one scale only where the "
           "numbers count from 1970";
  constexpr std::size_t few = 10;
  if (t.time_unit_ns == 0 || t.events.size() < few)
    return {};
  const double span = static_cast<double>(t.events.back().at_ns) / ns_per_second;
  const auto begins = static_cast<double>(t.begins_at_ns) / ns_per_second;
  const std::string read = ", read as " + std::string{name_of(t.time_unit_ns)};
  if (!is_near_today(begins))
    for (const time_unit& unit : time_units) {
      const double factor = static_cast<double>(unit.ns) / static_cast<double>(t.time_unit_ns);
      if (is_near_today(begins * factor))
        return "the trace spans " + span_text(span) + read + "; in " + std::string{unit.name} +
               " its times are of this age, and it spans " + span_text(span * factor) + ": " +
               unit_option(unit.name, t, column);
    }
  const bool is_told = !column || unit_of(*column);
  constexpr double soon_over = 300; // seconds: of three days in ms, or of a blink
  if (!is_told && span > 0 && span < soon_over)
    return "the trace spans " + span_text(span) + read +
           ", as nothing tells their unit; are its times in ms? " + unit_option("ms", t, column);
  return {};
}

std::vector<std::string> load_warnings(const workload& load, const report& r) {
  std::vector<std::string> sentences;
  const demand d = measure_demand(load);
  if (d.busiest_rate > 1)
    sentences.push_back(beyond_order(d, r));
  else if (d.path_rate > 1)
    sentences.push_back(beyond_path(d, r));
  const unsigned workers = effective_workers(r.config, r.config.workers);
  if (d.rate > workers)
    sentences.push_back(beyond_workers(d, workers, r));
  return sentences;
}

} // namespace convoy::tool
