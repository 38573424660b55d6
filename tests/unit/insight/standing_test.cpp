#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
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
  processor<std::string, int> p{rt, [](int&) { std::this_thread::sleep_for(8ms); },
                                with_insight(20ms)};
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(p.submit("key", i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    return !is.hottest.empty() && is.hottest.front().depth > 5 &&
           is.hottest.front().to_drain > 40ms;
  }));
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

} // namespace
