#pragma once

#include "load/workload.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// A message whose keys are called by a letter each: "ab" is joint.
struct joint_spec {
  std::string keys;
  std::int64_t service_ns = 0;
  std::int64_t arrival_ns = 0;
};

/// Keys are as many as the last letter says.
inline convoy::tool::workload joint_load(const std::vector<joint_spec>& all) {
  convoy::tool::workload load;
  std::vector<std::uint32_t> next;
  for (const joint_spec& each : all) {
    convoy::tool::message m{.arrival_ns = each.arrival_ns, .service_ns = each.service_ns};
    m.further_begin = static_cast<std::uint32_t>(load.further_places.size());
    for (std::size_t i = 0; i < each.keys.size(); ++i) {
      const auto key = static_cast<std::uint32_t>(each.keys[i] - 'a');
      for (; load.keys.size() <= key; next.push_back(0))
        load.keys.emplace_back(1, static_cast<char>('a' + load.keys.size()));
      if (i == 0) {
        m.key = key;
        m.position = next[key]++;
      } else {
        load.further_places.push_back({key, next[key]++});
        ++m.further_count;
      }
    }
    load.messages.push_back(m);
  }
  return load;
}
