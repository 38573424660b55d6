// Joint messages, as they are run by the strategies that a replay compares.

#include "measure/figures.hpp"
#include "program/joint_loads.hpp"
#include "replay/probe.hpp"
#include "replay/replay.hpp"
#include "replay/shared_order.hpp"

#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

/// Transfers between accounts, and some payments in or out of one.
workload transfers(std::size_t messages, unsigned accounts, std::int64_t service_ns) {
  std::mt19937 random(5);
  std::vector<joint_spec> all;
  const auto account = [&] { return static_cast<char>('a' + random() % accounts); };
  while (all.size() < messages) {
    std::string keys(1, account());
    if (const char other = account(); other != keys[0])
      keys += other;
    all.push_back({keys, service_ns});
  }
  return joint_load(all);
}

run reported_by(const probe& handler, const workload& load) {
  run result;
  result.records.resize(load.messages.size());
  handler.report_to(result);
  return result;
}

TEST(joint_probe, says_nothing_where_order_is_kept) {
  const workload load = joint_load({{"ab"}, {"a"}, {"bc"}, {"c"}});
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (const std::uint32_t i : {0U, 2U, 3U, 1U})
    handler(i);
  const run seen = reported_by(handler, load);
  EXPECT_EQ(seen.order_violations + seen.overlaps + seen.repeated, 0u);
}

TEST(joint_probe, notices_a_message_that_is_late_in_one_of_its_keys) {
  const workload load = joint_load({{"ab"}, {"b"}, {"cb"}, {"c"}});
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (const std::uint32_t i : {1U, 0U, 3U, 2U}) // 0 is late in b, 2 in c
    handler(i);
  EXPECT_EQ(reported_by(handler, load).order_violations, 2u);
}

TEST(joint_probe, notices_a_message_that_is_handled_twice) {
  const workload load = joint_load({{"ab"}, {"c"}});
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (const std::uint32_t i : {0U, 0U, 1U})
    handler(i);
  const run seen = reported_by(handler, load);
  EXPECT_EQ(seen.repeated, 1u);
  EXPECT_EQ(seen.overlaps, 0u);
}

TEST(joint_probe, notices_a_call_that_one_of_its_keys_did_not_see) {
  const workload load = joint_load({{"ab"}});
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  handler(0);
  run seen;
  seen.records.resize(1);
  handler.report_to(seen, 1); // one more call than there were
  EXPECT_EQ(seen.overlaps, 1u);
}

TEST(replay, keeps_the_order_of_joint_messages) {
  const workload load = transfers(1'000, 12, 50'000);
  for (const strategy id : {strategy::lanes, strategy::mutex, strategy::single})
    for (const bool traces : {false, true}) {
      const run seen =
          replay(load, id, {.workers = 4, .service = service_kind::sleep, .traces = traces});
      const run_figures figures = measure_run(load, seen, 4);
      EXPECT_FALSE(figures.is_broken()) << seen.strategy;
      EXPECT_EQ(figures.lost, 0u);
      EXPECT_EQ(shared_order_violations(load, seen.records), 0u) << seen.strategy;
      EXPECT_LE(figures.bound_seconds, figures.seconds);
    }
}

TEST(replay, runs_joint_messages_of_other_keys_at_the_same_time) {
  std::vector<joint_spec> all;
  for (int i = 0; i < 60; ++i)
    all.push_back({i % 2 == 0 ? "ab" : "cd", 200'000});
  const workload load = joint_load(all);
  for (const strategy id : {strategy::lanes, strategy::mutex}) {
    bool together = false;
    for (int attempt = 0; attempt < 50 && !together; ++attempt) {
      const run seen = replay(load, id, {.workers = 2, .service = service_kind::sleep});
      for (std::size_t i = 1; i < all.size(); ++i)
        together |= seen.records[i].begun < seen.records[i - 1].done;
    }
    EXPECT_TRUE(together) << traits_of(id).name;
  }
}

TEST(replay, waits_for_room_for_all_keys_of_a_joint_message) {
  const workload load = transfers(500, 3, 0);
  for (const strategy id : {strategy::lanes, strategy::mutex, strategy::unordered}) {
    const run seen = replay(load, id, {.workers = 2, .capacity = 2, .service = service_kind::spin});
    EXPECT_EQ(measure_run(load, seen, 2).lost, 0u) << seen.strategy;
  }
}

TEST(replay, tells_where_joint_messages_overlap_in_one_of_their_keys) {
  // One worker has the first message while the other one handles those that must come behind it. Only
  // b is there twice.
  std::vector<joint_spec> all{{"ab", 5'000'000}};
  for (const char c : std::string{"cdefghijklmnopqrstuvwxyz"})
    all.push_back({std::string{c, 'b'}, 10'000});
  const workload load = joint_load(all);
  std::uint64_t overlaps = 0;
  for (int attempt = 0; attempt < 50 && overlaps == 0; ++attempt)
    overlaps =
        replay(load, strategy::unordered, {.workers = 2, .service = service_kind::sleep}).overlaps;
  EXPECT_GT(overlaps, 0u);
}

} // namespace
} // namespace convoy::tool
