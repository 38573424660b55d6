#include "top/controls.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace convoy::tool {
namespace {

void select(screen& on, std::size_t row) {
  const auto& keys = keys_shown(on);
  if (!keys.empty())
    on.key = keys[std::min(row, keys.size() - 1)].label;
}

void move_up(screen& on, std::size_t rows) {
  const std::size_t row = selected_key(on);
  select(on, row - std::min(row, rows));
}

void close_why(screen& on) {
  on.shows = panel::keys;
  on.why.reset();
  on.why_not.clear();
}

void order_by(screen& on, key_order order) {
  on.order = order;
  on.shows = panel::keys;
}

/// The help and the sources have no selected line.
bool scroll(screen& on, pressed key, std::size_t page) {
  const std::size_t end = scroll_end(on);
  constexpr std::size_t more = 6; // lines are seen than there is room for keys
  const std::size_t last = end > page + more ? end - page - more : 0;
  const std::size_t at = std::min(on.scrolled, last);
  switch (key) {
  case pressed::up:
    on.scrolled = at - std::min<std::size_t>(at, 1);
    return true;
  case pressed::down:
    on.scrolled = std::min(at + 1, last);
    return true;
  case pressed::page_up:
    on.scrolled = at - std::min(at, page);
    return true;
  case pressed::page_down:
    on.scrolled = std::min(at + page, last);
    return true;
  case pressed::first:
    on.scrolled = 0;
    return true;
  case pressed::last:
    on.scrolled = last;
    return true;
  default:
    return key == pressed::enter; // which is of a key that is not seen
  }
}

void toggle(screen& on, panel what) {
  on.shows = on.shows == what ? panel::keys : what;
  on.scrolled = 0;
}

} // namespace

bool press(screen& on, pressed key, std::size_t page) {
  if (key == pressed::quit)
    return false;
  if (key == pressed::freeze)
    on.frozen = !on.frozen;
  if (key == pressed::escape)
    close_why(on);
  if (key == pressed::help)
    toggle(on, panel::help);
  if (on.shows == panel::why)
    return true; // it stays at its key
  if (key == pressed::sources)
    toggle(on, panel::sources);
  if ((on.shows == panel::help || on.shows == panel::sources) && scroll(on, key, page))
    return true;
  switch (key) {
  case pressed::up:
    move_up(on, 1);
    break;
  case pressed::down:
    select(on, selected_key(on) + 1);
    break;
  case pressed::page_up:
    move_up(on, page);
    break;
  case pressed::page_down:
    select(on, selected_key(on) + page);
    break;
  case pressed::first:
    select(on, 0);
    break;
  case pressed::last:
    select(on, keys_shown(on).size());
    break;
  case pressed::enter:
    if (!keys_shown(on).empty()) {
      select(on, selected_key(on));
      on.shows = panel::why;
    }
    break;
  case pressed::tab:
    on.processor = on.processors.empty() ? 0 : (on.processor + 1) % on.processors.size();
    on.key.clear();
    break;
  case pressed::by_time:
    order_by(on, key_order::time);
    break;
  case pressed::by_messages:
    order_by(on, key_order::messages);
    break;
  case pressed::by_cost:
    order_by(on, key_order::cost);
    break;
  default:
    break;
  }
  return true;
}

std::optional<question> question_of(const screen& of) {
  const snapshot* s = selected_processor(of);
  if (of.shows != panel::why || s == nullptr)
    return std::nullopt;
  return question{s->name, of.key};
}

void receive(screen& on, news what) {
  if (on.frozen)
    return;
  on.processors = std::move(what.processors);
  on.trouble = std::move(what.trouble);
  if (on.trouble.empty() && what.asked && what.asked == question_of(on)) {
    on.why = std::move(what.why);
    on.why_not = std::move(what.why_not);
  }
}

} // namespace convoy::tool
