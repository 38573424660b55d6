#include "measure/demand.hpp"

#include "measure/figures.hpp"

#include <cstddef>
#include <limits>
#include <vector>

namespace convoy::tool {

demand measure_demand(const workload& load) {
  constexpr std::uint64_t few = 10; // one long message makes no rate
  demand result;
  if (load.closed || load.messages.size() < few)
    return result;
  const std::int64_t end = load.messages.back().arrival_ns;
  const auto span = static_cast<double>(end - load.messages.front().arrival_ns);
  if (span <= 0)
    return result;
  struct total {
    std::uint64_t messages = 0;
    double work = 0;
  };
  std::vector<total> keys(load.keys.size());
  double work = 0;
  for (const message& m : load.messages) {
    // Nothing of the work of the last one belongs to the span, and shared ones come in parallel.
    const auto service = m.arrival_ns == end ? 0.0 : static_cast<double>(m.service_ns);
    load.each_place(m, [&](place p) {
      ++keys[p.key].messages;
      if (!m.is_shared)
        keys[p.key].work += service;
    });
    work += service;
  }
  result.rate = work / span;
  if (load.has_joint())
    result.path_rate =
        result.rate / measure_trace(load, std::numeric_limits<unsigned>::max()).speedup_bound;
  for (std::size_t key = 0; key < keys.size(); ++key) {
    if (keys[key].messages < few)
      continue;
    const double rate = keys[key].work / span;
    result.keys_beyond += rate > 1;
    if (rate > result.busiest_rate) {
      result.busiest_rate = rate;
      result.busiest_key = static_cast<std::uint32_t>(key);
    }
  }
  return result;
}

} // namespace convoy::tool
