#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <thread>

// try_now(): what waits for a retry, or is parked, is tried at once, and nothing else.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::runtime;
using numbers = convoy::processor<int, int>;
using letter = convoy::dead_letter<int, int>;

bool is(numbers& p, convoy::key_state wanted) {
  for (int i = 0; i < 5'000; ++i) {
    if (p.explain(1).state == wanted)
      return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

convoy::failure_policy patient() {
  return {.attempts = 3, .backoff = 1h, .ceiling = 1h, .max_block = 10h};
}

TEST(try_now, does_not_wait_for_a_retry_and_counts_its_attempts_on) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0};
  std::atomic<unsigned> attempts{0};
  numbers p{rt,
            [&](int&) { return ++calls, outcome::retry; },
            {.failure = patient(), .dead_letters = [&](letter& l) { attempts = l.attempts; }}};
  ASSERT_EQ(p.submit(1, 0), convoy::submit_status::accepted);
  for (int i = 1; i <= 2; ++i) {
    ASSERT_TRUE(is(p, convoy::key_state::retry));
    EXPECT_EQ(calls, i);
    p.try_now(1);
    for (int tries = 0; calls == i && tries < 5'000; ++tries)
      std::this_thread::sleep_for(1ms);
    ASSERT_EQ(calls, i + 1);
  }
  p.drain();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(attempts, 3u);
}

TEST(try_now, tries_what_is_parked) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0};
  std::atomic<unsigned> attempts{0};
  numbers p{rt,
            [&](int&) { return ++calls == 1 ? outcome::park : outcome::skip; },
            {.dead_letters = [&](letter& l) { attempts = l.attempts; }}};
  ASSERT_EQ(p.submit(1, 0), convoy::submit_status::accepted);
  ASSERT_TRUE(is(p, convoy::key_state::parked));
  p.try_now(1);
  p.drain();
  EXPECT_EQ(attempts, 2u);
  EXPECT_EQ(p.parked(), 0u);
}

TEST(try_now, leaves_a_paused_key_alone) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0};
  numbers p{rt,
            [&](int&) { return ++calls == 1 ? outcome::retry : outcome::done; },
            {.failure = patient()}};
  ASSERT_EQ(p.submit(1, 0), convoy::submit_status::accepted);
  ASSERT_TRUE(is(p, convoy::key_state::retry));
  p.pause(1);
  p.try_now(1);
  EXPECT_TRUE(is(p, convoy::key_state::retry));
  EXPECT_EQ(calls, 1);
  p.resume(1);
  p.try_now(1);
  p.drain();
  EXPECT_EQ(calls, 2);
}

/// It is dead: neither handled again, nor offered sooner.
TEST(try_now, leaves_a_dead_letter_alone_that_was_refused) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0}, asked{0};
  numbers p{rt, [&](int&) { return ++calls, outcome::skip; }, {.dead_letters = [&](letter&) {
              if (++asked == 1)
                throw convoy::dead_letter_refused("no", convoy::dead_letter_refused::then::park);
            }}};
  ASSERT_EQ(p.submit(1, 0), convoy::submit_status::accepted);
  ASSERT_TRUE(is(p, convoy::key_state::parked));
  p.try_now(1);
  EXPECT_TRUE(is(p, convoy::key_state::parked));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(asked, 1);
  p.resume(1);
  p.drain();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(calls, 1);
}

TEST(try_now, of_a_key_that_waits_for_nothing) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0};
  numbers p{rt, [&](int&) { ++calls; }};
  p.try_now(1);
  ASSERT_EQ(p.submit(1, 0), convoy::submit_status::accepted);
  p.try_now(1);
  p.drain();
  EXPECT_EQ(calls, 1);
}

} // namespace
