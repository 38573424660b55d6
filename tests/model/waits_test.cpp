// What the checker must find: waits end in all ways that they may.

#include "convoy/detail/base/atomic.hpp"
#include "protocols.hpp"

#include <chrono>
#include <gmock/gmock.h>
#include <mutex>

namespace {

using convoy::detail::atomic;
using model::at_once;
using model::failure;

constexpr auto relaxed = std::memory_order_relaxed;

TEST(checker, lets_times_pass_though_others_could_go_on) {
  EXPECT_THAT(failure([] {
                atomic<bool> slept{false};
                at_once({[&] {
                           convoy::detail::sleep_for(std::chrono::microseconds(100));
                           slept.store(true, relaxed);
                         },
                         [&] { model::check(!slept.load(relaxed), "it slept meanwhile"); }});
              }),
              testing::StartsWith("it slept meanwhile"));
}

TEST(checker, wakes_without_reason) {
  using convoy::detail::condition_variable;
  using convoy::detail::mutex;
  EXPECT_THAT(failure([] {
                mutex m;
                condition_variable changed;
                bool ready = false;
                at_once({[&] {
                           const std::lock_guard lock(m);
                           ready = true;
                           changed.notify_one();
                         },
                         [&] {
                           std::unique_lock lock(m);
                           if (!ready)
                             changed.wait(lock);
                           model::check(ready, "it woke without reason");
                         }});
              }),
              testing::StartsWith("it woke without reason"));
}

TEST(checker, wakes_any_one_of_those_who_wait) {
  using convoy::detail::condition_variable;
  using convoy::detail::mutex;
  const auto found = model::explore({}, [] {
    mutex m;
    condition_variable changed;
    int waiting = 0, next = 0; // only whom next names goes on, and only one is woken
    const auto wait = [&](int number) {
      std::unique_lock lock(m);
      ++waiting;
      changed.wait(lock, [&] { return next == number; });
      next = 0;
    };
    at_once({[&] { wait(1); }, [&] { wait(2); },
             [&] {
               for (int i = 1; i <= 2; ++i) {
                 std::unique_lock lock(m);
                 if (waiting == 2)
                   next = i, changed.notify_one();
               }
             }});
  });
  EXPECT_THAT(found.failure, testing::StartsWith("deadlock"));
}

TEST(checker, fails_try_lock_without_reason) {
  convoy::detail::mutex m;
  EXPECT_THAT(failure([&m] {
                const std::unique_lock lock(m, std::try_to_lock);
                model::check(lock.owns_lock(), "it failed");
              }),
              testing::StartsWith("it failed"));
}

} // namespace
