#include "measure/demand.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace convoy::tool {
namespace {

constexpr std::uint64_t few = 10; // one long message makes no rate

struct total {
  std::uint64_t messages = 0;
  double work = 0;
};

/// Up to a message, what must go one after the other: the longest path there, which leads from each
/// key of a joint message to each.
class paths_so_far {
public:
  explicit paths_so_far(const workload& load) : load_{load}, keys_(load.keys.size()) {}

  void add(const message& m, double service) {
    total path;
    load_.each_place(m, [&](place p) { path = std::max(path, keys_[p.key], shorter); });
    ++path.messages;
    path.work += service;
    load_.each_place(m, [&](place p) { keys_[p.key] = path; });
    if (path.messages >= few)
      longest_ = std::max(longest_, path.work);
  }

  /// The work of the longest one that is of more than a few messages.
  [[nodiscard]] double longest() const { return longest_; }

private:
  static bool shorter(const total& a, const total& b) {
    return a.work < b.work || (a.work == b.work && a.messages < b.messages);
  }

  const workload& load_;
  std::vector<total> keys_; // up to the last message of each
  double longest_ = 0;
};

/// 0 where a key has as much alone, be it in a few messages: then no joint one is the reason.
double tied_together(const paths_so_far& all, const std::vector<total>& keys) {
  return std::ranges::all_of(keys, [&](const total& key) { return key.work < all.longest(); })
             ? all.longest()
             : 0;
}

} // namespace

demand measure_demand(const workload& load) {
  demand result;
  if (load.closed || load.messages.size() < few)
    return result;
  const std::int64_t end = load.messages.back().arrival_ns;
  const auto span = static_cast<double>(end - load.messages.front().arrival_ns);
  if (span <= 0)
    return result;
  std::vector<total> keys(load.keys.size());
  paths_so_far ways{load};
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
    if (load.has_joint()) // then none is shared
      ways.add(m, service);
  }
  result.rate = work / span;
  if (load.has_joint())
    result.path_rate = tied_together(ways, keys) / span;
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
