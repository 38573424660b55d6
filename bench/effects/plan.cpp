#include "plan.hpp"

#include <algorithm>
#include <cmath>

namespace convoy::effects {
namespace {

bool has(const std::vector<part>& parts, part wanted) {
  return std::ranges::find(parts, wanted) != parts.end();
}

/// As far as the law of the keys tells: the hottest one's share of the work bounds the speed-up.
double able_to_work(unsigned workers, double theta, std::uint32_t keys) {
  double sum = 0;
  for (std::uint32_t k = keys; k > 0; --k)
    sum += std::pow(static_cast<double>(k), -theta);
  return std::min<double>(workers, sum);
}

/// The cells of `open` and `closed` differ in how the messages are submitted.
void add_cross(std::vector<cell>& cells, const sweep& s, part shows,
               const std::vector<double>& loads, unsigned workers) {
  for (const double theta : s.thetas)
    for (const law service : s.laws)
      for (const double load : loads)
        cells.push_back(
            {.shows = shows,
             .workers = workers,
             .theta = theta,
             .service = service,
             .mean_ns = s.mean_ns.value_or(mean_service_ns(able_to_work(workers, theta, s.keys))),
             .load = load});
}

void add_faults(std::vector<cell>& cells, const sweep& s, unsigned workers) {
  constexpr double most = 0.8;
  for (const double load : s.loads) {
    if (load > most)
      continue;
    cell c{.shows = part::fault, .workers = workers, .load = load};
    // The hot key can keep one worker busy and no more, so the others have as much: `load` each.
    // That is little, so that it can be many short messages whatever the workers.
    for (const bool is_hot : {false, true}) {
      c.mean_ns = s.mean_ns.value_or(mean_service_ns(is_hot ? 1 : workers));
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

std::int64_t mean_service_ns(double busy_workers) {
  constexpr double least = 1'000'000;
  constexpr double per_worker = 100'000;
  return std::llround(std::max(least, per_worker * busy_workers));
}

std::vector<cell> plan(const sweep& s) {
  std::vector<cell> cells;
  for (const unsigned workers : s.workers) {
    if (has(s.parts, part::closed))
      add_cross(cells, s, part::closed, {1}, workers);
    if (has(s.parts, part::open))
      add_cross(cells, s, part::open, s.loads, workers);
    if (has(s.parts, part::fault))
      add_faults(cells, s, workers);
  }
  return cells;
}

} // namespace convoy::effects
