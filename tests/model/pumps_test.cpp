// Pumps alone, with items that stand for what a processor makes ready: how they sleep and are woken.

#include "convoy/detail/ds/event_count.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "protocols.hpp"

#include <chrono>
#include <functional>
#include <gmock/gmock.h>
#include <utility>

namespace {

using convoy::detail::pump;
using convoy::detail::ready_item;
using convoy::detail::runner;
using convoy::detail::scheduler;
using convoy::detail::thread;

/// An item that does something, once.
class job final : public ready_item, runner {
public:
  explicit job(std::function<void()> body)
      : ready_item(static_cast<runner&>(*this)), body_(std::move(body)) {}

  void wait() {
    changed_.wait([this] { return ended_.load(std::memory_order_acquire); });
    model::check(runs_ == 1, "it ran more than once");
  }

private:
  void run(ready_item&, pump&) noexcept override {
    ++runs_; // plain memory
    body_();
    ended_.store(true, std::memory_order_seq_cst);
    changed_.notify();
  }

  const std::function<void()> body_;
  int runs_ = 0;
  convoy::detail::atomic<bool> ended_{false};
  convoy::detail::event_count changed_;
};

const auto nothing = [] {};

/// With parked pumps that stay so, so that who does not wake them has lost them; and with pumps that give
/// their threads back when they were parked for a while.
void expect_works(std::uint64_t runs, const std::function<void()>& scenario) {
  for (const int longest_wait : {2, 1000}) {
    const auto found = model::explore({.random_runs = runs * model::effort(),
                                       .longest_wait = std::chrono::milliseconds(longest_wait)},
                                      scenario);
    EXPECT_EQ(found.failure, "") << "waits of up to " << longest_wait << " ms end";
  }
}

void expect_to_be_woken_from_outside(unsigned pumps) {
  expect_works(600, [pumps] {
    job first{nothing}, second{nothing}, third{nothing};
    scheduler home(pumps);
    home.make_ready(first);
    thread other([&] { home.make_ready(second); });
    first.wait();
    second.wait();
    model::rest();
    home.make_ready(third);
    third.wait();
    other.join();
  });
}

TEST(pumps, are_woken_from_outside) {
  expect_to_be_woken_from_outside(1);
  expect_to_be_woken_from_outside(2);
}

/// Nothing runs, so nobody does: what does not come to rest is a livelock.
TEST(pumps, sleep_when_there_is_nothing_to_do) {
  expect_works(600, [] {
    job only{nothing};
    scheduler home(2);
    home.make_ready(only);
    model::rest();
    only.wait();
    model::rest();
  });
}

/// Who wakes nobody because a pump searches relies on its last look.
TEST(pumps, look_once_more_before_they_run_something) {
  expect_works(600, [] {
    job second{nothing};
    job first{[&] { second.wait(); }};
    scheduler home(2);
    home.make_ready(first);
    home.make_ready(second);
    first.wait();
  });
}

/// Who is held up relies on a sentry or a searching pump, which may be about to leave.
void expect_to_find_what_is_hidden(bool after_something) {
  expect_works(600, [after_something] {
    scheduler* where = nullptr;
    job other{nothing}, hidden{nothing};
    job held_up{[&] {
      convoy::detail::sleep_for(std::chrono::milliseconds(1)); // or as long as it likes
      where->make_ready(hidden);
      hidden.wait();
    }};
    scheduler home(2);
    where = &home;
    if (after_something)
      home.make_ready(other);
    home.make_ready(held_up);
    held_up.wait();
    if (after_something)
      other.wait();
  });
}

TEST(pumps, find_what_is_hidden_behind_one_that_is_held_up) {
  expect_to_find_what_is_hidden(false);
}

TEST(pumps, find_what_is_hidden_when_they_have_nothing_left) {
  expect_to_find_what_is_hidden(true);
}

} // namespace
