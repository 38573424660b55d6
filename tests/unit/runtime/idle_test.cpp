#include "cpu_time.hpp"
#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <thread>

// A runtime without work is quiet, whatever the number of its keys.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using std::chrono::milliseconds;

/// CPU time of the process while `what` runs.
template <class What>
std::chrono::nanoseconds cpu_time_of(What&& what) {
  const auto before = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
  what();
  return cpu_time(CLOCK_PROCESS_CPUTIME_ID) - before;
}

template <class State>
void expect_quiet_with_idle_keys() {
  constexpr int keys = 100'000;
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  const auto handler = [&](int&, auto&...) { ++handled; };
  processor<int, int, State> p{rt, handler};
  for (int key = 0; key < keys; ++key)
    ASSERT_EQ(p.submit(key, 0), submit_status::accepted);
  p.drain();
  std::this_thread::sleep_for(milliseconds(500)); // workers go to sleep, and memory back, in steps
  const auto used = cpu_time_of([] { std::this_thread::sleep_for(milliseconds(300)); });
  EXPECT_LT(used, milliseconds(5));
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(handled, keys + 1);
}

TEST(idle, with_many_keys_seen_uses_no_cpu) {
  expect_quiet_with_idle_keys<void>();
}

TEST(idle, with_many_keys_that_have_state_uses_no_cpu) {
  expect_quiet_with_idle_keys<int>();
}

TEST(idle, behind_a_handler_that_waits_uses_no_cpu) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<int, int> p{rt, [&](int&) { held.pass(); }};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(0, i), submit_status::accepted);
  held.await_visitors();
  std::this_thread::sleep_for(milliseconds(200));
  const auto used = cpu_time_of([] { std::this_thread::sleep_for(milliseconds(300)); });
  EXPECT_LT(used, milliseconds(5));
  held.open();
}

TEST(idle, with_parked_and_waiting_keys_uses_no_cpu_and_stops_no_others) {
  constexpr int stopped = 2'000, healthy = 10'000;
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  std::atomic<int> retried{0};
  processor<int, int> p{rt, [&](const int& key, int& calls) {
                          if (key >= stopped) {
                            ++handled;
                          } else if (key % 2 == 0) {
                            return convoy::outcome::park;
                          } else if (calls++ == 0) {
                            return convoy::outcome::retry_after(milliseconds(3'000));
                          } else {
                            ++retried;
                          }
                          return convoy::outcome::done;
                        }};
  for (int key = 0; key < stopped; ++key)
    ASSERT_EQ(p.submit(key, 0), submit_status::accepted);
  for (int i = 0; i < healthy; ++i)
    ASSERT_EQ(p.submit(stopped + i % 1'000, i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return handled == healthy && p.parked() == stopped / 2; }));
  std::this_thread::sleep_for(milliseconds(300));
  const auto used = cpu_time_of([] { std::this_thread::sleep_for(milliseconds(300)); });
  EXPECT_LT(used, milliseconds(5));
  for (int key = 0; key < stopped; key += 2)
    p.resume(key);
  EXPECT_TRUE(eventually([&] { return retried == stopped / 2; }));
  EXPECT_EQ(p.dead_letters(), 0u); // those that were resumed have parked again
}

TEST(trickle, of_a_message_each_millisecond_uses_little_cpu) {
  constexpr int messages = 500;
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  const auto begin = std::chrono::steady_clock::now();
  const auto used = cpu_time_of([&] {
    for (int i = 0; i < messages; ++i) {
      ASSERT_EQ(p.submit(i % 10, i), submit_status::accepted);
      std::this_thread::sleep_until(begin + (i + 1) * milliseconds(1));
    }
  });
  const auto share = std::chrono::duration<double>(used) /
                     std::chrono::duration<double>(std::chrono::steady_clock::now() - begin);
  RecordProperty("cpu_percent", static_cast<int>(100 * share));
  EXPECT_LT(share, 0.3);
  p.drain();
  EXPECT_EQ(handled, messages);
}

} // namespace
