#include "trace_builder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace convoy::tool {
namespace {

// Arrivals are replayed in nanoseconds, so that they must fit in 63 bits as such too.
constexpr std::int64_t latest_us = std::numeric_limits<std::int64_t>::max() / 1000;

/// How many have a later one before them.
std::size_t count_late(const std::vector<event>& events) {
  std::int64_t latest = 0;
  std::size_t late = 0;
  for (const event& e : events) {
    late += e.at_us < latest ? 1 : 0;
    latest = std::max(latest, e.at_us);
  }
  return late;
}

bool earlier(const event& a, const event& b) {
  return a.at_us < b.at_us;
}

void require_same(bool first, bool here, const std::string& what) {
  if (first != here)
    throw input_error("there is " + std::string(here ? "a " : "no ") + what +
                      " here, unlike in the events before; give it for all of them or for none");
}

} // namespace

void trace_builder::add(const row& row) {
  if (row.key.empty())
    throw input_error("the key is empty; every event needs one");
  if (row.at_us.value_or(0) > latest_us)
    throw input_error("the time is too large; it is read as microseconds");
  if (made_.events.empty()) {
    made_.has_times = row.at_us.has_value();
    made_.has_service = row.service_ns.has_value();
  }
  require_same(made_.has_times, row.at_us.has_value(), "time");
  require_same(made_.has_service, row.service_ns.has_value(), "service time");
  if (row.bytes > std::numeric_limits<std::int64_t>::max() - bytes_)
    throw input_error("the sizes add up to more than 2^63 bytes");
  bytes_ += row.bytes;
  made_.events.push_back({.at_us = row.at_us.value_or(0),
                          .service_ns = row.service_ns.value_or(0),
                          .bytes = row.bytes,
                          .key = index_of(row.key)});
}

std::uint32_t trace_builder::index_of(std::string_view key) {
  const auto known = indices_.find(key);
  if (known != indices_.end())
    return known->second;
  if (indices_.size() == std::numeric_limits<std::uint32_t>::max())
    throw input_error("there are more than 4294967295 keys; choose a coarser one");
  const auto index = static_cast<std::uint32_t>(indices_.size());
  indices_.emplace(key, index);
  return index;
}

trace trace_builder::finish() && {
  auto& events = made_.events;
  made_.moved = count_late(events);
  if (made_.moved > 0)
    std::stable_sort(events.begin(), events.end(), earlier);
  const std::int64_t origin = events.empty() ? 0 : events.front().at_us;
  for (event& e : events)
    e.at_us -= origin;

  made_.keys.resize(indices_.size());
  while (!indices_.empty()) {
    auto node = indices_.extract(indices_.begin());
    made_.keys[node.mapped()] = std::move(node.key());
  }
  return std::move(made_);
}

} // namespace convoy::tool
