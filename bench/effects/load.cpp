#include "load.hpp"

#include "load/generator.hpp"
#include "load/random.hpp"
#include "load/replay_input.hpp"
#include "load/service.hpp"
#include "measure/figures.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace convoy::effects {
namespace {

constexpr double ns_per_second = 1e9;

/// A sequence of messages before it has times.
struct stream {
  tool::trace events;
  std::vector<std::int64_t> service;

  [[nodiscard]] std::size_t size() const { return events.events.size(); }
  void truncate(std::size_t n) {
    events.events.resize(n);
    service.resize(n);
  }
  [[nodiscard]] tool::workload all_at_once() const {
    return tool::make_workload(events, service, std::nullopt);
  }
};

tool::service_spec spec_of(law service, std::int64_t mean_ns) {
  constexpr std::int64_t short_ns = 1000;
  switch (service) {
  case law::fixed:
    return tool::fixed_service{mean_ns};
  case law::exponential:
    return tool::exponential_service{mean_ns};
  case law::bimodal:
    return tool::bimodal_service{short_ns, 10 * mean_ns, 0.1};
  }
  __builtin_unreachable();
}

stream draw(const cell& c, std::uint32_t keys, double messages, std::uint64_t seed) {
  const auto n = static_cast<std::uint32_t>(std::max(1.0, std::round(messages)));
  stream s;
  s.events = tool::generate(
      {.zipf = {.keys = keys, .theta = c.theta, .messages = n}, .hot_share = 0, .seed = seed});
  s.service = tool::service_ns(s.events, spec_of(c.service, c.mean_ns), seed);
  return s;
}

/// Gives messages the times of a Poisson process that takes `seconds` on average.
void pace(tool::workload& load, double seconds, std::uint64_t seed) {
  tool::random_source uniform(seed, tool::drawn::arrivals);
  const double gap = seconds * ns_per_second / static_cast<double>(load.messages.size());
  double at = 0;
  for (tool::message& m : load.messages) {
    m.arrival_ns = std::llround(at);
    at -= std::log1p(-uniform()) * gap;
  }
  load.closed = false;
}

double seconds_of(const cell& c, const load_options& options) {
  constexpr double longer = 2.5;
  return c.shows == part::open ? options.seconds : longer * options.seconds;
}

double seconds_of_work(const std::vector<std::int64_t>& service) {
  double sum = 0;
  for (const std::int64_t ns : service)
    sum += static_cast<double>(ns);
  return sum / ns_per_second;
}

/// Closed and open cells. How fast order lets the messages go is known when they are drawn: first
/// as many as all workers could do, then as many of these as they can in fact.
load make_cross(const cell& c, const load_options& options) {
  const double per_second = ns_per_second / static_cast<double>(c.mean_ns);
  stream s = draw(c, options.keys, c.workers * seconds_of(c, options) * per_second, options.seed);
  const double ceiling = tool::measure_trace(s.all_at_once(), c.workers).speedup_bound;
  const double kept = ceiling / c.workers * c.load;
  s.truncate(std::max<std::size_t>(
      1, static_cast<std::size_t>(std::llround(kept * static_cast<double>(s.size())))));

  load made;
  made.messages = s.all_at_once();
  made.speedup_bound = tool::measure_trace(made.messages, c.workers).speedup_bound;
  made.hot_key = tool::hottest_key(made.messages);
  if (c.shows == part::open)
    pace(made.messages, seconds_of_work(s.service) / (c.load * made.speedup_bound), options.seed);
  return made;
}

/// The messages of a key that every 10 ms has a short one, and from time to time one of 100 ms.
std::vector<tool::message> stuck_messages(const cell& c, double seconds, double first_ms,
                                          double every_ms) {
  constexpr double ns_per_ms = 1e6;
  constexpr double step_ms = 10;
  constexpr std::int64_t stuck_ns = 100'000'000;
  std::vector<tool::message> messages;
  double next_stuck = first_ms;
  for (double at = 0; at < seconds * 1e3; at += step_ms) {
    const bool is_stuck = at >= next_stuck;
    if (is_stuck)
      next_stuck += every_ms;
    messages.push_back({.arrival_ns = std::llround(at * ns_per_ms),
                        .service_ns = is_stuck ? stuck_ns : c.mean_ns / 4});
  }
  return messages;
}

std::vector<tool::message> hot_messages(const cell& c, std::size_t n, double seconds,
                                        std::uint64_t seed) {
  tool::workload hot = draw(c, 1, static_cast<double>(n), seed).all_at_once();
  pace(hot, seconds, seed);
  return hot.messages;
}

std::vector<tool::message> faulty_messages(const cell& c, std::size_t cold, double seconds,
                                           std::uint64_t seed) {
  constexpr double never_ms = 1e9;
  switch (c.beside) {
  case fault::none:
    return {};
  case fault::stuck_once:
    return stuck_messages(c, seconds, seconds * 1e3 / 3, never_ms);
  case fault::stuck_often:
    return stuck_messages(c, seconds, 50, 200);
  case fault::hot_half:
    return hot_messages(c, cold, seconds, seed + 1); // other draws than the cold keys'
  }
  __builtin_unreachable();
}

load make_fault(const cell& c, const load_options& options) {
  const double seconds = seconds_of(c, options);
  const double n = c.cold_work * seconds * ns_per_second / static_cast<double>(c.mean_ns);
  load made;
  tool::workload& all = made.messages;
  all = draw(c, options.keys, n, options.seed).all_at_once();
  pace(all, seconds, options.seed);

  auto extra = faulty_messages(c, all.messages.size(), seconds, options.seed);
  if (!extra.empty()) {
    made.hot_key = static_cast<std::uint32_t>(all.keys.size());
    all.keys.emplace_back("faulty");
    for (std::uint32_t i = 0; i < extra.size(); ++i) {
      extra[i].key = made.hot_key;
      extra[i].position = i;
      all.messages.push_back(extra[i]);
    }
    std::ranges::stable_sort(all.messages, {}, &tool::message::arrival_ns);
  }
  made.speedup_bound = tool::measure_trace(all, c.workers).speedup_bound;
  return made;
}

} // namespace

load make_load(const cell& c, const load_options& options) {
  return c.shows == part::fault ? make_fault(c, options) : make_cross(c, options);
}

} // namespace convoy::effects
