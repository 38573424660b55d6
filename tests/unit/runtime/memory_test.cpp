#include "gate.hpp"
#include "heap.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

// What is on the heap, see heap.hpp.

#ifdef CONVOY_TEST_COUNTS_HEAP

namespace {

using convoy::keyed_executor;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

/// Allocations for each message in steady state, where `submit_and_drain` does a thousand.
template <class SubmitAndDrain>
double allocations_per_message(SubmitAndDrain&& submit_and_drain) {
  constexpr int rounds = 200;
  for (int i = 0; i < rounds; ++i)
    submit_and_drain();
  const auto before = allocations();
  for (int i = 0; i < rounds; ++i)
    submit_and_drain();
  return static_cast<double>(allocations() - before) / (1'000.0 * rounds);
}

/// Not one for each message, nor for each lane or chunk: only now and then one, for a drain() or a
/// table that grows.
constexpr double next_to_none = 0.02;

TEST(heap, is_seen_by_these_tests) {
  const auto count = allocations();
  const auto bytes = live_bytes();
  const auto kept = std::make_unique<std::array<char, 100'000>>();
  struct alignas(128) over_aligned {
    char content[128];
  };
  const auto aligned = std::make_unique<over_aligned>();
  [[maybe_unused]] void* volatile seen =
      kept.get(); // or Clang leaves the pair of new and delete out
  seen = aligned.get();
  EXPECT_EQ(allocations(), count + 2);
  EXPECT_GE(live_bytes(), bytes + 100'000);
}

struct sixteen_bytes {
  std::uint64_t one;
  std::uint64_t other;
};

TEST(heap, is_not_touched_by_submit) {
  runtime rt{{.concurrency = 2}};
  processor<int, sixteen_bytes> p{rt, [](sixteen_bytes&) {}};
  EXPECT_LT(allocations_per_message([&] {
              for (int i = 0; i < 1'000; ++i)
                ASSERT_EQ(p.submit(i % 50, {1, 2}), submit_status::accepted);
              p.drain();
            }),
            next_to_none);
}

TEST(heap, is_not_touched_by_a_new_lane_for_each_message) {
  runtime rt{{.concurrency = 2}};
  processor<int, sixteen_bytes> p{rt, [](sixteen_bytes&) {}};
  EXPECT_LT(allocations_per_message([&] {
              for (int i = 0; i < 1'000; i += 500) {
                for (int key = i; key < i + 500; ++key)
                  ASSERT_EQ(p.submit(key, {1, 2}), submit_status::accepted);
                p.drain();
              }
            }),
            next_to_none);
}

TEST(heap, is_not_touched_by_backlogs_that_come_and_go) {
  runtime rt{{.concurrency = 1}};
  std::atomic<bool> held{false};
  processor<int, sixteen_bytes> p{rt, [&](sixteen_bytes&) { held.wait(true); }, {.partitions = 1}};
  const auto a_backlog = [&] {
    held = true;
    for (int i = 0; i < 20'000; ++i)
      ASSERT_EQ(p.submit(i % 50, {1, 2}), submit_status::accepted);
    held = false;
    held.notify_all();
    p.drain();
  };
  const auto rounds = [&] {
    for (int i = 0; i < 20; ++i)
      a_backlog();
  };
  rounds(); // what they need is kept for the next
  const auto before = allocations();
  rounds();
  EXPECT_LE(allocations() - before, 20 * 20'000 / 1'000);
}

TEST(heap, is_not_touched_by_submit_bulk) {
  runtime rt{{.concurrency = 2}};
  processor<int, sixteen_bytes> p{rt, [](sixteen_bytes&) {}};
  std::vector<std::pair<int, sixteen_bytes>> all;
  for (int i = 0; i < 1'000; ++i)
    all.emplace_back(i % 50, sixteen_bytes{1, 2});
  EXPECT_LT(allocations_per_message([&] {
              ASSERT_EQ(p.submit_bulk(all).accepted, 1'000u);
              p.drain();
            }),
            next_to_none);
}

TEST(heap, is_not_touched_by_a_keyed_executor_with_small_callables) {
  runtime rt{{.concurrency = 2}};
  keyed_executor<int> ex{rt};
  std::atomic<long> sum{0};
  std::array<long, 3> weights{1, 2, 3};
  EXPECT_LT(allocations_per_message([&] {
              for (int i = 0; i < 1'000; ++i)
                ASSERT_EQ(ex.submit(i % 50, [&sum, weights] { sum += weights[0]; }),
                          submit_status::accepted);
              ex.drain();
            }),
            next_to_none);
  EXPECT_EQ(sum, 2 * 200 * 1'000);
}

/// What an idle partition keeps at most for its next messages: 256 lanes or chunks of up to 4 KiB of
/// messages and 1 KiB of ages (tuning::kept_lanes), and some segments; and the runtime a block of ages.
constexpr std::size_t kept_bytes = 256 * 5 * 1024 + (1 << 16);

TEST(heap, is_given_back_when_a_hundred_thousand_keys_are_idle) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<int, sixteen_bytes> p{rt, [&](sixteen_bytes&) { held.pass(); }, {.partitions = 1}};
  const auto before = live_bytes();
  for (int i = 0; i < 10; ++i)
    for (int key = 0; key < 100'000; ++key)
      ASSERT_EQ(p.submit(key, {1, 2}), submit_status::accepted);
  EXPECT_GT(live_bytes(), before + 10 * kept_bytes);
  held.open();
  p.drain();
  EXPECT_TRUE(eventually([&] { return live_bytes() < before + kept_bytes; }))
      << live_bytes() - before << " bytes are still there";
}

TEST(heap, is_given_back_by_a_deep_backlog) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<int, sixteen_bytes> p{rt, [&](sixteen_bytes&) { held.pass(); }, {.partitions = 1}};
  const auto before = live_bytes();
  for (int i = 0; i < 1'000'000; ++i)
    ASSERT_EQ(p.submit(i % 3, {1, 2}), submit_status::accepted);
  EXPECT_GT(live_bytes(), before + 10 * kept_bytes);
  held.open();
  p.drain();
  EXPECT_TRUE(eventually([&] { return live_bytes() < before + kept_bytes; }))
      << live_bytes() - before << " bytes are still there";
}

TEST(heap, of_an_idle_processor_is_given_back_without_its_destructor_waiting_for_other_handlers) {
  using std::chrono::milliseconds;
  runtime rt{{.concurrency = 1}};
  std::atomic<int> handled{0};
  processor<int, int> slow{rt, [&](int&) {
                             std::this_thread::sleep_for(milliseconds(5));
                             ++handled;
                           }};
  gate held;
  std::optional<processor<int, sixteen_bytes>> idle;
  idle.emplace(
      rt, [&](sixteen_bytes&) { held.pass(); },
      processor<int, sixteen_bytes>::options{.partitions = 1});
  for (int i = 0; i < 500'000; ++i)
    ASSERT_EQ(idle->submit(0, {1, 2}), submit_status::accepted);
  held.open();
  idle->drain();
  const auto kept = live_bytes();
  constexpr int all = 400;
  for (int i = 0; i < all; ++i)
    ASSERT_EQ(slow.submit(i, 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return live_bytes() + (1 << 20) < kept; })); // the worker trims
  const int before = handled;
  idle.reset();
  EXPECT_LE(handled - before, all / 13); // freeing the rest takes a few
}

TEST(heap, is_given_back_by_idle_keys_while_another_is_stuck) {
  runtime rt{{.concurrency = 2}};
  gate held;
  std::atomic<int> handled{0};
  processor<int, sixteen_bytes> p{rt,
                                  [&](const int& key, sixteen_bytes&) {
                                    if (key < 0)
                                      held.pass();
                                    else
                                      ++handled;
                                  },
                                  {.partitions = 1}};
  const auto before = live_bytes();
  ASSERT_EQ(p.submit(-1, {1, 2}), submit_status::accepted);
  for (int i = 0; i < 5; ++i)
    for (int key = 0; key < 100'000; ++key)
      ASSERT_EQ(p.submit(key, {1, 2}), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return handled == 500'000; }));
  EXPECT_TRUE(eventually([&] { return live_bytes() < before + kept_bytes; }))
      << live_bytes() - before << " bytes are still there";
  held.open();
}

} // namespace

#else

TEST(heap, is_counted_with_glibc_and_without_sanitizers_only) {
  GTEST_SKIP() << "sanitizers have a malloc of their own";
}

#endif
