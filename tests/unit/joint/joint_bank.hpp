#pragma once

// The one processor of these tests: keys whose state is a book of what was handled, in plain memory.

#include <convoy/convoy.hpp>
#include <future>
#include <memory>
#include <vector>

namespace joint_tests {

struct book {
  std::vector<int> ids;
};
using bank = convoy::processor<int, int, book>;

/// What log_of() asks with.
inline constexpr int asks = -1;
inline std::vector<int>*& answer() {
  static std::vector<int>* to = nullptr;
  return to;
}

inline void booked(const int&, int& m, book& its) {
  if (m == asks)
    *answer() = its.ids;
  else
    its.ids.push_back(m);
}

/// Of a processor whose handler is booked().
inline std::vector<int> log_of(bank& p, int key) {
  std::vector<int> log;
  answer() = &log;
  if (p.submit(key, asks) == convoy::submit_status::accepted)
    p.drain();
  return log;
}

} // namespace joint_tests
