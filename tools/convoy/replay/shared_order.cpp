#include "replay/shared_order.hpp"

#include <algorithm>
#include <cstddef>

namespace convoy::tool {

std::uint64_t shared_order_violations(const workload& load, const std::vector<record>& records) {
  struct ends {
    std::int64_t all = 0, exclusive = 0; // the latest so far
  };
  std::vector<ends> keys(load.keys.size());
  std::uint64_t violations = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const record& r = records[i];
    if (r.done < 0)
      continue;
    const message& m = load.messages[i];
    bool is_early = false;
    load.each_place(m, [&](place p) {
      ends& before = keys[p.key];
      is_early |= r.begun < (m.is_shared ? before.exclusive : before.all);
      before.all = std::max(before.all, r.done);
      if (!m.is_shared)
        before.exclusive = before.all;
    });
    violations += is_early;
  }
  return violations;
}

} // namespace convoy::tool
