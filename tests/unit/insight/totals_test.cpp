#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <gtest/gtest.h>
#include <string>
#include <thread>

// What a snapshot says of all windows so far.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

TEST(totals, only_grow_and_are_right_over_many_windows) {
  runtime rt{{.concurrency = 2}};
  processor<std::string, int> p{rt, [](int&) { std::this_thread::sleep_for(2ms); },
                                with_insight(10ms)};
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(p.submit("hot", i), submit_status::accepted);
    if (i % 2 == 0) {
      ASSERT_EQ(p.submit(i % 4 == 0 ? "a" : "b", i), submit_status::accepted);
    }
  }
  auto last = p.snapshot();
  // Slow messages are all timed.
  ASSERT_TRUE(eventually([&] {
    const auto is = p.snapshot();
    EXPECT_GE(is.handler_total.count, last.handler_total.count);
    EXPECT_GE(is.handler_total.sum, last.handler_total.sum);
    EXPECT_GE(is.latency_total.sum, last.latency_total.sum);
    EXPECT_GE(is.hottest_total.size(), last.hottest_total.size());
    for (std::size_t rank = 0; rank < last.hottest_total.size(); ++rank)
      EXPECT_GE(is.hottest_total[rank], last.hottest_total[rank]);
    last = is;
    return is.handler_total.count > 149.5;
  }));
  EXPECT_NEAR(last.handler_total.count, 150, 0.01);
  EXPECT_NEAR(last.latency_total.count, 150, 0.01);
  EXPECT_GE(last.handler_total.sum, 150 * 2ms);
  EXPECT_GE(last.latency_total.sum, last.handler_total.sum);
  ASSERT_GE(last.hottest_total.size(), 2u);
  EXPECT_GE(last.hottest_total[0], 0.9 * 100 * 2ms); // in nearly each window it was the hot one
  auto sum = 0.0 * 1s;
  for (const auto rank : last.hottest_total)
    sum += rank;
  EXPECT_NEAR(sum.count(), last.handler_total.sum.count(), 0.05 * sum.count());
}

TEST(totals, of_no_window_are_nothing) {
  runtime rt;
  processor<int, int> p{rt, [](int&) {}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_EQ(p.snapshot().handler_total.count, 0);
  EXPECT_TRUE(p.snapshot().hottest_total.empty());
}

TEST(snapshot, says_whether_labels_tell_anything) {
  runtime rt;
  processor<std::string, int> plain{rt, [](int&) {}, with_insight(10ms)};
  EXPECT_FALSE(plain.snapshot().labels_are_hashes);
  auto hashed = with_insight(10ms);
  hashed.insight.label = {};
  processor<std::string, int> secret{rt, [](int&) {}, hashed};
  EXPECT_TRUE(secret.snapshot().labels_are_hashes);
  for (auto* p : {&plain, &secret}) {
    ASSERT_EQ(p->submit("apple", 1), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return p->snapshot().window != 0ns; }));
    EXPECT_EQ(p->snapshot().labels_are_hashes, p == &secret);
  }
}

} // namespace
