#include "load/alias_table.hpp"

#include <cstddef>
#include <numeric>

namespace convoy::tool {

alias_table::alias_table(const std::vector<double>& weights) : columns_(weights.size()) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double height = sum / static_cast<double>(weights.size());
  std::vector<std::uint32_t> low;
  std::vector<std::uint32_t> high;
  for (std::uint32_t index = 0; index < weights.size(); ++index) {
    columns_[index] = {weights[index] / height, index};
    (columns_[index].own < 1 ? low : high).push_back(index);
  }
  // A high index fills the column of a low one up, and becomes low itself once it has given enough.
  // What rounding leaves over at the end is a full column but for an ulp, of its own index.
  while (!low.empty() && !high.empty()) {
    column& giver = columns_[high.back()];
    column& taker = columns_[low.back()];
    low.pop_back();
    taker.other = high.back();
    giver.own -= 1 - taker.own;
    if (giver.own < 1) {
      low.push_back(high.back());
      high.pop_back();
    }
  }
}

std::uint32_t alias_table::operator()(double uniform) const noexcept {
  const double place = uniform * static_cast<double>(columns_.size());
  const auto index = static_cast<std::uint32_t>(place);
  const column& c = columns_[index];
  return place - index < c.own ? index : c.other;
}

} // namespace convoy::tool
