#include "top/screen.hpp"

#include "text/cells.hpp"
#include "text/format.hpp"
#include "top/help.hpp"
#include "top/sections.hpp"
#include "top/table.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace convoy::tool {
namespace {

constexpr std::size_t spacious = 20; ///< with fewer lines there are no empty ones

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

void append(std::vector<screen_line>& to, std::vector<screen_line> lines) {
  std::ranges::move(lines, std::back_inserter(to));
}

std::string_view words_of(key_order order) {
  switch (order) {
  case key_order::time:
    return "service time";
  case key_order::messages:
    return "messages";
  case key_order::cost:
    return "time that others waited";
  }
  __builtin_unreachable();
}

screen_line title_of(const screen& of) {
  screen_line line{{"convoy top ", look::title}};
  if (of.frozen)
    line.push_back({"FROZEN ", look::warning});
  line.push_back({cell_text(of.socket)});
  if (const snapshot* s = selected_processor(of)) {
    line.push_back({"  " + plural(s->workers, "worker"), look::plain});
    if (s->window.count() > 0)
      line.push_back({", window of " + duration_text(seconds(s->window) * 1e6), look::plain});
    else
      line.push_back({", no window yet", look::plain});
  }
  return line;
}

/// A few of them, with the selected one in sight.
std::vector<screen_line> processors_of(const screen& of, std::size_t width, std::size_t most) {
  const table columns = processors_table(width);
  std::vector<screen_line> lines{columns.head()};
  const std::size_t selected = std::min(of.processor, of.processors.size() - 1);
  const std::size_t first = selected < most ? 0 : selected - most + 1;
  for (std::size_t i = first; i < std::min(of.processors.size(), first + most); ++i)
    lines.push_back(
        processor_row(columns, of.processors[i],
                      i == selected && of.processors.size() > 1 ? look::selected : look::plain));
  return lines;
}

std::vector<screen_line> keys_of(const screen& of, std::size_t width, std::size_t height) {
  const auto& keys = keys_shown(of);
  std::vector<screen_line> lines{
      {{"KEYS BY ", look::head}, {std::string(words_of(of.order)), look::head}}};
  if (keys.empty()) {
    lines.push_back({{"no key was seen in the window", look::dim}});
    return lines;
  }
  const table columns = keys_table(keys, width);
  lines.push_back(columns.head());
  const std::size_t room = height > lines.size() ? height - lines.size() : 0;
  const std::size_t selected = selected_key(of);
  const std::size_t first = selected < room ? 0 : selected - room + 1;
  const double scale = scale_of(keys);
  for (std::size_t i = first; i < std::min(keys.size(), first + room); ++i)
    lines.push_back(key_row(columns, keys[i], scale, i == selected));
  return lines;
}

// ---- the other panels ----

std::vector<screen_line> sentence(std::string_view text, std::size_t width) {
  std::vector<span> words;
  const std::string safe = cell_text(text);
  for (std::string_view rest = safe; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (!word.empty())
      words.push_back({std::string{word}});
  }
  return flow(words, width, 0);
}

std::vector<screen_line> why_of(const screen& of, std::size_t width) {
  std::vector<screen_line> lines{
      {{"WHY DOES IT NOT MOVE? ", look::head}, {cell_text(of.key), look::selected}}};
  if (!of.why) {
    append(lines, sentence(of.why_not.empty() ? "asking…" : of.why_not, width));
    return lines;
  }
  lines.push_back({{cell_text(of.why->state), look::title}});
  append(lines, sentence(of.why->sentence, width));
  lines.emplace_back();
  std::size_t widest = 0;
  for (const auto& [name, value] : of.why->facts)
    widest = std::max(widest, cells_of(name));
  for (const auto& [name, value] : of.why->facts)
    lines.push_back({{left_text(name, widest) + "  ", look::dim}, {cell_text(value)}});
  return lines;
}

/// As much of it as there is room for, from the line that was scrolled to. The first `fixed` stay.
std::vector<screen_line> scrolled(std::vector<screen_line> lines, std::size_t from,
                                  std::size_t height, std::size_t fixed) {
  if (lines.size() <= height || height <= fixed)
    return lines;
  const auto first = static_cast<std::ptrdiff_t>(std::min(from, lines.size() - height));
  const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(fixed);
  lines.erase(begin, begin + first);
  return lines;
}

screen_line hints_of(const screen& of) {
  switch (of.shows) {
  case panel::keys:
    return {
        {"q quit  ? help  Enter why  s sources  t m c order  p freeze  Tab processor", look::dim}};
  case panel::why:
    return {{"q quit  Esc back  p freeze", look::dim}};
  case panel::sources:
  case panel::help:
    return {{"q quit  Esc back  up, down scroll  p freeze", look::dim}};
  }
  __builtin_unreachable();
}

} // namespace

const snapshot* selected_processor(const screen& of) {
  if (of.processors.empty())
    return nullptr;
  return &of.processors[std::min(of.processor, of.processors.size() - 1)];
}

std::size_t scroll_end(const screen& of) {
  if (of.shows == panel::help)
    return help_lines().size();
  const snapshot* s = selected_processor(of);
  return s == nullptr ? 0 : s->positions.size();
}

const std::vector<key_share>& keys_shown(const screen& of) {
  static const std::vector<key_share> none;
  const snapshot* s = selected_processor(of);
  if (s == nullptr)
    return none;
  return of.order == key_order::time       ? s->hottest
         : of.order == key_order::messages ? s->most
                                           : s->costliest;
}

std::size_t selected_key(const screen& of) {
  const auto& keys = keys_shown(of);
  const auto found = std::ranges::find(keys, of.key, &key_share::label);
  return found == keys.end() ? 0 : static_cast<std::size_t>(found - keys.begin());
}

std::vector<screen_line> draw(const screen& of, std::size_t width, std::size_t height) {
  std::vector<screen_line> lines{title_of(of)};
  if (!of.trouble.empty())
    lines.push_back({{cell_text(of.trouble), look::warning}});
  const auto space = [&] {
    if (height >= spacious)
      lines.emplace_back();
  };
  const snapshot* s = selected_processor(of);
  if (of.shows == panel::help) {
    space();
    const std::size_t used = lines.size() + 1;
    append(lines, scrolled(help_lines(), of.scrolled, height > used ? height - used : 0, 0));
  } else if (s == nullptr) {
    if (of.trouble.empty())
      lines.push_back({{"no processor with insight is there", look::dim}});
  } else if (of.shows == panel::sources) {
    append(lines, processors_of(of, width, 1));
    space();
    auto sources = sources_of(*s, width, s->positions.size());
    if (sources.empty())
      sources.push_back({{"this processor reads from no broker", look::dim}});
    const std::size_t used = lines.size() + 1;
    append(lines, scrolled(std::move(sources), of.scrolled, height > used ? height - used : 0, 1));
  } else {
    append(lines, processors_of(of, width, std::max<std::size_t>(1, height / 5)));
    space();
    append(lines, wait_of(*s, width));
    append(lines, states_of(*s, width));
    if (height >= spacious)
      append(lines, times_of(*s, width));
    space();
    if (auto sources = sources_of(*s, width, std::max<std::size_t>(1, height / 8));
        !sources.empty()) {
      append(lines, std::move(sources));
      space();
    }
    const std::size_t used = lines.size() + 1;
    append(lines, of.shows == panel::why ? why_of(of, width)
                                         : keys_of(of, width, height > used ? height - used : 0));
  }
  const bool hints = height >= 3;
  lines.resize(std::min(lines.size(), hints ? height - 1 : height));
  if (hints) {
    lines.resize(height - 1);
    lines.push_back(hints_of(of));
  }
  for (screen_line& line : lines)
    line = clipped(std::move(line), width);
  return lines;
}

std::string draw_all(const std::vector<snapshot>& processors, key_order order) {
  constexpr std::size_t width = 120;
  std::vector<screen_line> lines;
  const table columns = processors_table(width);
  lines.push_back(columns.head());
  for (const snapshot& s : processors)
    lines.push_back(processor_row(columns, s, look::plain));
  for (std::size_t i = 0; i < processors.size(); ++i) {
    screen one;
    one.processors = processors;
    one.processor = i;
    one.order = order;
    lines.emplace_back();
    lines.push_back({{processor_name(processors[i])}});
    append(lines, wait_of(processors[i], width));
    append(lines, states_of(processors[i], width));
    append(lines, times_of(processors[i], width));
    append(lines, sources_of(processors[i], width, processors[i].positions.size()));
    const auto& keys = keys_shown(one);
    const table key_columns = keys_table(keys, width);
    lines.push_back({{"KEYS BY "}, {std::string(words_of(order))}});
    if (!keys.empty())
      lines.push_back(key_columns.head());
    for (const key_share& k : keys)
      lines.push_back(key_row(key_columns, k, scale_of(keys), false));
  }
  std::string text;
  for (const screen_line& line : lines) {
    for (const span& part : line)
      text += part.text;
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

} // namespace convoy::tool
