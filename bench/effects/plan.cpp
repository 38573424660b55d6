#include "plan.hpp"

#include <algorithm>

namespace convoy::effects {
namespace {

bool has(const std::vector<part>& parts, part wanted) {
  return std::ranges::find(parts, wanted) != parts.end();
}

/// The cells of `open` and `closed` differ in how the messages are submitted.
void add_cross(std::vector<cell>& cells, const sweep& s, part shows,
               const std::vector<double>& loads, unsigned workers, std::int64_t mean_ns) {
  for (const double theta : s.thetas)
    for (const law service : s.laws)
      for (const double load : loads)
        cells.push_back({.shows = shows,
                         .workers = workers,
                         .theta = theta,
                         .service = service,
                         .mean_ns = mean_ns,
                         .load = load});
}

void add_faults(std::vector<cell>& cells, const sweep& s, unsigned workers, std::int64_t mean_ns) {
  constexpr double most = 0.8;
  for (const double load : s.loads) {
    if (load > most)
      continue;
    cell c{.shows = part::fault, .workers = workers, .mean_ns = mean_ns, .load = load};
    // The hot key can keep one worker busy and no more, so the others have as much: `load` each.
    // That is little, so that it can be many short messages whatever the workers.
    for (const bool is_hot : {false, true}) {
      if (is_hot)
        c.mean_ns = s.mean_ns.value_or(mean_service_ns(1));
      c.cold_work = is_hot ? load : load * workers;
      c.beside = fault::none;
      std::vector<cell> group{c};
      for (const fault f : s.faults)
        if ((f == fault::hot_half) == is_hot) {
          c.beside = f;
          group.push_back(c);
        }
      if (group.size() > 1)
        cells.insert(cells.end(), group.begin(), group.end());
    }
  }
}

} // namespace

std::int64_t mean_service_ns(unsigned workers) {
  constexpr std::int64_t least = 1'000'000;
  constexpr std::int64_t per_worker = 100'000;
  return std::max(least, per_worker * static_cast<std::int64_t>(workers));
}

std::vector<cell> plan(const sweep& s) {
  std::vector<cell> cells;
  for (const unsigned workers : s.workers) {
    const std::int64_t mean_ns = s.mean_ns.value_or(mean_service_ns(workers));
    if (has(s.parts, part::closed))
      add_cross(cells, s, part::closed, {1}, workers, mean_ns);
    if (has(s.parts, part::open))
      add_cross(cells, s, part::open, s.loads, workers, mean_ns);
    if (has(s.parts, part::fault))
      add_faults(cells, s, workers, mean_ns);
  }
  return cells;
}

} // namespace convoy::effects
