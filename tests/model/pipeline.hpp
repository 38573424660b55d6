#pragma once

// For models of the whole library: runtime, processor and pumps as they are, with few messages. Too many
// interleavings to go through all of them, so they are drawn: each run checks order, exclusion (a
// race of plain memory), that nothing is lost, and that everything comes to an end.

#include "checker.hpp"
#include "convoy/convoy.hpp"

#include <cstdint>
#include <functional>
#include <gmock/gmock.h>

namespace model {

/// Of one key; plain memory, so that handlers that overlap are data races.
struct history {
  int last = 0;
  int handled = 0;

  void see(int number) {
    check(number > last, "out of order");
    last = number;
    ++handled;
  }
};

/// Waits for handlers without asking the processor for anything, which would wake what sleeps for ever.
class handled {
public:
  void one_more() {
    count_.fetch_add(1, std::memory_order_seq_cst);
    changed_.notify();
  }
  void wait_for(int count) {
    changed_.wait([&] { return count_.load(std::memory_order_acquire) == count; });
  }

private:
  convoy::detail::atomic<int> count_{0};
  convoy::detail::event_count changed_;
};

inline void expect_works(std::uint64_t runs, const std::function<void()>& scenario) {
  const auto found = explore({.random_runs = runs * effort(), .most_steps = 200'000}, scenario);
  EXPECT_EQ(found.failure, "");
}

} // namespace model
