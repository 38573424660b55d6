#include "top/sections.hpp"

#include "text/cells.hpp"
#include "text/format.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace convoy::tool {
namespace {

constexpr std::size_t longest_label = 40;

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

void append(std::vector<screen_line>& to, std::vector<screen_line> lines) {
  std::ranges::move(lines, std::back_inserter(to));
}

/// A name in front of what is said of it, as wide as the widest of these.
span heading(std::string_view name) {
  return {left_text(name, 5), look::head};
}
constexpr std::size_t heading_cells = 6;

struct cause {
  const char *name, *glyph;
  look how;
  double share;
};

std::array<cause, 5> causes_of(const wait_split& wait) {
  return {{{"admission", "░", look::admission, wait.admission},
           {"own key", "█", look::own_key, wait.own_key},
           {"scheduler", "▒", look::scheduler, wait.scheduler},
           {"backoff", "▓", look::backoff, wait.backoff},
           {"service", "─", look::service, wait.service}}};
}

std::string repeated(std::string_view glyph, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i)
    text += glyph;
  return text;
}

/// So many of `cells` that a share takes up to its end.
std::size_t cells_for(double share, std::size_t cells) {
  return static_cast<std::size_t>(
      std::llround(std::clamp(share, 0.0, 1.0) * static_cast<double>(cells)));
}

constexpr std::size_t bar_column = 1;

std::string bar_of(const key_share& k, double scale, std::size_t cells) {
  const std::size_t low = cells_for(k.low / scale, cells);
  const std::size_t high = std::max(low, cells_for(k.high / scale, cells));
  return repeated("█", low) + repeated("░", high - low);
}

std::string bounds_of(const key_share& k) {
  const auto percent = [](double share) {
    const std::string text = percent_text(share);
    return text.substr(0, text.find(' '));
  };
  return percent(k.low) + "–" + percent(k.high);
}

} // namespace

std::string processor_name(const snapshot& s) {
  return s.name.empty() ? "(no name)" : cut_text(cell_text(s.name), longest_label);
}

table processors_table(std::size_t width) {
  return {{{"PROCESSOR", 9, 0, longest_label, true},
           {"IN/s", 6, 2},
           {"OUT/s", 6, 1},
           {"BACKLOG", 7, 1},
           {"OLDEST", 7, 3},
           {"EFF", 6, 4},
           {"UTIL", 6, 6},
           {"CEILING", 7, 5},
           {"P99", 7, 2}},
          width};
}

screen_line processor_row(const table& columns, const snapshot& s, look how) {
  return columns.row(
      {{processor_name(s), how},
       {short_count(s.accepted_per_second), how},
       {short_count(s.finished_per_second), how},
       {short_count(static_cast<double>(s.backlog)), how},
       {short_span(seconds(s.oldest)), how},
       {short_share(s.efficiency), how},
       {short_share(s.utilisation), how},
       {s.speedup_ceiling > 0 ? short_count(s.speedup_ceiling) + " x" : std::string{"–"}, how},
       {short_span(seconds(s.latency.p99)), how}});
}

std::vector<screen_line> wait_of(const snapshot& s, std::size_t width) {
  const auto causes = causes_of(s.wait);
  double sum = 0;
  for (const cause& c : causes)
    sum += c.share;
  if (!(sum > 0))
    return {{heading("WAIT"), {" no message was there in the window", look::dim}}};
  screen_line bar{heading("WAIT"), {" "}};
  const std::size_t cells = width > heading_cells ? width - heading_cells : 0;
  double until = 0;
  std::size_t done = 0;
  std::vector<span> legend{{std::string(heading_cells - 1, ' ')}};
  for (const cause& c : causes) {
    until += c.share;
    const std::size_t end = std::max(done, cells_for(until, cells));
    bar.push_back({repeated(c.glyph, end - done), c.how});
    done = end;
    legend.push_back({std::string(c.glyph) + ' ' + c.name + ' ' + short_share(c.share), c.how});
  }
  std::vector<screen_line> lines{std::move(bar)};
  append(lines, flow(legend, width, heading_cells));
  return lines;
}

/// Those that have stood still longest, if any do.
std::vector<screen_line> held_of(const snapshot& s, std::size_t width) {
  constexpr std::size_t most = 5;
  if (s.held.empty())
    return {};
  std::vector<span> words{heading("STILL")};
  for (std::size_t i = 0; i < std::min(s.held.size(), most); ++i) {
    const held_key& k = s.held[i];
    words.push_back({cell_text(k.label) + ' ' + to_string(k.why) + " for " +
                         short_span(seconds(k.since)) + ", " + plural(k.depth, "message"),
                     look::warning});
  }
  return flow(words, width, heading_cells);
}

std::vector<screen_line> states_of(const snapshot& s, std::size_t width) {
  std::vector<span> words{heading("STATE")};
  const auto state = [&](const char* name, std::size_t count, look if_any = look::plain) {
    words.push_back(
        {short_count(static_cast<double>(count)) + ' ' + name, count == 0 ? look::dim : if_any});
  };
  state("running", s.lanes.running);
  state("waiting", s.lanes.waiting);
  state("backoff", s.lanes.backoff, look::warning);
  state("parked", s.lanes.parked, look::warning);
  state("paused", s.lanes.paused, look::warning);
  if (s.lanes.suspended != 0)
    state("suspended", s.lanes.suspended);
  if (s.lanes.joint != 0)
    state("joint", s.lanes.joint);
  if (s.lanes.lingering != 0) // these are rare, and all would not fit into 80 cells
    state("lingering", s.lanes.lingering);
  if (s.lanes.limited != 0)
    state("limited", s.lanes.limited, look::warning);
  for (std::size_t i = 1; i + 1 < words.size(); ++i)
    words[i].text += ',';
  auto lines = flow(words, width, heading_cells);
  append(lines, held_of(s, width));
  return lines;
}

std::vector<screen_line> times_of(const snapshot& s, std::size_t width) {
  const auto times = [](const distribution& d) {
    return short_span(seconds(d.p50)) + " p50, " + short_span(seconds(d.p99)) + " p99, " +
           short_span(seconds(d.p999)) + " p99.9";
  };
  std::vector<span> words{
      heading("TIME"),
      {"handler " + times(s.handler)},
      {"  latency " + times(s.latency)},
      {"  " + plural(s.dead, "dead letter"), s.dead == 0 ? look::dim : look::warning}};
  if (s.conflated != 0)
    words.push_back({"  " + count_text(s.conflated) + " conflated"});
  return flow(words, width, heading_cells);
}

std::vector<screen_line> sources_of(const snapshot& s, std::size_t width, std::size_t most) {
  if (s.positions.empty())
    return {};
  std::vector<const source_position*> shown;
  std::size_t longest = 0;
  for (const source_position& p : s.positions) {
    shown.push_back(&p);
    longest = std::max(longest, cells_of(cell_text(p.name)));
  }
  std::ranges::stable_sort(shown, [](const source_position* a, const source_position* b) {
    return std::tie(a->lag, a->oldest) > std::tie(b->lag, b->oldest);
  });
  shown.resize(std::min(shown.size(), most));
  const std::string head =
      shown.size() == s.positions.size()
          ? "SOURCE"
          : "SOURCE, " + count_text(shown.size()) + " of " + count_text(s.positions.size());
  const table columns{{{head, 16, 0, longest, true},
                       {"LAG", 6, 1},
                       {"OLDEST", 7, 2},
                       {"IN FLIGHT", 9, 3},
                       {"GAPS", 6, 4},
                       {"COMMITTED", 12, 5, 20}},
                      width};
  std::vector<screen_line> lines{columns.head()};
  for (const source_position* p : shown)
    lines.push_back( // the end of a name says which partition it is
        columns.row({{cut_front(cell_text(p->name), columns.cells(0))},
                     {short_count(static_cast<double>(p->lag))},
                     {short_span(seconds(p->oldest))},
                     {short_count(static_cast<double>(p->in_flight))},
                     {short_count(static_cast<double>(p->gaps))},
                     {std::to_string(p->committed)}}));
  return lines;
}

double scale_of(const std::vector<key_share>& keys) {
  double most = 0;
  for (const key_share& k : keys)
    most = std::max({most, k.high, k.share});
  for (const double scale : {0.01, 0.02, 0.05, 0.1, 0.2, 0.5})
    if (most <= scale)
      return scale;
  return 1;
}

table keys_table(const std::vector<key_share>& keys, std::size_t width) {
  std::size_t longest = 10;
  for (const key_share& k : keys)
    longest = std::max(longest, cells_of(cell_text(k.label)) + 2);
  longest = std::min(longest, longest_label + 2);
  return {{{"KEY", std::min<std::size_t>(longest, 20), 0, longest, true},
           {"FULL: " + number_text(scale_of(keys) * 100) + " %", 11, 4, 50, true},
           {"SHARE", 6, 1},
           {"BOUNDS", 11, 5},
           {"MSG/s", 5, 3},
           {"DEPTH", 5, 1},
           {"HANDLER", 7, 3},
           {"DRAIN", 7, 2},
           {"WAIT/s", 7, 6}},
          width};
}

screen_line key_row(const table& columns, const key_share& k, double scale, bool is_selected) {
  const look how = is_selected ? look::selected : look::plain;
  return columns.row({{(is_selected ? "> " : "  ") + cell_text(k.label), how},
                      {bar_of(k, scale, columns.cells(bar_column)), how},
                      {short_share(k.share), how},
                      {bounds_of(k), how},
                      {short_count(k.messages_per_second), how},
                      {short_count(static_cast<double>(k.depth)), how},
                      {short_span(seconds(k.handler_time)), how},
                      {short_span(seconds(k.to_drain)), how},
                      {short_span(seconds(k.waited)), how}});
}

} // namespace convoy::tool
