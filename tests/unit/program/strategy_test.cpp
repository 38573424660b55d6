// Every strategy: what it promises, alone and without a replay around it.

#include "strategies/lanes.hpp"
#include "strategies/mutex.hpp"
#include "strategies/queues.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <gtest/gtest.h>
#include <latch>
#include <set>
#include <thread>
#include <vector>

namespace convoy::tool {
namespace {

constexpr std::uint32_t keys_of_load = 7;

/// Message i belongs to key i % keys_of_load. Plain state per key: a strategy that keeps order hands it
/// over, under ThreadSanitizer visibly so.
struct order_check {
  std::vector<std::vector<std::uint32_t>> seen =
      std::vector<std::vector<std::uint32_t>>(keys_of_load);
  void operator()(std::uint32_t index) { seen[index % keys_of_load].push_back(index); }
};

template <template <class> class Strategy>
struct kind {
  template <class Handler>
  using type = Strategy<Handler>;
};

template <class Kind>
class ordered_strategy : public testing::Test {};
using ordered =
    testing::Types<kind<convoy_lanes>, kind<single_queue>, kind<sharded_queues>, kind<mutex_lanes>>;
TYPED_TEST_SUITE(ordered_strategy, ordered);

template <class Kind>
class any_strategy : public testing::Test {};
using all_strategies = testing::Types<kind<convoy_lanes>, kind<single_queue>, kind<sharded_queues>,
                                      kind<mutex_lanes>, kind<shared_queue>>;
TYPED_TEST_SUITE(any_strategy, all_strategies);

TYPED_TEST(ordered_strategy, handles_each_key_in_the_order_of_submission) {
  constexpr std::uint32_t messages = 20'000;
  order_check handler;
  {
    typename TypeParam::template type<order_check> subject{handler, {3, 100, keys_of_load}};
    for (std::uint32_t i = 0; i < messages; ++i)
      subject.submit(i % keys_of_load, i);
    subject.drain();
  }
  for (std::uint32_t key = 0; key < keys_of_load; ++key) {
    std::vector<std::uint32_t> expected;
    for (std::uint32_t i = key; i < messages; i += keys_of_load)
      expected.push_back(i);
    EXPECT_EQ(handler.seen[key], expected);
  }
}

struct counter {
  std::atomic<std::uint32_t> handled{0};
  void operator()(std::uint32_t) { ++handled; }
};

TYPED_TEST(any_strategy, has_handled_everything_when_drained) {
  counter handler;
  typename TypeParam::template type<counter> subject{handler, {2, 1 << 20, keys_of_load}};
  for (std::uint32_t round = 1; round <= 20; ++round) {
    for (std::uint32_t i = 0; i < 500; ++i)
      subject.submit(i % keys_of_load, i);
    subject.drain();
    EXPECT_EQ(handler.handled, round * 500);
  }
}

TYPED_TEST(any_strategy, handles_what_is_left_before_it_is_gone) {
  counter handler;
  {
    typename TypeParam::template type<counter> subject{handler, {2, 1 << 20, keys_of_load}};
    for (std::uint32_t i = 0; i < 1000; ++i)
      subject.submit(i % keys_of_load, i);
  }
  EXPECT_EQ(handler.handled, 1000U);
}

TYPED_TEST(any_strategy, takes_messages_from_several_producers) {
  counter handler;
  typename TypeParam::template type<counter> subject{handler, {2, 64, keys_of_load}};
  {
    std::vector<std::jthread> producers;
    for (std::uint32_t key = 0; key < 3; ++key)
      producers.emplace_back([&subject, key] {
        for (std::uint32_t i = 0; i < 5000; ++i)
          subject.submit(key, i);
      });
  }
  subject.drain();
  EXPECT_EQ(handler.handled, 15'000U);
}

/// Handlers that wait until they are let go.
struct gate {
  std::latch open{1};
  void operator()(std::uint32_t) { open.wait(); }
};

TYPED_TEST(any_strategy, makes_submission_wait_while_capacity_messages_are_unfinished) {
  constexpr std::uint32_t capacity = 5;
  gate handler;
  typename TypeParam::template type<gate> subject{handler, {2, capacity, keys_of_load}};
  std::atomic<std::uint32_t> submitted{0};
  std::jthread producer{[&] {
    for (std::uint32_t i = 0; i < 2 * capacity; ++i, ++submitted)
      subject.submit(i % keys_of_load, i);
  }};
  while (submitted < capacity)
    std::this_thread::yield();
  std::this_thread::sleep_for(
      std::chrono::milliseconds{20}); // more would come in now, if there was room
  EXPECT_EQ(submitted, capacity);
  handler.open.count_down();
  producer.join();
  subject.drain();
}

/// Remembers which threads ran handlers, and holds each until `expected` of them have.
struct rendezvous {
  std::latch together;
  explicit rendezvous(std::ptrdiff_t expected) : together{expected} {}
  void operator()(std::uint32_t) { together.arrive_and_wait(); }
};

template <class Kind>
class parallel_strategy : public testing::Test {};
using parallel = testing::Types<kind<convoy_lanes>, kind<mutex_lanes>, kind<shared_queue>>;
TYPED_TEST_SUITE(parallel_strategy, parallel);

TYPED_TEST(parallel_strategy, runs_as_many_keys_at_once_as_it_has_workers) {
  constexpr std::uint32_t workers = 5;
  rendezvous handler{workers};
  typename TypeParam::template type<rendezvous> subject{handler, {workers, 100, keys_of_load}};
  for (std::uint32_t key = 0; key < workers; ++key)
    subject.submit(key, key);
  subject.drain(); // for ever, if one worker had to come twice
}

TEST(strategy, shards_use_all_their_workers) {
  struct threads_seen {
    std::mutex mutex;
    std::set<std::thread::id> ids;
    void operator()(std::uint32_t) {
      const std::scoped_lock lock{mutex};
      ids.insert(std::this_thread::get_id());
    }
  } handler;
  sharded_queues<threads_seen> subject{handler, {8, 1000, 1000}};
  for (std::uint32_t key = 0; key < 200; ++key)
    subject.submit(key, key);
  subject.drain();
  EXPECT_EQ(handler.ids.size(), 8U);
}

} // namespace
} // namespace convoy::tool
