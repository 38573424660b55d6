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
  if ((row.time_unit_ns == 0) != (made_.time_unit_ns == 0))
    made_.mixes_times = true;
  require_same(made_.has_times, row.at_ns.has_value(), "time");
  require_same(made_.has_service, row.service_ns.has_value(), "service time");
  if (row.bytes > std::numeric_limits<std::int64_t>::max() - bytes_)
    throw input_error("the sizes add up to more than 2^63 bytes");
  if (row.is_shared ? !(made_.further_keys.empty() && row.further.empty())
                    : has_shared_ && !row.further.empty())
    throw input_error("shared messages and such of several keys do not go together; do without one "
                      "of them by --access-column \"\" or --keys-column \"\"");
  event made{.at_ns = row.at_ns.value_or(0),
             .service_ns = row.service_ns.value_or(0),
             .bytes = row.bytes,
             .key = index_of(row.key, row.is_number),
             .is_shared = row.is_shared};
  if (!row.further.empty())
    add_further(made, row.further);
  has_shared_ |= row.is_shared;
  bytes_ += row.bytes;
  made_.events.push_back(made);
}

void trace_builder::add_further(event& of, std::span<const row_key> keys) {
  std::array<std::uint32_t, most_keys_of_an_event> all{of.key};
  auto end = all.begin() + 1;
  for (const row_key& key : keys) {
    const std::uint32_t index = index_of(key.text, key.is_number);
    if (std::find(all.begin(), end, index) == end)
      *end++ = index;
  }
  auto& further = made_.further_keys;
  if (further.size() > std::numeric_limits<std::uint32_t>::max() - all.size())
    throw input_error("the events have more than 4294967295 keys in all; replay fewer");
  of.further_count = static_cast<std::uint8_t>(end - all.begin() - 1);
  of.further_begin = static_cast<std::uint32_t>(further.size());
  further.insert(further.end(), all.begin() + 1, end);
}

std::uint32_t trace_builder::index_of(std::string_view key, bool is_number) {
  const auto known = keys_.find(key);
  if (known != keys_.end()) {
    if (known->second.is_number != is_number)
      throw input_error("the key " + in_quotes(key) +
                        (is_number ? " is a number here and was a string before"
                                   : " is a string here and was a number before") +
                        "; make it the same in all lines");
    return known->second.index;
  }
  const auto index = static_cast<std::uint32_t>(keys_.size());
  keys_.emplace(key, key_entry{index, is_number});
  return index;
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
