// What the pictures of a run are drawn from, against figures worked out by hand.

#include "measure/series.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

constexpr std::int64_t us = 1'000;

struct recorded {
  workload load;
  run result;

  void add(std::uint32_t key, std::int64_t service, const record& r) {
    load.keys.resize(std::max<std::size_t>(load.keys.size(), key + 1));
    load.messages.push_back({r.intended, service, key, 0});
    result.records.push_back(r);
  }
};

/// 1,000 messages of which the i-th takes i µs, all at once, submitted in an order of their own.
recorded make_thousand() {
  recorded s;
  for (std::int64_t i = 1; i <= 1000; ++i)
    s.add(static_cast<std::uint32_t>(i % 3), 0, {0, 0, 0, (i * 7 % 1000 + 1) * us});
  return s;
}

double at(const run_series& s, double one_in) {
  for (const latency_point& p : s.latency)
    if (std::abs(p.one_in - one_in) < 1e-9 * one_in)
      return p.us;
  return -1;
}

TEST(series, has_the_percentiles_by_nearest_rank) {
  const recorded s = make_thousand();
  const run_series series = measure_series(s.load, s.result);
  EXPECT_DOUBLE_EQ(at(series, 1), 1);
  EXPECT_DOUBLE_EQ(at(series, 10), 900);
  EXPECT_DOUBLE_EQ(at(series, 100), 990);
  EXPECT_DOUBLE_EQ(at(series, 1000), 1000);
  EXPECT_EQ(series.latency.size(), 31U);
}

TEST(series, counts_what_is_submitted_and_not_done) {
  const recorded s = make_thousand();
  const run_series series = measure_series(s.load, s.result);
  ASSERT_EQ(series.backlog.size(), 20U);
  EXPECT_DOUBLE_EQ(series.step_seconds, 50e-6);
  // Done after 1 … 1,000 µs: 49 before the first step's end, which itself belongs to the next.
  EXPECT_DOUBLE_EQ(series.backlog[0], 1000 - 49);
  EXPECT_DOUBLE_EQ(series.backlog[9], 1000 - 499);
  EXPECT_DOUBLE_EQ(series.backlog[19], 0);
  EXPECT_DOUBLE_EQ(series.throughput[9], 50 / 50e-6);
  const double done =
      std::accumulate(series.throughput.begin(), series.throughput.end(), 0.0) * 50e-6;
  EXPECT_NEAR(done, 1000, 1e-6);
}

TEST(series, ends_the_wait_of_a_dead_message_and_leaves_a_lost_one_waiting) {
  recorded s;
  s.add(0, 0, {0, 0, 0, -1, 10 * us});
  s.add(0, 0, {0, 0, 0, -1, -1});
  s.add(0, 0, {0, 0, 0, 20 * us, -1});
  const run_series series = measure_series(s.load, s.result);
  EXPECT_DOUBLE_EQ(series.backlog[0], 3);
  EXPECT_DOUBLE_EQ(series.backlog[11], 2);
  EXPECT_DOUBLE_EQ(series.backlog[19], 1);
  EXPECT_EQ(series.latency.size(), 1U);
}

TEST(series, has_at_most_two_hundred_steps) {
  recorded s;
  for (int i = 0; i < 30'000; ++i)
    s.add(0, 0, {0, 0, i, i + 1});
  EXPECT_EQ(measure_series(s.load, s.result).backlog.size(), 200U);
}

TEST(series, survives_a_run_in_which_nothing_was_done) {
  recorded s;
  s.add(0, 5, {0, 0, 0, -1});
  EXPECT_TRUE(measure_series(s.load, s.result).latency.empty());
  EXPECT_TRUE(measure_series(s.load, s.result).backlog.empty());
  const auto keys = measure_keys(s.load, s.result, 3);
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_DOUBLE_EQ(keys[0].busy, 0);
  EXPECT_TRUE(std::isnan(keys[0].p99_us));
}

TEST(key_figures, rank_by_work_and_tell_how_busy_a_key_was) {
  recorded s;
  s.add(0, 10 * us, {0, 0, 0, 10 * us});
  s.add(1, 30 * us, {0, 0, 0, 40 * us});             // 10 more than configured
  s.add(0, 10 * us, {0, 10 * us, 20 * us, 30 * us}); // its turn came when it was let in
  s.add(1, 20 * us, {0, 0, 60 * us, 80 * us});       // behind the first of its key for 40
  s.add(2, 1 * us, {0, 0, 99 * us, 100 * us});
  const auto keys = measure_keys(s.load, s.result, 2);
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].key, 1U);
  EXPECT_EQ(keys[0].messages, 2U);
  EXPECT_DOUBLE_EQ(keys[0].share, 0.4);
  EXPECT_DOUBLE_EQ(keys[0].work_share, 50 / 71.0);
  EXPECT_DOUBLE_EQ(keys[0].busy, 0.6);
  EXPECT_DOUBLE_EQ(keys[0].mean_us, 30);
  EXPECT_DOUBLE_EQ(keys[0].p50_us, 40);
  EXPECT_DOUBLE_EQ(keys[0].p99_us, 80);
  EXPECT_DOUBLE_EQ(keys[0].own_key_share, 40 / 120.0);
  EXPECT_EQ(keys[1].key, 0U);
  EXPECT_DOUBLE_EQ(keys[1].own_key_share, 0);
}

TEST(concentration, adds_up_the_keys_with_the_most_work) {
  recorded s;
  for (std::uint32_t key = 0; key < 20; ++key)
    for (std::uint32_t i = 0; i <= (key == 5 ? 1 : 0); ++i)
      s.add(key, key == 5 ? 40 : 20, {});
  s.load.keys.resize(99); // keys without a message count for nothing
  const auto shares = measure_concentration(s.load);
  EXPECT_EQ(shares.front().keys, 1U);
  EXPECT_DOUBLE_EQ(shares.front().work, 80 / 460.0);
  EXPECT_DOUBLE_EQ(shares.front().messages, 2 / 21.0);
  EXPECT_EQ(shares.back().keys, 20U);
  EXPECT_NEAR(shares.back().work, 1, 1e-12);
  EXPECT_DOUBLE_EQ(shares.back().messages, 1);
}

TEST(concentration, counts_messages_where_there_is_no_work) {
  recorded s;
  for (const std::uint32_t key : {0U, 1U, 1U, 1U})
    s.add(key, 0, {});
  EXPECT_DOUBLE_EQ(measure_concentration(s.load).front().work, 0.75);
}

} // namespace
} // namespace convoy::tool
