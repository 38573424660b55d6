#include "measure/demand.hpp"

#include <cstddef>
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
    ++keys[m.key].messages;
    if (m.arrival_ns == end) // nothing of its work belongs to the span
      continue;
    if (!m.is_shared) // they come in parallel
      keys[m.key].work += static_cast<double>(m.service_ns);
    work += static_cast<double>(m.service_ns);
  }
  result.rate = work / span;
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
