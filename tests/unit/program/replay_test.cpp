// A replay of each strategy, and what the probe that runs inside it notices.

#include "load/faults.hpp"
#include "load/replay_input.hpp"
#include "measure/fault_figures.hpp"
#include "measure/figures.hpp"
#include "replay/fault_probe.hpp"
#include "replay/probe.hpp"
#include "replay/replay.hpp"

#include <algorithm>
#include <chrono>
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
  source.events = {
      {.at_ns = 0, .key = 0}, {.at_ns = 10'000, .key = 1}, {.at_ns = 30'000, .key = 0}};
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

TEST(workload, arrives_to_the_nanosecond_at_the_pace_of_the_trace_itself) {
  trace source = make_trace();
  source.events.back().at_ns = 9'007'199'254'740'993; // no double
  const std::vector<std::int64_t> service(source.events.size());
  EXPECT_EQ(make_workload(source, service, 1.0).messages.back().arrival_ns, 9'007'199'254'740'993);
  EXPECT_THROW((void)make_workload(source, service, 1e300), input_error);
}

TEST(workload, rejects_a_speed_for_a_trace_without_times) {
  trace source = make_trace();
  source.has_times = false;
  EXPECT_THROW((void)make_workload(source, {0, 0, 0}, 1), input_error);
}

TEST(workload, rejects_a_speed_that_takes_centuries) {
  EXPECT_THROW((void)make_workload(make_trace(), {0, 0, 0}, 1e-300), input_error);
}

TEST(probe, lets_a_failed_message_come_again_until_a_later_one_of_its_key_has_begun) {
  const workload load = make_load(1, 3, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  for (const std::uint32_t i : {0U, 0U})
    handler.fail(i);
  handler(1);
  run result = seen_by(handler, load);
  EXPECT_EQ(result.order_violations + result.repeated, 0U);
  EXPECT_EQ(result.records[0].done, -1);
  EXPECT_GE(result.records[0].begun, 0);
  handler.fail(0);
  EXPECT_EQ(seen_by(handler, load).order_violations, 1U);
}

TEST(probe, gives_a_dead_letter_its_turn_too) {
  const workload load = make_load(1, 3, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  handler.fail(0);
  handler.bury(0);
  handler.bury(1);
  handler(2);
  EXPECT_EQ(seen_by(handler, load).order_violations, 0U);
  handler.bury(1);
  EXPECT_EQ(seen_by(handler, load).order_violations, 1U);
}

TEST(fault_probe, keeps_the_account_of_calls_and_deaths) {
  const workload load = make_load(1, 4, 0);
  const std::vector<bool> poison{false, true, false, false};
  fault_probe handler{load, poison, service_kind::spin};
  handler.clock().start();
  EXPECT_EQ(handler(0).what(), outcome::kind::done);
  EXPECT_EQ(handler(1).what(), outcome::kind::retry);
  EXPECT_EQ(handler(1).what(), outcome::kind::retry);
  handler.bury(1, death::failed, 2);
  handler.bury(2, death::failed_rest, 0);
  EXPECT_DOUBLE_EQ(handler.progress(), 0.75);
  run result;
  result.records.resize(4);
  handler.report_to(result);
  EXPECT_EQ(result.faults.calls, (std::vector<std::uint32_t>{1, 2, 0, 0}));
  EXPECT_EQ(result.faults.why[2], death::failed_rest);
  EXPECT_GE(result.records[1].died, 0);
  EXPECT_EQ(result.records[0].died, -1);
  EXPECT_EQ(result.records[1].done, -1);
  EXPECT_EQ(result.overlaps + result.repeated + result.faults.miscounted, 0U);
}

TEST(fault_probe, notices_letters_that_lie_and_messages_that_died_twice_or_after_they_were_done) {
  const workload load = make_load(3, 3, 0);
  const std::vector<bool> poison{false, true, false};
  fault_probe handler{load, poison, service_kind::spin};
  handler.clock().start();
  (void)handler(0);
  handler.bury(0, death::failed, 1); // it was done
  (void)handler(1);
  handler.bury(1, death::failed, 7); // it was tried once
  handler.bury(2, death::shutdown, 0);
  handler.bury(2, death::shutdown, 0);
  run result;
  result.records.resize(3);
  handler.report_to(result);
  EXPECT_EQ(result.repeated, 2U);
  EXPECT_EQ(result.faults.miscounted, 1U);
}

/// Of which every tenth message is poison, so that of 7 keys each has some, and a key without any.
struct failing_run {
  explicit failing_run(const failure_policy& policy) {
    load.keys.resize(8);
    std::vector<std::uint32_t> next(8, 0);
    for (std::uint32_t i = 0; i < 2'000; ++i) {
      const std::uint32_t key = i % 2 == 0 ? i / 2 % 7 : 7;
      load.messages.push_back({0, 0, key, next[key]++});
      poison.push_back(i % 10 == 0);
    }
    const auto none = std::vector<bool>(poison.size());
    const replay_options options{.workers = 3, .producers = 2};
    clean = replay_failing("clean", load, none, policy, options);
    faulty = replay_failing("faulty", load, poison, policy, options);
    figures = measure_faults(load, poison, healthy_keys(load, poison, {}), clean, faulty);
  }

  workload load;
  std::vector<bool> poison;
  run clean, faulty;
  fault_figures figures;
};

failure_policy make_policy(exhausted then) {
  return {.attempts = 3, .backoff = std::chrono::microseconds{50}, .then = then};
}

void expect_exact(const failing_run& r) {
  EXPECT_TRUE(r.figures.is_exact());
  EXPECT_EQ(r.figures.completed + r.figures.dead(), 2'000U);
  EXPECT_EQ(r.clean.strategy + r.faulty.strategy, "cleanfaulty");
  for (const run* each : {&r.clean, &r.faulty})
    EXPECT_FALSE(measure_run(r.load, *each, 3).is_broken());
  EXPECT_EQ(measure_run(r.load, r.clean, 3).dead, 0U);
  EXPECT_EQ(r.figures.healthy_keys, 1U);
  EXPECT_EQ(r.figures.healthy_messages, 1'000U);
  EXPECT_GT(r.figures.clean.p99_us, 0);
  EXPECT_GT(r.figures.faulty.p99_us, 0);
}

TEST(replay_failing, tries_each_poison_message_as_often_as_the_policy_says_and_skips_it) {
  const failing_run r{make_policy(exhausted::skip)};
  expect_exact(r);
  EXPECT_EQ(r.figures.poison, 200U);
  EXPECT_EQ(r.figures.failed, 200U);
  EXPECT_EQ(r.figures.failed_calls, 3 * 200U);
  EXPECT_EQ(r.figures.calls, 1'800 + 3 * 200U);
  EXPECT_EQ(r.figures.dead_failed, 200U);
  EXPECT_EQ(r.figures.dead(), 200U);
  EXPECT_EQ(r.figures.parked_keys, 0U);
}

TEST(replay_failing, ends_although_keys_are_parked_and_buries_what_waits_there) {
  const failing_run r{make_policy(exhausted::park)};
  expect_exact(r);
  EXPECT_EQ(r.figures.parked_keys, 7U);
  EXPECT_EQ(r.figures.failed, 7U); // the first of each key, and none gets past it
  EXPECT_EQ(r.figures.failed_calls, 3 * 7U);
  EXPECT_EQ(r.figures.dead(), r.figures.dead_shutdown);
}

TEST(replay_failing, buries_what_waits_behind_a_message_that_fails_the_rest) {
  const failing_run r{make_policy(exhausted::fail_rest)};
  expect_exact(r);
  EXPECT_GE(r.figures.dead_failed, 7U);
  EXPECT_EQ(r.figures.dead_failed, r.figures.failed);
  EXPECT_EQ(r.figures.dead_shutdown, 0U);
  EXPECT_EQ(r.figures.parked_keys, 0U);
}

TEST(replay_failing, completes_everything_where_a_key_is_only_stuck) {
  workload load = make_load(4, 40, 0);
  load.keys = {"a", "b", "c", "d"};
  const workload stuck = with_stuck_keys(load, {{"b", 3'000'000}});
  const std::vector<bool> none(40);
  const run seen = replay_failing("stuck", stuck, none, {}, {.workers = 2});
  EXPECT_FALSE(measure_run(stuck, seen, 2).is_broken());
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(seen.faults.calls[i], 1U);
    if (i % 4 == 1) {
      EXPECT_GE(seen.records[i].done - seen.records[i].begun, 3'000'000);
    }
  }
}

} // namespace
} // namespace convoy::tool
