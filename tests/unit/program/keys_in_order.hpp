#pragma once

#include "input/trace.hpp"

#include <string>
#include <vector>

namespace convoy::tool {

inline std::vector<std::string> keys_in_order(const trace& t) {
  std::vector<std::string> keys;
  for (const event& e : t.events)
    keys.push_back(t.keys[e.key]);
  return keys;
}

} // namespace convoy::tool
