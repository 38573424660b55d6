#include "gate.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// Where a processor's drain() sleeps.
struct drain_sleepers {};

/// A friend of processor's.
template <>
class convoy::keyed_executor<drain_sleepers> {
public:
  template <class Processor>
  static auto& of(Processor& p) {
    return p.core_.drained;
  }
};

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

TEST(drain, returns_when_all_that_was_accepted_before_is_finished) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  int accepted = 0;
  for (int round = 0; round < 2'000; ++round) {
    for (int i = 0; i < 1 + round % 20; ++i, ++accepted)
      ASSERT_EQ(p.submit(i, i), submit_status::accepted);
    p.drain();
    ASSERT_EQ(handled, accepted);
  }
}

TEST(drain, shows_what_the_handlers_did) {
  runtime rt{{.concurrency = 2}};
  int sums[10]{}; // plain: drain() alone makes it visible
  processor<int, int> p{rt, [&](const int& key, int& m) { sums[key] += m; }};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(i % 10, 1), submit_status::accepted);
  p.drain();
  EXPECT_THAT(sums, testing::Each(100));
}

TEST(drain, waits_for_a_handler_that_runs) {
  runtime rt{{.concurrency = 1}};
  gate held;
  processor<int, int> p{rt, [&](int&) { held.pass(); }};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  held.await_visitors();
  std::atomic<bool> drained{false};
  {
    const std::jthread drainer([&] {
      p.drain();
      drained = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // it may not return meanwhile
    EXPECT_FALSE(drained);
    held.open();
  }
  EXPECT_TRUE(drained);
}

TEST(drain, wakes_its_caller_once_for_each_partition) {
  for (const unsigned partitions : {1u, 4u}) {
    runtime rt{{.concurrency = 2}};
    gate held;
    processor<int, int> p{rt,
                          [&](int& m) {
                            if (m == 0)
                              held.pass();
                          },
                          {.partitions = partitions}};
    ASSERT_EQ(p.submit(-1, 0), submit_status::accepted);
    ASSERT_EQ(p.submit(-2, 0), submit_status::accepted);
    held.await_visitors(2);
    for (int i = 1; i <= 50'000; ++i) // some hundred visits
      ASSERT_EQ(p.submit(i % 100, i), submit_status::accepted);
    auto& sleepers = convoy::keyed_executor<drain_sleepers>::of(p);
    const std::jthread drainer([&] { p.drain(); });
    ASSERT_TRUE(eventually([&] { return sleepers.has_waiters(); }));
    const auto before = sleepers.notified();
    held.open();
    p.drain();
    EXPECT_TRUE(eventually([&] { return !sleepers.has_waiters(); }));
    EXPECT_LE(sleepers.notified() - before, 2 * partitions); // of two callers
  }
}

TEST(drain, returns_at_once_when_there_is_nothing_to_wait_for) {
  runtime rt{{.concurrency = 1}};
  processor<int, int> p{rt, [](int&) {}};
  p.drain();
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  p.drain();
  p.close();
  p.drain();
}

TEST(drain, may_be_called_by_several_threads) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 200; ++round) {
        const int before = handled;
        for (int i = 0; i < 50; ++i)
          ASSERT_EQ(p.submit(100 * t + i, i), submit_status::accepted);
        p.drain();
        ASSERT_GE(handled, before + 50);
      }
    });
  threads.clear();
  EXPECT_EQ(handled, 4 * 200 * 50);
}

TEST(drain, returns_while_others_go_on_submitting) {
  runtime rt{{.concurrency = 2}};
  processor<int, int> p{rt, [](int&) {}, {.capacity = 1'000}};
  std::atomic<bool> enough{false};
  std::vector<std::jthread> producers;
  for (int t = 0; t < 2; ++t)
    producers.emplace_back([&, t] {
      for (int i = 0; !enough; ++i)
        ASSERT_EQ(p.submit(t + i % 3, i), submit_status::accepted); // three keys never go idle
    });
  for (int round = 0; round < 20; ++round)
    p.drain();
  enough = true;
}

TEST(drain, does_not_wait_for_what_is_submitted_after_it_was_called) {
  runtime rt{{.concurrency = 2}};
  gate first;
  gate second;
  processor<int, int> p{rt, [&](int& m) { (m == 1 ? first : second).pass(); }, {.partitions = 1}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  first.await_visitors();
  std::atomic<bool> drained{false};
  const std::jthread drainer([&] {
    p.drain();
    drained = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20)); // most likely it waits by now
  ASSERT_EQ(p.submit(2, 2), submit_status::accepted);
  second.await_visitors();
  first.open();
  EXPECT_TRUE(eventually([&] { return drained.load(); })); // though key 2 is held
  second.open();
}

TEST(drain, inside_a_handler_is_an_error_that_says_so) {
  runtime rt{{.concurrency = 2}};
  runtime other_runtime{{.concurrency = 1}};
  processor<int, int> other{other_runtime, [](int&) {}};
  std::vector<std::string> errors;
  const auto drain = [&](auto& which) {
    try {
      which.drain();
    } catch (const std::logic_error& e) {
      errors.emplace_back(e.what());
    }
  };
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt, [&](int&) {
                          drain(*self);
                          drain(other);
                        }};
  self = &p;
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_THAT(errors, testing::ElementsAre(testing::HasSubstr("inside a handler"),
                                           testing::HasSubstr("inside a handler")));
}

TEST(drain, covers_what_was_accepted_before_close) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  std::atomic<int> accepted{0};
  {
    std::vector<std::jthread> producers;
    for (int t = 0; t < 3; ++t)
      producers.emplace_back([&, t] {
        for (int i = 0; p.submit(10 * t + i % 10, i) == submit_status::accepted; ++i)
          ++accepted;
      });
    EXPECT_TRUE(eventually([&] { return handled > 1'000; }));
    p.close();
  }
  p.drain();
  EXPECT_EQ(handled, accepted);
}

TEST(drain, does_not_wait_for_what_a_partition_that_was_idle_got_later) {
  runtime rt{{.concurrency = 2}};
  gate earlier;
  gate later;
  processor<int, int> p{rt, [&](int& m) {
                          if (m == 1)
                            earlier.pass();
                          if (m == 2)
                            later.pass();
                        }};
  constexpr int keys = 64; // in all partitions
  for (int round = 0; round < 2; ++round) {
    for (int key = 0; key < keys; ++key)
      ASSERT_EQ(p.submit(key, 0), submit_status::accepted);
    p.drain();
  }
  ASSERT_EQ(p.submit(keys, 1), submit_status::accepted);
  earlier.await_visitors();
  std::atomic<bool> drained{false};
  const std::jthread drainer([&] {
    p.drain();
    drained = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20)); // most likely it waits by now
  ASSERT_EQ(p.submit(0, 2), submit_status::accepted);
  later.await_visitors();
  earlier.open();
  EXPECT_TRUE(eventually([&] { return drained.load(); })); // though key 0 is held
  later.open();
}

} // namespace
