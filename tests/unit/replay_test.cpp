// A replay of each strategy, and what the probe that runs inside it notices.

#include "replay.hpp"
#include "replay_input.hpp"
#include "replay_probe.hpp"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace convoy::tool {
namespace {

workload make_load(std::uint32_t keys, std::uint32_t messages, std::int64_t service_ns) {
  workload load;
  load.keys.resize(keys);
  for (std::uint32_t i = 0; i < messages; ++i)
    load.messages.push_back({0, service_ns, i % keys, i / keys});
  return load;
}

run seen_by(const probe& handler, const workload& load) {
  run result;
  result.records.resize(load.messages.size());
  handler.report_to(result);
  return result;
}

TEST(probe, finds_nothing_wrong_with_messages_in_order) {
  const workload load = make_load(2, 6, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (std::uint32_t i = 0; i < 6; ++i)
    handler(i);
  const run result = seen_by(handler, load);
  EXPECT_EQ(result.order_violations + result.overlaps + result.repeated, 0U);
  EXPECT_TRUE(
      std::ranges::all_of(result.records, [](const record& r) { return r.done >= r.begun; }));
  EXPECT_DOUBLE_EQ(handler.progress(), 1);
}

TEST(probe, counts_messages_that_began_after_a_later_one_of_their_key) {
  const workload load = make_load(1, 4, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (const std::uint32_t i : {2U, 0U, 1U, 3U})
    handler(i);
  EXPECT_EQ(seen_by(handler, load).order_violations, 2U);
}

TEST(probe, does_not_mix_up_keys) {
  const workload load = make_load(2, 4, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (const std::uint32_t i : {1U, 3U, 0U, 2U})
    handler(i);
  EXPECT_EQ(seen_by(handler, load).order_violations, 0U);
}

TEST(probe, counts_a_message_handled_twice_as_repeated_and_not_as_out_of_order) {
  const workload load = make_load(1, 3, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (const std::uint32_t i : {0U, 1U, 0U, 2U})
    handler(i);
  const run result = seen_by(handler, load);
  EXPECT_EQ(result.repeated, 1U);
  EXPECT_EQ(result.order_violations, 0U);
  EXPECT_EQ(result.overlaps, 0U);
}

TEST(probe, leaves_a_lost_message_without_an_end) {
  const workload load = make_load(1, 2, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  handler(0);
  const run result = seen_by(handler, load);
  EXPECT_GE(result.records[0].done, 0);
  EXPECT_EQ(result.records[1].done, -1);
  EXPECT_DOUBLE_EQ(handler.progress(), 0.5);
}

TEST(probe, sees_two_handlers_of_a_key_at_once) {
  const workload load = make_load(1, 2, 50'000'000);
  probe handler{load, service_kind::sleep, false};
  handler.clock().start();
  {
    const std::jthread first{[&] { handler(0); }};
    const std::jthread second{[&] { handler(1); }};
  }
  EXPECT_EQ(seen_by(handler, load).overlaps, 1U);
}

TEST(probe, spends_at_least_the_service_time) {
  for (const service_kind kind : {service_kind::spin, service_kind::sleep}) {
    const workload load = make_load(1, 1, 2'000'000);
    probe handler{load, kind, true};
    handler.clock().start();
    handler(0);
    const run result = seen_by(handler, load);
    EXPECT_GE(result.records[0].done - result.records[0].begun, 2'000'000);
  }
}

class replay_of : public testing::TestWithParam<strategy> {};

TEST_P(replay_of, keeps_what_the_strategy_promises) {
  const workload load = make_load(13, 5000, 0);
  const run result = replay(load, GetParam(), {.workers = 4, .producers = 3, .capacity = 64});
  const strategy_traits& traits = traits_of(GetParam());
  EXPECT_EQ(result.strategy, traits.name);
  EXPECT_EQ(result.keeps_order, traits.keeps_order);
  EXPECT_EQ(result.workers, GetParam() == strategy::single ? 1U : 4U);
  EXPECT_EQ(result.repeated, 0U);
  if (traits.keeps_order) {
    EXPECT_EQ(result.order_violations, 0U);
    EXPECT_EQ(result.overlaps, 0U);
  }
  ASSERT_EQ(result.records.size(), load.messages.size());
  for (const record& r : result.records) {
    EXPECT_LE(r.intended, r.accepted);
    EXPECT_LE(r.intended, r.begun);
    EXPECT_LE(r.begun, r.done);
  }
}

TEST_P(replay_of, submits_an_open_load_at_its_times_and_counts_from_them) {
  workload load = make_load(3, 30, 1000);
  load.closed = false;
  for (std::size_t i = 0; i < load.messages.size(); ++i)
    load.messages[i].arrival_ns = static_cast<std::int64_t>(i) * 1'000'000;
  const run result = replay(load, GetParam(), {.workers = 2, .producers = 2});
  for (std::size_t i = 0; i < load.messages.size(); ++i) {
    EXPECT_EQ(result.records[i].intended, load.messages[i].arrival_ns);
    EXPECT_GE(result.records[i].begun, load.messages[i].arrival_ns);
  }
}

INSTANTIATE_TEST_SUITE_P(replay, replay_of,
                         testing::Values(strategy::lanes, strategy::single, strategy::unordered,
                                         strategy::shards, strategy::mutex),
                         [](const auto& test) { return std::string{traits_of(test.param).name}; });

TEST(replay, intends_a_closed_message_when_the_one_before_was_accepted) {
  const workload load = make_load(2, 100, 0);
  const run result = replay(load, strategy::single, {.workers = 1, .producers = 1});
  EXPECT_EQ(result.records[0].intended, 0);
  for (std::size_t i = 1; i < result.records.size(); ++i)
    EXPECT_EQ(result.records[i].intended, result.records[i - 1].accepted);
}

TEST(replay, lets_an_unordered_pool_break_the_order_that_it_reports) {
  // The first message of the key sleeps, the second is through before.
  workload load = make_load(1, 200, 0);
  for (std::size_t i = 0; i < load.messages.size(); i += 2)
    load.messages[i].service_ns = 1'000'000;
  const run result = replay(load, strategy::unordered, {.workers = 4});
  EXPECT_GT(result.overlaps, 0U);
}

trace make_trace() {
  trace source;
  source.keys = {"a", "b"};
  source.source = "source";
  source.has_times = true;
  source.events = {{.at_us = 0, .key = 0}, {.at_us = 10, .key = 1}, {.at_us = 30, .key = 0}};
  return source;
}

TEST(workload, numbers_the_messages_of_each_key) {
  const workload load = make_workload(make_trace(), {5, 6, 7}, {});
  ASSERT_EQ(load.messages.size(), 3U);
  EXPECT_TRUE(load.closed);
  EXPECT_EQ(load.messages[1].position, 0U);
  EXPECT_EQ(load.messages[2].position, 1U);
  EXPECT_EQ(load.messages[2].service_ns, 7);
  EXPECT_EQ(load.messages[2].arrival_ns, 0);
}

TEST(workload, adds_up_the_bytes_of_each_key_where_there_are_any) {
  trace source = make_trace();
  EXPECT_TRUE(make_workload(source, {0, 0, 0}, {}).key_bytes.empty());
  for (event& e : source.events)
    e.bytes = 10;
  EXPECT_EQ(make_workload(source, {0, 0, 0}, {}).key_bytes, (std::vector<std::int64_t>{20, 10}));
}

TEST(workload, arrives_at_the_pace_of_the_trace_times_the_speed) {
  const workload load = make_workload(make_trace(), {0, 0, 0}, 2);
  EXPECT_FALSE(load.closed);
  EXPECT_EQ(load.messages[1].arrival_ns, 5'000);
  EXPECT_EQ(load.messages[2].arrival_ns, 15'000);
}

TEST(workload, rejects_a_speed_for_a_trace_without_times) {
  trace source = make_trace();
  source.has_times = false;
  EXPECT_THROW((void)make_workload(source, {0, 0, 0}, 1), input_error);
}

TEST(workload, rejects_a_speed_that_takes_centuries) {
  EXPECT_THROW((void)make_workload(make_trace(), {0, 0, 0}, 1e-300), input_error);
}

} // namespace
} // namespace convoy::tool
