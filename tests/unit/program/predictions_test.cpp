// What the page predicts, where it can be worked out by hand.

#include "program/ms.hpp"
#include "report/predictions.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

constexpr unsigned all_at_once = std::numeric_limits<unsigned>::max();

predictions predict(const workload& load, unsigned workers, std::span<const std::uint32_t> keys,
                    const sleep_costs& costs = {}) {
  return tool::predict(load, {.workers = workers, .costs = costs}, all_at_once, keys);
}

/// `each` messages of 1 ms of every key, at once; key 0 has four times as many.
workload load_of_a_hot_key(std::uint32_t keys, int each) {
  workload load;
  for (std::uint32_t key = 0; key < keys; ++key)
    load.keys.push_back("k" + std::to_string(key));
  for (int i = 0; i < each; ++i)
    for (std::uint32_t key = 0; key < keys; ++key)
      for (int n = 0; n < (key == 0 ? 4 : 1); ++n)
        load.messages.push_back({0, ms, key, static_cast<std::uint32_t>(key == 0 ? i * 4 + n : i)});
  return load;
}

TEST(predictions, finds_the_workers_beyond_which_a_key_is_the_limit) {
  // 12 keys of 10 ms and one of 40: 160 ms of work, of which one key can't share its 40.
  const predictions f = predict(load_of_a_hot_key(13, 10), 2, {});
  ASSERT_EQ(f.workers.front().workers, 1U);
  EXPECT_DOUBLE_EQ(f.workers.front().lanes.seconds, 0.160);
  EXPECT_DOUBLE_EQ(f.workers.front().bound_seconds, 0.160);
  EXPECT_EQ(f.workers.back().workers, 1024U);
  EXPECT_DOUBLE_EQ(f.workers.back().lanes.seconds, 0.040);
  EXPECT_DOUBLE_EQ(f.workers.back().bound_seconds, 0.040);
  EXPECT_DOUBLE_EQ(f.now.seconds, 0.080);
  EXPECT_EQ(f.enough, 4U);
}

TEST(predictions, is_content_with_one_worker_for_one_key) {
  const predictions f = predict(load_of_a_hot_key(1, 5), 8, {});
  EXPECT_EQ(f.enough, 1U);
  EXPECT_DOUBLE_EQ(f.now.p99_us, 20'000);
}

TEST(predictions, makes_a_key_faster_or_splits_it_in_four) {
  const std::vector<std::uint32_t> keys{0, 3};
  const predictions f = predict(load_of_a_hot_key(5, 10), 64, keys);
  EXPECT_DOUBLE_EQ(f.now.seconds, 0.040);
  ASSERT_EQ(f.keys.size(), 2U);
  EXPECT_EQ(f.keys[0].key, 0U);
  EXPECT_DOUBLE_EQ(f.keys[0].faster.seconds, 0.020);
  EXPECT_DOUBLE_EQ(f.keys[0].split.seconds, 0.010);
  EXPECT_EQ(f.keys[1].key, 3U);
  EXPECT_DOUBLE_EQ(f.keys[1].faster.seconds, 0.040);
  EXPECT_DOUBLE_EQ(f.keys[1].split.seconds, 0.040);
}

TEST(predictions, adds_what_handlers_took_longer_whatever_they_are_made_to_take) {
  const std::vector<std::uint32_t> keys{0};
  const predictions f = predict(load_of_a_hot_key(1, 5), 4, keys, {.overshoot_ns = {ms / 10}});
  EXPECT_DOUBLE_EQ(f.now.seconds, 20 * 1.1e-3);
  EXPECT_DOUBLE_EQ(f.keys[0].faster.seconds, 20 * 0.6e-3);
  EXPECT_DOUBLE_EQ(f.workers.front().bound_seconds, 20e-3) << "the bound is of what is configured";
}

TEST(predictions, knows_that_every_sleep_needs_a_core_for_a_moment) {
  // 40 keys of 10 messages and one of 40: 440 ms of two cores.
  const predictions f = predict(load_of_a_hot_key(41, 10), 64, {}, {.cores = 2, .core_ns = ms});
  EXPECT_GE(f.workers.back().lanes.seconds, 0.220);
  EXPECT_LT(f.enough, 16U) << "more would only wait for the cores";
}

TEST(predictions, lets_no_more_workers_spin_than_there_are_cores) {
  const predictions f = tool::predict(load_of_a_hot_key(13, 10), {.workers = 64}, 2, {});
  EXPECT_DOUBLE_EQ(f.workers.back().lanes.seconds, 0.080);
  EXPECT_DOUBLE_EQ(f.workers.back().bound_seconds, 0.080);
  EXPECT_DOUBLE_EQ(f.now.seconds, 0.080);
  EXPECT_EQ(f.enough, 2U);
}

TEST(predictions, wants_the_workers_that_keep_latency_low_where_the_load_is_open) {
  // Every 10 ms four messages of four keys, of 1 ms each: one worker has time enough, and makes
  // the last of each four wait.
  workload load;
  load.closed = false;
  load.keys.resize(4);
  for (int i = 0; i < 100; ++i)
    for (std::uint32_t key = 0; key < 4; ++key)
      load.messages.push_back({i * 10 * ms, ms, key, 0});
  EXPECT_EQ(predict(load, 1, {}).enough, 4U);
  load.closed = true;
  EXPECT_EQ(predict(load, 1, {}).enough, 1U);
}

} // namespace
} // namespace convoy::tool
