#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Why a key does not move.

namespace {

using namespace std::chrono_literals;
using convoy::key_state;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using options_of_numbers = processor<int, int>::options;

options_of_numbers with_top_keys() {
  options_of_numbers wanted;
  wanted.insight.top = 5;
  return wanted;
}

/// What explain() says in the end, as states pass.
template <class Processor>
convoy::explanation await(Processor& p, int key, key_state state) {
  convoy::explanation why;
  EXPECT_TRUE(eventually([&] { return (why = p.explain(key)).state == state; }))
      << to_string(why.state) << ": " << to_string(why);
  return why;
}

TEST(explain, says_idle) {
  runtime rt;
  processor<int, int> p{rt, [](int&) {}};
  EXPECT_EQ(p.explain(1).state, key_state::idle);
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_EQ(await(p, 1, key_state::idle).depth, 0u);
}

TEST(explain, says_which_worker_runs_it_and_since_when) {
  runtime rt{{.concurrency = 3}};
  gate held;
  processor<int, int> p{rt, [&](int&) { held.pass(); }, with_top_keys()};
  for (int m = 0; m < 3; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  held.await_visitors();
  std::this_thread::sleep_for(5ms);
  auto why = await(p, 1, key_state::running);
  EXPECT_TRUE(eventually([&] { return (why = p.explain(1)).depth == 3; })) << why.depth;
  ASSERT_TRUE(why.worker);
  EXPECT_LT(*why.worker, 3u);
  ASSERT_TRUE(why.since);
  EXPECT_GE(std::chrono::steady_clock::now() - *why.since, 5ms);
  EXPECT_NE(to_string(why).find("runs its handler, for "), std::string::npos) << to_string(why);
  held.open();
  p.drain();
}

TEST(explain, says_ready_without_insight) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<int, int> p{rt, [&](int&) { held.pass(); }};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  held.await_visitors();
  EXPECT_FALSE(await(p, 1, key_state::ready).worker);
  held.open();
  p.drain();
}

TEST(explain, says_that_it_waits_for_a_worker) {
  runtime rt{{.concurrency = 2}};
  gate held;
  options_of_numbers wanted = with_top_keys();
  wanted.partitions = 1;
  processor<int, int> p{rt, [&](int&) { held.pass(); }, wanted};
  for (int key = 0; key < 5; ++key)
    ASSERT_EQ(p.submit(key, 0), submit_status::accepted);
  held.await_visitors(2);
  int running = 0, waiting = 0;
  EXPECT_TRUE(eventually([&] {
    running = waiting = 0;
    for (int key = 0; key < 5; ++key) {
      const auto why = p.explain(key, 5ms).state;
      running += why == key_state::running;
      waiting +=
          why == key_state::ready || why == key_state::in_ring || why == key_state::no_worker;
    }
    return running == 2 && waiting == 3;
  })) << running
      << ", " << waiting;
  held.open();
  p.drain();
}

TEST(explain, says_until_when_a_retry_waits_and_what_failed) {
  runtime rt{{.concurrency = 2}};
  options_of_numbers wanted = with_top_keys();
  wanted.failure =
      convoy::failure_policy{.attempts = 5, .backoff = 1h, .ceiling = 1h, .jitter = false};
  wanted.on_error = [](int, const std::exception_ptr&) {};
  processor<int, int> p{rt, [](int&) { throw std::runtime_error("the bank is closed"); }, wanted};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_EQ(p.submit(1, 2), submit_status::accepted);
  const auto why = await(p, 1, key_state::retry);
  EXPECT_EQ(why.attempts, 1u);
  ASSERT_TRUE(why.until);
  EXPECT_GT(*why.until - std::chrono::steady_clock::now(), 50min);
  ASSERT_TRUE(why.error);
  EXPECT_NE(to_string(why).find("the bank is closed"), std::string::npos) << to_string(why);
  (void)p.shutdown(0s);
}

TEST(explain, says_parked_paused_and_lingering) {
  runtime rt{{.concurrency = 2}};
  options_of_numbers wanted = with_top_keys();
  wanted.linger = 1h;
  wanted.batch_limit = 2;
  processor<int, int> p{rt,
                        [](const int& key, std::span<int>) {
                          return key == 1 ? convoy::outcome::park : convoy::outcome::done;
                        },
                        wanted};
  for (int m = 0; m < 2; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.pause(2);
  ASSERT_EQ(p.submit(2, 0), submit_status::accepted);
  ASSERT_EQ(p.submit(3, 0), submit_status::accepted);
  EXPECT_EQ(await(p, 1, key_state::parked).depth, 2u);
  (void)await(p, 2, key_state::paused);
  EXPECT_TRUE(await(p, 3, key_state::lingering).until);
  p.resume(2);
  (void)await(p, 2, key_state::lingering);
  (void)p.shutdown(0s);
}

TEST(explain, says_that_no_worker_looks) {
  runtime rt{{.concurrency = 1}};
  gate held;
  processor<int, int> other{rt, [&](int&) { held.pass(); }};
  ASSERT_EQ(other.submit(0, 0), submit_status::accepted);
  held.await_visitors();
  processor<int, int> p{rt, [](int&) {}, with_top_keys()};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  EXPECT_EQ(p.explain(1, 20ms).state, key_state::no_worker);
  held.open();
  (void)await(p, 1, key_state::idle);
}

TEST(explain, says_who_holds_all_workers_up) {
  runtime rt{{.concurrency = 1}};
  gate held;
  processor<int, int> p{rt, [&](int&) { held.pass(); }, with_top_keys()};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  held.await_visitors();
  ASSERT_EQ(p.submit(1, 2), submit_status::accepted); // nobody looks at it
  const auto why = p.explain(1, 20ms);
  EXPECT_EQ(why.state, key_state::running) << to_string(why);
  EXPECT_EQ(why.worker, 0u);
  held.open();
  p.drain();
}

TEST(explain, works_in_a_handler_by_a_callback) {
  runtime rt{{.concurrency = 2}};
  gate held;
  std::atomic<int> state{-1};
  std::atomic<bool> refused{false};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](const int& key, int&) {
                          if (key == 1)
                            return held.pass();
                          try {
                            (void)self->explain(1);
                          } catch (const std::logic_error&) {
                            refused = true;
                          }
                          self->explain(1, [&](const convoy::explanation& why) {
                            state = static_cast<int>(why.state);
                          });
                        },
                        with_top_keys()};
  self = &p;
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  held.await_visitors();
  (void)await(p, 1, key_state::running);
  ASSERT_EQ(p.submit(2, 1), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return state == static_cast<int>(key_state::running); })) << state;
  EXPECT_TRUE(refused);
  held.open();
  p.drain();
}

TEST(explain, says_that_the_rate_is_used_up_and_until_when) {
  runtime rt{{.concurrency = 2}};
  options_of_numbers wanted = with_top_keys();
  wanted.rate = {.per_second = 0.001, .burst = 1};
  processor<int, int> p{rt, [](int&) {}, wanted};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_EQ(p.try_submit(1, 1), submit_status::key_rate);
  const auto why = await(p, 1, key_state::limited);
  ASSERT_TRUE(why.until);
  EXPECT_GT(*why.until - std::chrono::steady_clock::now(), 10min) << to_string(why);
  EXPECT_EQ(p.explain(2).state, key_state::idle);
}

TEST(explain, says_that_the_key_or_the_processor_is_full) {
  runtime rt{{.concurrency = 3}};
  gate held;
  options_of_numbers wanted = with_top_keys();
  wanted.capacity = 3;
  wanted.key_capacity = 2;
  processor<int, int> p{rt, [&](int&) { held.pass(); }, wanted};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  held.await_visitors();
  EXPECT_FALSE(await(p, 1, key_state::running).is_full);
  ASSERT_EQ(p.submit(1, 2), submit_status::accepted);
  auto why = await(p, 1, key_state::running);
  EXPECT_TRUE(why.is_full) << to_string(why);
  EXPECT_EQ(p.explain(3).state, key_state::idle);
  ASSERT_EQ(p.submit(2, 1), submit_status::accepted);
  (void)await(p, 2, key_state::running);
  ASSERT_EQ(p.try_submit(3, 1), submit_status::full);
  why = p.explain(3);
  EXPECT_EQ(why.state, key_state::full) << to_string(why);
  held.open();
  (void)await(p, 3, key_state::idle);
  EXPECT_TRUE(eventually([&] { return !p.explain(1).is_full; }));
}

/// Under load, from several threads, while keys come and go.
TEST(explain, may_be_asked_for_at_any_time) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> over{false};
  processor<int, int> p{rt, [](int&) {}, with_top_keys()};
  std::vector<std::thread> askers;
  for (int i = 0; i < 2; ++i)
    askers.emplace_back([&] {
      for (int key = 0; !over; key = (key + 1) % 50)
        (void)p.explain(key);
    });
  for (int m = 0; m < 100'000; ++m)
    ASSERT_EQ(p.submit(m % 50, m), submit_status::accepted);
  p.drain();
  over = true;
  for (auto& each : askers)
    each.join();
  EXPECT_EQ(p.account().completed, 100'000u);
}

} // namespace
