#pragma once

#include "failing_memory.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <optional>
#include <thread>
#include <utility>

namespace convoy::test {

/// The workers' memory in one run of a scenario.
class memory {
public:
  memory(std::uint64_t n, std::uint64_t failures) : n_(n), failures_(failures) {}

  /// From here on allocations count.
  void goes() { failing_.emplace(n_, whose::other_threads, failures_); }

  /// Nothing can go on any more without memory, if it is gone for long: so it comes back.
  void comes_back() {
    if (failures_ == 1)
      return;
    EXPECT_TRUE(eventually([] { return failing_allocation::happened(); }));
    std::this_thread::sleep_for(
        std::chrono::milliseconds(2)); // they come to the end of what they can do
    failing_->memory_comes_back();
  }

private:
  const std::uint64_t n_;
  const std::uint64_t failures_;
  std::optional<failing_allocation> failing_;
};

/// Runs a scenario, each time with the workers' n-th allocation failing until none has, then with memory
/// that is gone for a while from the n-th on.
template <class Scenario>
void for_each_failure_on_workers(std::uint64_t at_least, Scenario&& scenario) {
  const auto failures = for_each_allocation([&](std::uint64_t n) {
    memory one_missing(n, 1);
    scenario(one_missing);
    return failing_allocation::happened();
  });
  EXPECT_GE(failures, at_least);
  for (std::uint64_t n = 1; n <= at_least / 2; n = 4 * n + 3) {
    memory gone(n, failing_allocation::for_ever);
    scenario(gone);
  }
}

/// All workers of a runtime are in handlers, so that messages wait in their rings.
class busy_workers {
public:
  explicit busy_workers(runtime& rt) : p_(rt, [this](int&) { held_.pass(); }) {
    for (int i = 0; i < static_cast<int>(rt.concurrency()); ++i)
      EXPECT_EQ(p_.submit(i, i), submit_status::accepted);
    held_.await_visitors(rt.concurrency());
  }
  void go_on() { held_.open(); }

private:
  gate held_;
  processor<int, int> p_;
};

} // namespace convoy::test
