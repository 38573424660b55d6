#include "input/trace_builder.hpp"

#include "text/parse.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace convoy::tool {
namespace {

/// How many have a later one before them.
std::size_t count_late(const std::vector<event>& events) {
  std::int64_t latest = 0;
  std::size_t late = 0;
  for (const event& e : events) {
    late += e.at_ns < latest ? 1 : 0;
    latest = std::max(latest, e.at_ns);
  }
  return late;
}

bool earlier(const event& a, const event& b) {
  return a.at_ns < b.at_ns;
}

void require_same(bool first, bool here, const std::string& what) {
  if (first != here)
    throw input_error("there is " + std::string(here ? "a " : "no ") + what +
                      " here, unlike in the events before; give it for all of them or for none");
}

void require_same_kind(std::string_view key, bool before, bool here) {
  if (before != here)
    throw input_error("the key " + in_quotes(key) +
                      (here ? " is a number here and was a string before"
                            : " is a string here and was a number before") +
                      "; make it the same in all lines");
}

/// Those of a row, each once.
class keys_of_row {
public:
  explicit keys_of_row(const row& row) {
    add({row.key, row.is_number});
    for (const row_key& key : row.further)
      add(key);
  }

  [[nodiscard]] std::span<const row_key> all() const { return std::span{all_}.first(size_); }

private:
  void add(const row_key& key) {
    const auto known = all();
    const auto same = std::ranges::find(known, key.text, &row_key::text);
    if (same == known.end())
      all_[size_++] = key;
    else
      require_same_kind(key.text, same->is_number, key.is_number);
  }

  std::array<row_key, most_keys_of_an_event> all_;
  std::size_t size_ = 0;
};

} // namespace

void trace_builder::add(const row& row) {
  if ((row.key.empty() && !row.may_be_empty) ||
      std::ranges::any_of(row.further, [](const row_key& k) { return k.text.empty(); }))
    throw input_error("the key is empty; every event needs one");
  if (row.further.size() >= most_keys_of_an_event)
    throw input_error("there are more than " + std::to_string(most_keys_of_an_event) +
                      " keys, which is the most that a message can have");
  if (made_.events.size() == std::numeric_limits<std::uint32_t>::max())
    throw input_error("there are more than 4294967295 events; replay fewer");
  if (made_.further_keys.size() > std::numeric_limits<std::uint32_t>::max() - most_keys_of_an_event)
    throw input_error("the events have more than 4294967295 keys in all; replay fewer");
  const keys_of_row once{row};
  const std::span<const row_key> keys = once.all();
  const bool tells_all =
      row.at_ns.has_value() >= made_.has_times && row.service_ns.has_value() >= made_.has_service;
  const bool tells_more =
      row.at_ns.has_value() > made_.has_times || row.service_ns.has_value() > made_.has_service;
  if (size() > 0 && tells_all && tells_more && may_drop_ && may_drop_(size())) {
    made_.events.clear();
    made_.further_keys.clear();
    has_shared_ = false;
    keys_.clear();
    bytes_ = 0;
  }
  if (made_.events.empty()) {
    made_.has_times = row.at_ns.has_value();
    made_.has_service = row.service_ns.has_value();
    made_.time_unit_ns = row.time_unit_ns;
    made_.mixes_times = false;
  }
  require_same(made_.has_times, row.at_ns.has_value(), "time");
  require_same(made_.has_service, row.service_ns.has_value(), "service time");
  if (row.bytes > std::numeric_limits<std::int64_t>::max() - bytes_)
    throw input_error("the sizes add up to more than 2^63 bytes");
  const bool is_joint = keys.size() > 1;
  if (row.is_shared ? is_joint || !made_.further_keys.empty() : has_shared_ && is_joint)
    throw input_error("shared messages and such of several keys do not go together; do without one "
                      "of them by --access-column \"\" or --keys-column \"\"");
  std::array<std::uint32_t, most_keys_of_an_event> numbers;
  number(keys, numbers);
  auto& further = made_.further_keys;
  made_.events.push_back(
      {.at_ns = row.at_ns.value_or(0),
       .service_ns = row.service_ns.value_or(0),
       .bytes = row.bytes,
       .key = numbers[0],
       .is_shared = row.is_shared,
       .further_count = static_cast<std::uint8_t>(keys.size() - 1),
       .further_begin = is_joint ? static_cast<std::uint32_t>(further.size()) : 0});
  further.insert(further.end(), numbers.begin() + 1,
                 numbers.begin() + static_cast<std::ptrdiff_t>(keys.size()));
  has_shared_ |= row.is_shared;
  bytes_ += row.bytes;
  made_.mixes_times |= (row.time_unit_ns == 0) != (made_.time_unit_ns == 0);
}

/// All or none: a row that is refused for one of them leaves the others unknown.
void trace_builder::number(std::span<const row_key> keys, std::span<std::uint32_t> numbers) {
  constexpr auto is_new = std::numeric_limits<std::uint32_t>::max();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto known = keys_.find(keys[i].text);
    numbers[i] = known == keys_.end() ? is_new : known->second.index;
    if (known != keys_.end())
      require_same_kind(keys[i].text, known->second.is_number, keys[i].is_number);
  }
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (numbers[i] == is_new) {
      numbers[i] = static_cast<std::uint32_t>(keys_.size());
      keys_.emplace(keys[i].text, key_entry{numbers[i], keys[i].is_number});
    }
}

trace trace_builder::finish() && {
  auto& events = made_.events;
  made_.moved = count_late(events);
  if (made_.moved > 0)
    std::stable_sort(events.begin(), events.end(), earlier);
  const std::int64_t origin = events.empty() ? 0 : events.front().at_ns;
  for (event& e : events)
    e.at_ns -= origin;
  made_.begins_at_ns = origin;

  made_.keys.resize(keys_.size());
  while (!keys_.empty()) {
    auto node = keys_.extract(keys_.begin());
    made_.keys[node.mapped().index] = std::move(node.key());
  }
  return std::move(made_);
}

} // namespace convoy::tool
