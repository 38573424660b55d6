#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <span>
#include <thread>
#include <utility>
#include <vector>

// What a busy or stuck key may cost the others.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using std::chrono::microseconds;

/// On one worker, key 1 gets one message in the middle of a backlog of key 0. How many of key 0 come
/// before it?
long messages_before_the_other_key(int backlog, unsigned quantum_messages,
                                   std::chrono::nanoseconds quantum_time, microseconds service) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::vector<int> handled; // keys: with one worker nothing runs beside it
  processor<int, int> p{
      rt,
      [&](const int& key, int&) {
        if (key < 0)
          return held.pass();
        handled.push_back(key);
        const auto until = std::chrono::steady_clock::now() + service;
        while (std::chrono::steady_clock::now() < until) {
        }
      },
      {.partitions = 1, .quantum_messages = quantum_messages, .quantum_time = quantum_time}};
  EXPECT_EQ(p.submit(-1, 0), submit_status::accepted);
  held.await_visitors();
  for (int i = 0; i < backlog; ++i) {
    if (i == backlog / 2) {
      EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
    }
    EXPECT_EQ(p.submit(0, i), submit_status::accepted);
  }
  held.open();
  p.drain();
  EXPECT_EQ(handled.size(), static_cast<std::size_t>(backlog) + 1);
  return std::find(handled.begin(), handled.end(), 1) - handled.begin();
}

// A hot key may get many quanta in a row, but not its whole backlog.

TEST(quantum, in_messages_lets_another_key_come_between) {
  constexpr std::chrono::hours never{1};
  EXPECT_LE(messages_before_the_other_key(20'000, 8, never, microseconds(1)), 15'000);
}

TEST(quantum, in_time_lets_another_key_come_between) {
  EXPECT_LE(messages_before_the_other_key(250, 1'000'000, microseconds(100), microseconds(200)),
            180); // and not 250
}

TEST(quantum, lets_a_key_come_between_that_was_submitted_in_its_midst) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> handled;
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt, [&](const int& key, int& m) {
                          handled.push_back(key);
                          if (key == 0 && m == 100) {
                            ASSERT_EQ(self->submit(1, 0), submit_status::accepted);
                          }
                        }};
  self = &p;
  std::vector<std::pair<int, int>> backlog;
  for (int i = 0; i < 10'000; ++i)
    backlog.emplace_back(0, i);
  ASSERT_EQ(p.submit_bulk(backlog).accepted, 10'000u);
  p.drain();
  p.drain();
  EXPECT_LE(std::find(handled.begin(), handled.end(), 1) - handled.begin(), 5'000);
}

TEST(quantum, is_fair_to_many_keys_that_never_run_dry) {
  constexpr int keys = 20;
  constexpr int each = 2'000;
  runtime rt{{.concurrency = 1}};
  gate held;
  int handled[keys]{};
  int fewest_when_the_first_is_done = each;
  processor<int, int> p{rt,
                        [&](const int& key, int&) {
                          if (key < 0)
                            return held.pass();
                          if (++handled[key] == each)
                            fewest_when_the_first_is_done =
                                std::min(fewest_when_the_first_is_done,
                                         *std::min_element(std::begin(handled), std::end(handled)));
                        },
                        {.partitions = 1}};
  ASSERT_EQ(p.submit(-1, 0), submit_status::accepted);
  held.await_visitors();
  for (int i = 0; i < each; ++i)
    for (int key = 0; key < keys; ++key)
      ASSERT_EQ(p.submit(key, i), submit_status::accepted);
  held.open();
  p.drain();
  EXPECT_GE(fewest_when_the_first_is_done, each / 4);
}

// ---- isolation

struct load {
  unsigned workers;
  int stuck;           // keys whose handlers hang
  int backlog;         // messages of each of them, in front of the others
  unsigned partitions; // 0: automatic
  bool workers_asleep; // let the other workers fall asleep before anything else is submitted
};

void PrintTo(const load& l, std::ostream* out) {
  *out << l.workers << " workers, " << l.stuck << " stuck, backlog " << l.backlog << ", "
       << l.partitions << " partitions" << (l.workers_asleep ? ", asleep" : "");
}

class isolation : public testing::TestWithParam<load> {};

TEST_P(isolation, of_others_from_keys_whose_handlers_are_stuck) {
  const auto& with = GetParam();
  constexpr int others = 200;
  for (int round = 0; round < 10; ++round) {
    runtime rt{{.concurrency = with.workers}};
    gate held;
    std::atomic<int> handled{0};
    processor<int, int> p{rt,
                          [&](const int& key, int&) {
                            if (key < 0)
                              held.pass();
                            else
                              ++handled;
                          },
                          {.partitions = with.partitions}};
    for (int i = 0; i < with.backlog; ++i)
      for (int key = 1; key <= with.stuck; ++key)
        ASSERT_EQ(p.submit(-key, i), submit_status::accepted);
    if (with.workers_asleep) {
      held.await_visitors(static_cast<std::size_t>(with.stuck));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    for (int i = 0; i < 5 * others; ++i)
      ASSERT_EQ(p.submit(i % others, i), submit_status::accepted);
    EXPECT_TRUE(eventually([&] { return handled == 5 * others; }));
    held.open();
  }
}

INSTANTIATE_TEST_SUITE_P(, isolation,
                         testing::Values(load{2, 1, 1, 0, false}, load{2, 1, 1'000, 0, false},
                                         load{2, 1, 1, 1, false}, load{2, 1, 1'000, 1, false},
                                         load{2, 1, 1'000, 1, true}, load{2, 1, 1'000, 0, true},
                                         load{4, 3, 300, 1, false}, load{4, 3, 300, 0, true}),
                         [](const auto& of) { return "load_" + std::to_string(of.index); });

TEST(isolation_of_processors, on_one_runtime_from_each_others_stuck_keys) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<int, int> stuck{rt, [&](int&) { held.pass(); }};
  std::atomic<int> handled{0};
  processor<int, int> other{rt, [&](int&) { ++handled; }};
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(stuck.submit(0, i), submit_status::accepted);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(other.submit(i, i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return handled == 100; }));
  held.open();
}

// ---- keys that fall behind, and the others

/// How many messages of `hot` keys with a backlog are handled before 50 of other keys are, that come later.
int handled_before_the_cold_ones(unsigned workers, int hot) {
  constexpr int backlog = 500;
  constexpr int cold = 50;
  runtime rt{{.concurrency = workers}};
  std::atomic<int> hot_handled{0};
  std::atomic<int> cold_handled{0};
  std::atomic<int> before{0};
  processor<int, int> p{rt, [&](const int& key, int&) {
                          std::this_thread::sleep_for(microseconds(200));
                          if (key < hot)
                            hot_handled.fetch_add(1);
                          else if (cold_handled.fetch_add(1) + 1 == cold)
                            before = hot_handled.load();
                        }};
  for (int i = 0; i < backlog; ++i)
    for (int key = 0; key < hot; ++key)
      EXPECT_EQ(p.submit(key, i), submit_status::accepted);
  for (int key = hot; key < hot + cold; ++key)
    EXPECT_EQ(p.submit(key, 0), submit_status::accepted);
  p.drain();
  return before;
}

TEST(hot_keys, that_fall_behind_have_a_worker_each_and_leave_the_others_to_the_others) {
  EXPECT_LE(handled_before_the_cold_ones(2, 1), 500 / 2);
  EXPECT_LE(handled_before_the_cold_ones(4, 3), 3 * 500 / 2);
}

TEST(hot_keys, of_one_processor_leave_a_worker_to_another) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> hot_handled{0};
  std::atomic<int> hot_before{-1};
  std::atomic<int> other_handled{0};
  processor<int, int> hot{rt, [&](int&) {
                            std::this_thread::sleep_for(microseconds(200));
                            ++hot_handled;
                          }};
  processor<int, int> other{rt, [&](int&) {
                              std::this_thread::sleep_for(microseconds(200));
                              if (++other_handled == 100)
                                hot_before = hot_handled.load();
                            }};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(hot.submit(0, i), submit_status::accepted);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(other.submit(i, i), submit_status::accepted);
  hot.drain();
  other.drain();
  EXPECT_LE(hot_before.load(), 500);
}

/// One of a hundred keys is stuck, and the worker that is not stuck in it always has other things to
/// do. `make_handler(run)` makes a handler that calls run(message).
template <class MakeHandler>
void expect_isolation_beside_a_worker_that_is_never_idle(MakeHandler&& make_handler) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> over{false};
  processor<int, int> traffic{rt, [](int&) {}};
  gate held;
  std::atomic<int> handled{0};
  processor<int, int> p{rt,
                        make_handler([&](int stays) {
                          if (stays != 0)
                            held.pass();
                          handled.fetch_add(1);
                        }),
                        {.partitions = 1}};
  const std::jthread producer([&] {
    for (int i = 0; !over.load(); ++i)
      ASSERT_EQ(traffic.submit(i % 1'000, 0), submit_status::accepted);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20)); // both are in the midst of it
  std::vector<std::pair<int, int>> all;
  for (int key = 0; key < 100; ++key)
    all.emplace_back(key, key == 3);
  EXPECT_EQ(p.submit_bulk(all).accepted, all.size());
  EXPECT_TRUE(eventually([&] { return handled.load() == 99; }));
  held.open();
  over = true;
}

TEST(isolation_of_processors, holds_beside_a_worker_that_is_never_idle) {
  expect_isolation_beside_a_worker_that_is_never_idle([](auto run) {
    return [run](const int&, std::span<int> stays) { run(stays[0]); }; // spans: never inline
  });
}

TEST(isolation_of_processors, holds_inline_beside_a_worker_that_is_never_idle) {
  expect_isolation_beside_a_worker_that_is_never_idle(
      [](auto run) { return [run](const int&, int& stays) { run(stays); }; });
}

} // namespace
