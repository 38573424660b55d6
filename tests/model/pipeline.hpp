#pragma once

// For models of the whole library: runtime, processor and pumps as they are, with few messages. Too many
// interleavings to go through all of them, so they are drawn: each run checks order, exclusion (a
// race of plain memory), that nothing is lost, and that everything comes to an end.

#include "checker.hpp"
#include "convoy/convoy.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <gmock/gmock.h>
#include <mutex>

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

/// Of one key whose messages are handled or become dead letters, in their order.
struct fate : history {
  int dead = 0;

  void bury(int number) {
    see(number);
    --handled;
    ++dead;
  }
  /// For processor_options::dead_letters.
  [[nodiscard]] auto sink() {
    return [this](auto& letter) { bury(letter.message); };
  }
  [[nodiscard]] int all() const { return handled + dead; }
};

/// Waits for handlers without asking the processor for anything, which would wake what sleeps for ever.
class handled {
public:
  void one_more() {
    count_.fetch_add(1, std::memory_order_seq_cst);
    changed_.notify();
  }
  void wait_for(int count) {
    changed_.wait([&] { return count_.load(std::memory_order_acquire) >= count; });
  }
  [[nodiscard]] int count() const { return count_.load(std::memory_order_acquire); }

private:
  convoy::detail::atomic<int> count_{0};
  convoy::detail::event_count changed_{std::chrono::hours(1)}; // however long others may wait
};

/// Waits, and is woken by nobody else.
inline void wait_until(convoy::detail::clock::time_point time) {
  convoy::detail::mutex mine;
  convoy::detail::condition_variable nobody;
  std::unique_lock lock(mine);
  while (convoy::detail::clock::now() < time)
    nobody.wait_until(lock, time);
}

template <class Processor, class Message>
void must_submit(Processor& p, int key, const Message& message) {
  check(p.submit(key, message) == convoy::submit_status::accepted, "refused");
}

inline result expect_works(std::uint64_t runs, const std::function<void()>& scenario,
                           options how = {.most_steps = 200'000}) {
  how.random_runs = runs * effort();
  auto found = explore(how, scenario);
  EXPECT_EQ(found.failure, "");
  return found;
}

} // namespace model
