#include "simulate/simulate.hpp"

#include "load/random.hpp"

#include <algorithm>
#include <convoy/detail/insight/simulation.hpp>

namespace convoy::tool {
namespace {

std::vector<detail::simulated_message> with_overshoot(const workload& load,
                                                      const simulation_options& options) {
  const auto& overshoot = options.costs.overshoot_ns;
  random_source uniform(options.seed, drawn::overshoot);
  std::vector<detail::simulated_message> messages;
  messages.reserve(load.messages.size());
  for (const message& m : load.messages) {
    std::int64_t service = m.service_ns;
    if (!overshoot.empty() && service > 0)
      service +=
          overshoot[static_cast<std::size_t>(uniform() * static_cast<double>(overshoot.size()))];
    messages.push_back({m.arrival_ns, service, m.key, m.is_shared});
  }
  return messages;
}

std::vector<detail::simulated_place> further_places(const workload& load) {
  std::vector<detail::simulated_place> all;
  all.reserve(load.further_places.size());
  for (std::uint32_t i = 0; i < load.messages.size(); ++i)
    for (const place& p : load.further(load.messages[i]))
      all.push_back({i, p.key});
  return all;
}

/// When each message was let in: it, and those before it, waited for the end of others. Closed, it
/// was meant to come right behind the one before.
void admit(std::vector<record>& records, const std::vector<detail::simulated_times>& times,
           const workload& load, std::size_t capacity) {
  if (capacity >= records.size() + load.further_places.size())
    return;
  struct end {
    std::int64_t at;
    std::size_t places; ///< that are free then
  };
  const auto places_of = [&](std::size_t i) {
    return load.messages[i].further_count + std::size_t{1};
  };
  std::vector<end> ends(records.size());
  for (std::size_t i = 0; i < ends.size(); ++i)
    ends[i] = {times[i].done, places_of(i)};
  std::ranges::stable_sort(ends, {}, &end::at);
  std::int64_t latest = 0;
  std::size_t taken = 0, ended = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (load.closed)
      records[i].intended = latest;
    latest = std::max(latest, records[i].intended);
    taken += places_of(i);
    for (; taken > capacity; ++ended) {
      latest = std::max(latest, ends[ended].at);
      taken -= ends[ended].places;
    }
    records[i].accepted = latest;
  }
}

} // namespace

run simulate(std::string_view name, const workload& load, const simulation_options& options) {
  const auto messages = with_overshoot(load, options);
  const auto further = further_places(load);
  std::vector<detail::simulated_times> times(messages.size());
  detail::simulate(messages, static_cast<std::uint32_t>(load.keys.size()), options.workers, times,
                   {.further = further,
                    .capacity = options.capacity,
                    .conflates = options.conflates,
                    .cores = options.costs.cores,
                    .core_ns = options.costs.core_ns});
  run result;
  result.strategy = name;
  result.workers = options.workers;
  result.shares = load.has_shared;
  result.records.reserve(times.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool merged = times[i].begun < 0;
    result.records.push_back({.intended = messages[i].arrival_ns,
                              .accepted = messages[i].arrival_ns,
                              .begun = times[i].begun,
                              .done = merged ? -1 : times[i].done,
                              .merged = merged});
  }
  admit(result.records, times, load, options.capacity);
  return result;
}

} // namespace convoy::tool
