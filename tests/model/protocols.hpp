#pragma once

// For models of single protocols: all interleavings of two or three threads.

#include "checker.hpp"
#include "convoy/detail/base/atomic.hpp"

#include <functional>
#include <gmock/gmock.h>
#include <initializer_list>
#include <string>
#include <vector>

namespace model {

/// All at once, to their end.
inline void at_once(std::initializer_list<std::function<void()>> bodies) {
  std::vector<convoy::detail::thread> threads;
  for (const auto& each : bodies)
    threads.emplace_back([&each] { each(); });
  for (auto& each : threads)
    each.join();
}

/// What the checker finds, if anything.
inline std::string failure(const std::function<void()>& scenario, const options& how = {}) {
  return explore(how, scenario).failure;
}

inline void expect_holds(const std::function<void()>& scenario, options how = {}) {
  const auto found = explore(how, scenario);
  EXPECT_EQ(found.failure, "");
  EXPECT_TRUE(found.complete) << "only " << found.runs << " runs";
}

/// Where there are too many.
inline void expect_holds_at_random(std::uint64_t runs, const std::function<void()>& scenario) {
  EXPECT_EQ(explore({.random_runs = runs * effort()}, scenario).failure, "");
}

} // namespace model
