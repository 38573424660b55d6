#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <future>
#include <gmock/gmock.h>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Control of a key, schedules, shutdown: what a user sees of each.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;
using testing::IsEmpty;

using clock = std::chrono::steady_clock;
using numbers = processor<int, int>;

void stands_still(numbers& p, int key) {
  std::promise<void> stands;
  p.pause(key, [&] { stands.set_value(); });
  stands.get_future().wait();
}

TEST(pause, stops_a_key_until_it_is_resumed_and_no_other) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> seen;
  std::atomic<int> others{0};
  numbers p{rt, [&](const int& key, int& m) {
              if (key == 1)
                seen.push_back(m);
              else
                ++others;
            }};
  stands_still(p, 1);
  for (int i = 0; i < 100; ++i)
    for (int key = 1; key <= 3; ++key)
      ASSERT_EQ(p.submit(key, i), submit_status::accepted);
  p.drain(2);
  p.drain(3);
  EXPECT_EQ(others, 200);
  EXPECT_THAT(seen, IsEmpty());
  p.resume(1);
  p.drain();
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(pause, of_a_busy_key_stops_it_behind_what_a_worker_was_handed) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::atomic<int> handled{0};
  numbers p{rt,
            [&](const int&, std::span<int> all) { // spans are never inline
              if (all[0] == 0)
                held.pass();
              ++handled;
            },
            {.quantum_messages = 4, .batch_limit = 1}};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  for (int m = 1; m < 1'000; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  std::promise<void> stands;
  p.pause(1, [&] { stands.set_value(); });
  held.open();
  stands.get_future().wait();
  const int before = handled;
  EXPECT_LT(before, 500);
  ASSERT_EQ(p.submit(2, 1'000), submit_status::accepted);
  p.drain(2);
  EXPECT_EQ(handled, before + 1);
  p.resume(1);
  p.drain();
  EXPECT_EQ(handled, 1'001);
}

TEST(resume, that_comes_before_the_lane_has_parked_is_not_lost) {
  runtime rt{{.concurrency = 2}};
  for (int run = 0; run < 200; ++run) {
    int calls = 0;
    numbers* self = nullptr;
    numbers p{rt, [&](const int& key, int&) {
                if (++calls > 1)
                  return outcome::done;
                self->resume(key); // the answer is there before the question has been put
                return outcome::park;
              }};
    self = &p;
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    p.drain();
    EXPECT_EQ(calls, 2);
  }
}

TEST(resume, that_comes_when_nothing_parks_is_over) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::atomic<int> calls{0};
  numbers p{rt, [&](const int&, std::span<int> all) { // spans are never inline
              ++calls;
              if (all[0] != 0)
                return outcome::park;
              held.pass();
              return outcome::done;
            }};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  p.resume(1);
  held.open();
  p.drain();
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return p.parked() == 1; }));
  ASSERT_EQ(p.submit(2, 0), submit_status::accepted);
  p.drain(2);
  EXPECT_EQ(p.parked(), 1u);
  EXPECT_EQ(calls, 3);
}

TEST(purge, makes_dead_letters_of_what_waits_and_leaves_what_comes_later) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen, dead;
  numbers p{rt, [&](int& m) { seen.push_back(m); }, {.dead_letters = [&](auto& letter) {
              EXPECT_EQ(letter.why, death::purged);
              dead.push_back(letter.message);
            }}};
  stands_still(p, 1);
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
  std::promise<void> purged;
  p.purge(1, [&] { purged.set_value(); });
  purged.get_future().wait();
  EXPECT_THAT(dead, ElementsAre(0, 1, 2, 3, 4));
  ASSERT_EQ(p.submit(1, 5), submit_status::accepted);
  p.resume(1);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(5));
  EXPECT_TRUE(p.account().balanced());
}

TEST(purge, has_its_place_among_the_messages_though_its_key_is_busy) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::vector<int> seen, dead;
  numbers p{
      rt,
      [&](const int&, std::span<int> all) { // spans are never inline
        for (const int m : all) {
          if (m == 0)
            held.pass();
          seen.push_back(m);
        }
      },
      {.batch_limit = 1, .dead_letters = [&](auto& letter) { dead.push_back(letter.message); }}};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  for (const int m : {1, 2})
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.purge(1);
  p.pause(1);
  ASSERT_EQ(p.submit(1, 3), submit_status::accepted); // is not purged
  std::promise<void> second;
  held.open();
  p.purge(2, [&] { second.set_value(); }); // which has nothing
  second.get_future().wait();
  ASSERT_EQ(p.submit(3, 4), submit_status::accepted);
  p.drain(3);
  p.resume(1);
  p.drain();
  EXPECT_THAT(seen, testing::Contains(3));
  EXPECT_THAT(seen, testing::Contains(4));
  EXPECT_EQ(seen.size() + dead.size(), 5u);
  EXPECT_THAT(dead, testing::Not(testing::Contains(3)));
}

TEST(purge, of_a_paused_key_leaves_it_paused) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen, dead;
  numbers p{rt, [&](int& m) { seen.push_back(m); }, {.dead_letters = [&](auto& letter) {
              dead.push_back(letter.message);
            }}};
  stands_still(p, 1);
  for (const int m : {1, 2})
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  std::promise<void> purged;
  p.purge(1, [&] { purged.set_value(); });
  ASSERT_EQ(p.submit(1, 3), submit_status::accepted);
  purged.get_future().wait();
  ASSERT_EQ(p.submit(2, 4), submit_status::accepted);
  p.drain(2);
  EXPECT_THAT(dead, ElementsAre(1, 2));
  EXPECT_THAT(seen, ElementsAre(4));
  p.resume(1);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(4, 3));
}

TEST(fence, is_called_behind_the_messages_before_it) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> done{0};
  numbers p{rt, [&](int&) { ++done; }};
  std::promise<int> of_key, of_all;
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(i % 10, i), submit_status::accepted);
  p.fence([&] { of_all.set_value(done); });
  p.fence(11, [&] { of_key.set_value(1); }); // which has no messages
  EXPECT_EQ(of_all.get_future().get(), 1'000);
  EXPECT_EQ(of_key.get_future().get(), 1);
}

// It was passed by as many messages as were put before its own, if the key's handler was running.
TEST(fence, waits_for_its_messages_though_others_are_put_before_them) {
  for (const bool running : {true, false}) {
    runtime rt{{.concurrency = 1}};
    gate held;
    std::vector<int> seen;
    numbers p{rt,
              [&](int& m) {
                if (m == 0)
                  held.pass();
                seen.push_back(m);
              },
              {.quantum_messages = 1}};
    if (!running)
      stands_still(p, 1);
    ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
    if (running)
      held.await_visitors();
    for (const int m : {1, 2})
      ASSERT_EQ(p.submit(1, m), submit_status::accepted);
    std::vector<int> first{-3, -2, -1};
    std::promise<std::vector<int>> at_the_fence;
    p.fence(1, [&] { at_the_fence.set_value(seen); });
    EXPECT_EQ(p.resubmit(1, first, convoy::place::before).accepted, 3u);
    ASSERT_EQ(p.submit(2, 3), submit_status::accepted);
    if (!running) {
      p.drain(2); // the requests have been served by then
      p.resume(1);
    }
    held.open();
    const auto passed = at_the_fence.get_future().get();
    EXPECT_EQ(std::count(passed.begin(), passed.end(), 2), 1);
    p.drain();
    EXPECT_EQ(seen.size(), 7u);
  }
}

// They came in the order in which they were made, if no worker had looked before the first was due.
TEST(submit_at, keeps_the_order_of_times_though_all_workers_are_busy) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::vector<int> seen;
  numbers p{rt, [&](int& m) {
              if (m == 0)
                held.pass();
              seen.push_back(m);
            }};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  const auto begin = clock::now();
  for (const int m : {3, 1, 2})
    ASSERT_EQ(p.submit_at(2, begin + m * 10ms, m).status(), submit_status::accepted);
  std::this_thread::sleep_until(begin + 40ms);
  held.open();
  while (p.scheduled_messages() != 0)
    std::this_thread::sleep_for(1ms);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3));
}

TEST(submit_after, keeps_its_time_and_can_be_cancelled) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen;
  clock::time_point handled;
  numbers p{rt, [&](int& m) {
              seen.push_back(m);
              handled = clock::now();
            }};
  const auto begin = clock::now();
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  auto late = p.submit_at(1, begin + 210ms, 3);
  auto never = p.submit_after(1, 1h, 4);
  auto soon = p.submit_at(1, begin + 200ms, 2);
  EXPECT_EQ(soon.status(), submit_status::accepted);
  p.drain(); // does not wait for them
  EXPECT_TRUE(never.cancel());
  EXPECT_FALSE(never.cancel());
  while (p.scheduled_messages() != 0)
    std::this_thread::sleep_for(1ms);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_GE(handled - begin, 210ms);
  EXPECT_FALSE(late.cancel());
  const auto account = p.shutdown(1h);
  EXPECT_TRUE(account.balanced());
  EXPECT_EQ(account.discarded, 1u);
  EXPECT_THROW((void)p.submit_after(1, -1ms, 1), std::invalid_argument);
}

TEST(shutdown, in_time_finishes_what_it_can_and_accounts_for_the_rest) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> dead;
  numbers p{rt,
            [&](const int& key, int&) {
              if (key == 1)
                return outcome::retry_after(1h);
              return key == 2 ? outcome::park : outcome::done;
            },
            {.dead_letters = [&](auto& letter) {
              EXPECT_EQ(letter.why, death::shutdown);
              if (letter.key == 1)
                dead.push_back(letter.message);
            }}};
  for (int i = 0; i < 10; ++i)
    for (int key = 1; key <= 3; ++key)
      ASSERT_EQ(p.submit(key, i), submit_status::accepted);
  (void)p.submit_after(3, 1h, 10).status();
  const auto account = p.shutdown(20ms);
  EXPECT_EQ(account.accepted, 31u);
  EXPECT_EQ(account.completed, 10u);
  EXPECT_EQ(account.dead_letters, 21u);
  EXPECT_TRUE(account.balanced());
  EXPECT_THAT(dead, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_EQ(p.submit(1, 1), submit_status::closed);
}

TEST(redrive, puts_dead_letters_before_what_waits) {
  runtime rt{{.concurrency = 1}};
  convoy::dead_letter_store<int, int> store{{.capacity = 10}};
  std::vector<int> seen;
  bool mended = false; // touched while the key stands still, or by its handler
  numbers p{rt,
            [&](int& m) {
              if (!mended && m < 3)
                return outcome::skip;
              seen.push_back(m);
              return outcome::done;
            },
            {.dead_letters = std::ref(store)}};
  for (int m = 0; m < 3; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.drain();
  ASSERT_EQ(store.size(), 3u);
  stands_still(p, 1);
  mended = true;
  for (int m = 3; m < 6; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  EXPECT_EQ(store.redrive(p, 1, convoy::place::before).accepted, 3u);
  p.resume(1);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_TRUE(p.account().balanced());
}

} // namespace
