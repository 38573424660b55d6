#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <exception>
#include <gtest/gtest.h>
#include <string>
#include <thread>

// What a snapshot says of keys that stand still, or whose handlers take long.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

TEST(snapshot, sees_handlers_that_become_slow) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> slow{false};
  processor<std::string, int> p{rt,
                                [&](int&) {
                                  if (slow)
                                    std::this_thread::sleep_for(2ms);
                                },
                                with_insight(20ms)};
  for (int i = 0; i < 300'000; ++i) // so cheap that few are timed
    ASSERT_EQ(p.submit("key", i), submit_status::accepted);
  p.drain();
  slow = true;
  std::atomic<bool> over{false};
  std::thread producer([&] {
    while (!over) {
      (void)p.submit("slow", 0);
      std::this_thread::sleep_for(3ms);
    }
  });
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return !is.hottest.empty() && is.hottest.front().label == "slow" && is.utilisation > 0.2;
  }));
  over = true;
  producer.join();
}

TEST(snapshot, counts_the_time_of_attempts_that_fail) {
  runtime rt{{.concurrency = 2}};
  options wanted = with_insight(50ms);
  wanted.failure = convoy::failure_policy{.attempts = 1'000, .backoff = 1us, .ceiling = 1us};
  std::atomic<bool> over{false};
  processor<std::string, int> p{rt,
                                [&](const std::string& key, int&) -> convoy::outcome {
                                  std::this_thread::sleep_for(key == "fails" ? 1ms : 100us);
                                  return key == "fails" && !over ? convoy::outcome::retry
                                                                 : convoy::outcome::done;
                                },
                                wanted};
  ASSERT_EQ(p.submit("fails", 0), submit_status::accepted);
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(p.submit("works", i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return !is.hottest.empty() && is.hottest.front().label == "fails" && is.utilisation > 0.3;
  }));
  over = true;
}

TEST(snapshot, knows_what_waits_behind_a_handler_that_runs) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> seen{false};
  processor<std::string, int> p{rt,
                                [&](int&) {
                                  if (!seen)
                                    std::this_thread::sleep_for(8ms);
                                },
                                with_insight(20ms)};
  for (int i = 0; i < 10'000; ++i)
    ASSERT_EQ(p.submit("key", i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return !is.hottest.empty() && is.hottest.front().depth > 5 &&
           is.hottest.front().to_drain > 40ms;
  }));
  seen = true;
}

TEST(snapshot, knows_what_waits_behind_a_handler_that_does_not_return) {
  runtime rt{{.concurrency = 3}};
  gate held;
  processor<std::string, int> p{rt,
                                [&](const std::string& key, int&) {
                                  if (key == "stuck")
                                    held.pass();
                                },
                                with_insight(20ms)};
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(p.submit("stuck", i), submit_status::accepted);
    ASSERT_EQ(p.submit("works", i), submit_status::accepted);
  }
  held.await_visitors();
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return !is.hottest.empty() && is.hottest.front().label == "stuck" &&
           is.hottest.front().depth == 39 && !is.costliest.empty() &&
           is.costliest.front().label == "stuck";
  }));
  held.open();
  p.drain();
}

TEST(snapshot, counts_what_waits_behind_a_retry_as_waiting_for_its_key) {
  runtime rt{{.concurrency = 2}};
  options wanted = with_insight(100ms);
  wanted.failure = convoy::failure_policy{.attempts = 1'000, .backoff = 5ms, .ceiling = 5ms};
  std::atomic<bool> over{false};
  processor<std::string, int> p{rt,
                                [&](int&) -> convoy::outcome {
                                  return over ? convoy::outcome::done : convoy::outcome::retry;
                                },
                                wanted};
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(p.submit("fails", i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return !is.costliest.empty() && is.costliest.front().label == "fails" &&
           is.costliest.front().waited > 20s; // of 49 in each second
  }));
  over = true;
  p.drain();
}

TEST(snapshot, sees_a_handler_that_does_not_return) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<std::string, int> p{rt, [&](int&) { held.pass(); }, with_insight(20ms)};
  ASSERT_EQ(p.submit("stuck", 0), submit_status::accepted);
  held.await_visitors();
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return !is.hottest.empty() && is.hottest.front().label == "stuck" && is.utilisation > 0.45 &&
           is.utilisation < 0.55;
  }));
  held.open();
  p.drain();
}

TEST(snapshot, counts_no_key_that_is_paused_without_messages) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<std::string, int> p{rt, [&](int&) { held.pass(); }, with_insight(10ms)};
  for (int i = 0; i < 50; ++i)
    p.pause(std::to_string(i));
  ASSERT_EQ(p.submit("works", 0), submit_status::accepted);
  ASSERT_EQ(p.submit("7", 0), submit_status::accepted);
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return is.lanes.paused == 1 && is.lanes.running == 1 && is.backlog == 2;
  }));
  held.open();
  p.resume("7");
  EXPECT_TRUE(eventually([&] { return p.snapshot().lanes.paused == 0; }));
  p.drain();
}

TEST(snapshot, counts_lanes_by_what_they_wait_for) {
  runtime rt{{.concurrency = 2}};
  options wanted = with_insight(20ms);
  wanted.failure = convoy::failure_policy{.attempts = 3, .backoff = 10s};
  processor<std::string, int> p{rt,
                                [](const std::string& key, int&) -> convoy::outcome {
                                  if (key == "fails")
                                    return convoy::outcome::retry;
                                  if (key.starts_with("parks"))
                                    return convoy::outcome::park;
                                  return convoy::outcome::done;
                                },
                                wanted};
  p.pause("paused");
  for (const auto* key : {"fails", "parks 1", "parks 2", "paused", "works"})
    ASSERT_EQ(p.submit(key, 0), submit_status::accepted);
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot().lanes;
    return is.backoff == 1 && is.parked == 2 && is.paused == 1 && is.waiting == 0 &&
           is.running == 0;
  }));
  p.resume("paused");
  p.resume("parks 1"); // and it parks again
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot().lanes;
    return is.backoff == 1 && is.parked == 2 && is.paused == 0;
  }));
  p.purge("fails");
  EXPECT_TRUE(eventually([&] { return p.snapshot().lanes.backoff == 0; }));
  (void)p.shutdown(0s);
}

TEST(snapshot, says_how_long_the_oldest_message_waits) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<std::string, int> p{rt,
                                [&](const std::string& key, int&) {
                                  if (key == "stuck")
                                    held.pass();
                                },
                                with_insight(10ms)};
  p.pause("paused");
  ASSERT_EQ(p.submit("paused", 1), submit_status::accepted);
  const auto begun = std::chrono::steady_clock::now();
  const auto is_that_old = [&] {
    const auto is = p.snapshot();
    const auto since = std::chrono::steady_clock::now() - begun;
    return is.oldest > 50ms && is.oldest <= since + 1ms && is.oldest > since - 100ms - is.age;
  };
  EXPECT_TRUE(eventually(is_that_old)) << p.snapshot().oldest.count(); // younger ones come and go
  std::this_thread::sleep_for(20ms);
  ASSERT_EQ(p.submit("stuck", 1), submit_status::accepted);
  ASSERT_EQ(p.submit("other", 1), submit_status::accepted);
  EXPECT_TRUE(eventually(is_that_old));
  p.resume("paused");
  EXPECT_TRUE(eventually([&] { // the stuck one is the oldest now
    const auto oldest = p.snapshot().oldest;
    return oldest > 0ms && oldest < std::chrono::steady_clock::now() - begun - 15ms;
  }));
  held.open();
  p.drain();
  ASSERT_EQ(p.submit("other", 1), submit_status::accepted); // or there is no window
  EXPECT_TRUE(eventually([&] { return p.snapshot().oldest == 0ms; }));
}

TEST(snapshot, counts_keys_at_a_limit) {
  runtime rt{{.concurrency = 2}};
  gate held;
  auto wanted = with_insight(10ms);
  wanted.key_capacity = 2;
  wanted.rate = {.per_second = 20, .burst = 2};
  processor<std::string, int> p{rt,
                                [&](const std::string& key, int&) {
                                  if (key == "full")
                                    held.pass();
                                },
                                wanted};
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(p.submit("full", i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return p.snapshot().lanes.limited == 1; }));
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(p.submit("fast", i), submit_status::accepted);
  (void)p.try_submit("fast", 2); // refused, for 50 ms
  EXPECT_TRUE(eventually([&] {   // on a slow machine it may be over before the window is
    const auto status = p.try_submit("fast", 2);
    return p.snapshot().lanes.limited == 2 || status == submit_status::closed;
  }));
  EXPECT_TRUE(eventually([&] { return p.snapshot().lanes.limited == 1; }));
  held.open();
  EXPECT_TRUE(eventually([&] { return p.snapshot().lanes.limited == 0; }));
}

TEST(snapshot, lists_keys_that_stand_still) {
  runtime rt{{.concurrency = 2}};
  auto wanted = with_insight(10ms);
  wanted.failure = convoy::failure_policy{.attempts = 3, .backoff = 1h, .ceiling = 1h};
  wanted.on_error = [](const std::string&, const std::exception_ptr&) {};
  processor<std::string, int> p{rt,
                                [](const std::string& key, int&) -> convoy::outcome {
                                  if (key == "parked")
                                    return convoy::outcome::park.because("no such account");
                                  if (key == "retried")
                                    return convoy::outcome::retry;
                                  return convoy::outcome::done;
                                },
                                wanted};
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(p.submit("parked", i), submit_status::accepted);
  convoy::snapshot is;
  ASSERT_TRUE(eventually([&] { return !(is = p.snapshot()).held.empty(); }));
  ASSERT_EQ(p.submit("retried", 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return (is = p.snapshot()).held.size() == 2; }));
  EXPECT_EQ(is.held[0].label, "parked"); // it has stood still longer
  EXPECT_EQ(is.held[0].why, convoy::hold_reason::parked);
  EXPECT_EQ(is.held[0].depth, 3u);
  EXPECT_GT(is.held[0].since, is.held[1].since);
  EXPECT_EQ(is.held[0].until, 0ns);
  EXPECT_EQ(is.held[1].label, "retried");
  EXPECT_EQ(is.held[1].why, convoy::hold_reason::retry);
  EXPECT_EQ(is.held[1].attempts, 1u);
  EXPECT_GT(is.held[1].until, 50min);
  // Those behind the parked one wait for it.
  EXPECT_TRUE(eventually([&] {
    is = p.snapshot();
    return !is.costliest.empty() && is.costliest.front().label == "parked" &&
           is.costliest.front().share > 0.9;
  }));
  EXPECT_NE(to_string(p.explain("parked")).find("no such account"), std::string::npos);
  (void)p.shutdown(0s);
}

/// Nobody has looked at a message, as others hold all workers up.
TEST(snapshot, says_how_old_is_what_nobody_has_looked_at) {
  runtime rt{{.concurrency = 1}};
  gate held;
  processor<int, int> other{rt, [&](int&) { held.pass(); }};
  ASSERT_EQ(other.submit(0, 0), submit_status::accepted);
  held.await_visitors();
  processor<std::string, int> p{rt, [](int&) {}, with_insight(10ms)};
  ASSERT_EQ(p.submit("key", 1), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return p.snapshot().oldest > 30ms; }));
  held.open();
  p.drain();
}

} // namespace
