// The figures of a replay, against ones worked out by hand.

#include "measure/fault_figures.hpp"
#include "measure/figures.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

/// One message and what was seen of it.
struct seen {
  std::uint32_t key;
  std::int64_t service;
  record stamps; ///< intended, accepted, begun, done
};

struct sample {
  workload load;
  run result;
};

/// Keys are 0 … `keys` - 1; arrivals are the intended times.
sample make_sample(std::uint32_t keys, const std::vector<seen>& messages, bool keeps_order = true) {
  sample s;
  std::vector<std::uint32_t> position(keys, 0);
  s.load.keys.resize(keys);
  for (const seen& m : messages) {
    s.load.messages.push_back({m.stamps.intended, m.service, m.key, position[m.key]++});
    s.result.records.push_back(m.stamps);
  }
  s.result.keeps_order = keeps_order;
  s.result.workers = 1;
  return s;
}

workload make_load(std::uint32_t keys, const std::vector<message>& messages) {
  workload load;
  load.keys.resize(keys);
  load.messages = messages;
  return load;
}

std::vector<std::int64_t> service_of(const workload& load) {
  std::vector<std::int64_t> service;
  for (const message& m : load.messages)
    service.push_back(m.service_ns);
  return service;
}

struct bound_case {
  const char* name;
  std::uint32_t keys;
  std::vector<message> messages; // arrival, service, key
  unsigned workers;
  bool keeps_order;
  double expected;
};

void PrintTo(const bound_case& c, std::ostream* out) {
  *out << c.name;
}

class makespan_bound_of : public testing::TestWithParam<bound_case> {};

TEST_P(makespan_bound_of, is_the_one_computed_by_hand) {
  const bound_case& c = GetParam();
  const workload load = make_load(c.keys, c.messages);
  EXPECT_DOUBLE_EQ(makespan_bound(load, service_of(load), c.workers, c.keeps_order), c.expected);
}

INSTANTIATE_TEST_SUITE_P(
    measure, makespan_bound_of,
    testing::Values(
        bound_case{"nothing", 1, {}, 2, true, 0},
        bound_case{"closed_work_over_workers", 2, {{0, 30, 0}, {0, 30, 1}}, 2, true, 30},
        bound_case{"closed_busiest_key", 2, {{0, 30, 0}, {0, 30, 0}, {0, 10, 1}}, 2, true, 60},
        // 70 / 2: without order the two of key 0 may run side by side.
        bound_case{"order_not_kept", 2, {{0, 30, 0}, {0, 30, 0}, {0, 10, 1}}, 2, false, 35},
        // No message is shared out among workers.
        bound_case{"one_long_message_without_order", 2, {{0, 90, 0}, {0, 10, 1}}, 4, false, 90},
        // All work fits before the last arrival: it ends 10 after it.
        bound_case{"last_arrival", 2, {{0, 10, 0}, {100, 10, 1}}, 2, true, 110},
        // From 50 on: 50 + 80 / 2; from 0 on: 82 / 2.
        bound_case{"a_later_start_counts_only_later_work",
                   3,
                   {{0, 2, 0}, {50, 40, 1}, {50, 40, 2}},
                   2,
                   true,
                   90},
        // Key 0 from 20 on: 20 + 30 + 30; both keys: 20 + 60 / 8.
        bound_case{
            "a_key_from_a_later_start", 2, {{0, 1, 0}, {20, 30, 0}, {25, 30, 0}}, 8, true, 80},
        // From 100 on: 100 + 30 / 2, and no key needs more than 100 + 10.
        bound_case{"a_burst_of_many_keys",
                   4,
                   {{0, 1, 0}, {100, 10, 1}, {100, 10, 2}, {100, 10, 3}},
                   2,
                   true,
                   115},
        // Times count from the first arrival.
        bound_case{"a_late_first_arrival", 1, {{1000, 10, 0}, {1010, 10, 0}}, 1, true, 20}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(measure, takes_percentiles_by_nearest_rank) {
  std::vector<std::int64_t> thousand;
  for (std::int64_t i = 1; i <= 1000; ++i)
    thousand.push_back((i * 7919 % 1000 + 1) * 1000); // 1 … 1000 us, in disorder
  const latency l = percentiles(thousand);
  EXPECT_DOUBLE_EQ(l.p50, 500);
  EXPECT_DOUBLE_EQ(l.p99, 990);
  EXPECT_DOUBLE_EQ(l.p999, 999);
  EXPECT_DOUBLE_EQ(l.max, 1000);
}

TEST(measure, rounds_the_rank_of_a_percentile_up) {
  std::vector<std::int64_t> three{3000, 1000, 2000};
  const latency l = percentiles(three);
  EXPECT_DOUBLE_EQ(l.p50, 2); // rank 1.5
  EXPECT_DOUBLE_EQ(l.p99, 3);
}

TEST(measure, has_no_percentiles_of_nothing) {
  std::vector<std::int64_t> none;
  EXPECT_TRUE(std::isnan(percentiles(none).max));
}

TEST(measure, splits_the_time_of_a_message_into_four_parts) {
  // Key 0: 10 to be accepted, then 40 until a worker comes, 50 served.
  // Its second message: accepted at once at 20, head at 100 when the first is done, begun at 110,
  // done at 120.
  const sample s = make_sample(1, {{0, 50, {0, 10, 50, 100}}, {0, 10, {20, 20, 110, 120}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_DOUBLE_EQ(f.share.admission, 10 / 200.0);
  EXPECT_DOUBLE_EQ(f.share.own_key, 80 / 200.0);
  EXPECT_DOUBLE_EQ(f.share.scheduler, (40 + 10) / 200.0);
  EXPECT_DOUBLE_EQ(f.share.service, (50 + 10) / 200.0);
}

TEST(measure, does_not_wait_for_another_key) {
  const sample s = make_sample(2, {{0, 90, {0, 0, 0, 90}}, {1, 10, {0, 0, 90, 100}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_DOUBLE_EQ(f.share.own_key, 0);
  EXPECT_DOUBLE_EQ(f.share.scheduler, 90 / 190.0);
}

TEST(measure, does_not_wait_for_its_key_where_order_is_not_kept) {
  const sample s = make_sample(1, {{0, 50, {0, 0, 0, 50}}, {0, 50, {0, 0, 50, 100}}}, false);
  EXPECT_DOUBLE_EQ(measure_run(s.load, s.result, 1).share.own_key, 0);
}

TEST(measure, keeps_every_part_at_zero_or_more_when_a_handler_began_before_submit_returned) {
  const sample s = make_sample(1, {{0, 20, {0, 30, 20, 40}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_DOUBLE_EQ(f.share.admission, 0.5);
  EXPECT_DOUBLE_EQ(f.share.own_key, 0);
  EXPECT_DOUBLE_EQ(f.share.scheduler, 0);
  EXPECT_DOUBLE_EQ(f.share.service, 0.5);
}

TEST(measure, compares_the_makespan_with_the_bound) {
  // Two keys on two workers: 100 measured each, but one began 60 late.
  const sample s = make_sample(2, {{0, 100, {0, 0, 0, 100}}, {1, 100, {0, 0, 60, 160}}});
  const run_figures f = measure_run(s.load, s.result, 2);
  EXPECT_DOUBLE_EQ(f.seconds, 160e-9);
  EXPECT_DOUBLE_EQ(f.bound_seconds, 100e-9);
  EXPECT_DOUBLE_EQ(f.efficiency, 0.625);
  EXPECT_DOUBLE_EQ(f.throughput, 2 / 160e-9);
}

TEST(measure, bounds_by_the_configured_service_and_tells_what_overshoot_cost) {
  // Two messages of 100, of which one took 30 longer; 20 more went by between them.
  const sample s = make_sample(1, {{0, 100, {0, 0, 0, 130}}, {0, 100, {0, 0, 150, 250}}});
  const run_figures f = measure_run(s.load, s.result, 4);
  EXPECT_EQ(f.bound_workers, 4U);
  EXPECT_DOUBLE_EQ(f.bound_seconds, 200e-9);
  EXPECT_DOUBLE_EQ(f.efficiency, 200 / 250.0);
  EXPECT_DOUBLE_EQ(f.measured_bound_seconds, 230e-9);
  EXPECT_DOUBLE_EQ(f.measured_efficiency, 230 / 250.0);
  EXPECT_DOUBLE_EQ(f.overshoot_us, 0.015);
  EXPECT_DOUBLE_EQ(f.overshoot_share, 30 / 250.0);
}

TEST(measure, gives_all_strategies_the_bound_of_order_which_the_unordered_may_beat) {
  const std::vector<seen> messages{{0, 100, {0, 0, 0, 100}}, {0, 100, {0, 0, 10, 110}}};
  const sample ordered = make_sample(1, messages), free = make_sample(1, messages, false);
  EXPECT_DOUBLE_EQ(measure_run(free.load, free.result, 2).bound_seconds, 200e-9);
  EXPECT_DOUBLE_EQ(measure_run(free.load, free.result, 2).efficiency, 200 / 110.0);
  EXPECT_DOUBLE_EQ(measure_run(free.load, free.result, 2).measured_efficiency, 100 / 110.0);
  EXPECT_DOUBLE_EQ(measure_run(ordered.load, ordered.result, 2).efficiency, 1);
}

TEST(measure, tells_the_overshoot_of_one_consumer_by_its_one_thread) {
  const sample s = make_sample(2, {{0, 100, {0, 0, 0, 110}}, {1, 100, {0, 0, 110, 220}}});
  EXPECT_DOUBLE_EQ(measure_run(s.load, s.result, 2).overshoot_share, 20 / 220.0);
}

TEST(measure, has_no_overshoot_where_nothing_was_handled) {
  const sample s = make_sample(1, {{0, 10, {5, 5, 0, -1}}});
  EXPECT_TRUE(std::isnan(measure_run(s.load, s.result, 1).overshoot_us));
}

TEST(measure, counts_the_makespan_from_the_first_intended_time) {
  const sample s = make_sample(1, {{0, 10, {500, 500, 500, 510}}, {0, 10, {600, 600, 600, 610}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_DOUBLE_EQ(f.seconds, 110e-9);
  EXPECT_DOUBLE_EQ(f.efficiency, 1);
}

TEST(measure, takes_latency_from_the_intended_time_and_tells_hot_from_cold) {
  // Key 1 is hot: two messages.
  const sample s = make_sample(
      2, {{1, 1, {0, 500, 500, 1000}}, {0, 1, {0, 0, 0, 7000}}, {1, 1, {1000, 1500, 2000, 4000}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_DOUBLE_EQ(f.all.max, 7);
  EXPECT_DOUBLE_EQ(f.hot.p50, 1);
  EXPECT_DOUBLE_EQ(f.hot.max, 3);
  EXPECT_DOUBLE_EQ(f.cold.p50, 7);
}

TEST(measure, counts_a_lost_message_and_leaves_it_out_of_the_rest) {
  const sample s =
      make_sample(1, {{0, 10, {0, 0, 0, 10}}, {0, 10, {0, 0, 0, -1}}, {0, 10, {0, 0, 10, 20}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_EQ(f.messages, 3U);
  EXPECT_EQ(f.lost, 1U);
  EXPECT_TRUE(f.is_broken());
  EXPECT_DOUBLE_EQ(f.measured_bound_seconds, 20e-9);
  EXPECT_DOUBLE_EQ(f.throughput, 2 / 20e-9);
  EXPECT_DOUBLE_EQ(f.all.max, 0.02);
}

TEST(measure, survives_a_run_in_which_nothing_was_handled) {
  const sample s = make_sample(1, {{0, 10, {5, 5, 0, -1}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_EQ(f.lost, 1U);
  EXPECT_DOUBLE_EQ(f.seconds, 0);
  EXPECT_DOUBLE_EQ(f.throughput, 0);
  EXPECT_DOUBLE_EQ(f.share.service, 0);
}

TEST(measure, passes_on_what_the_run_found) {
  sample s = make_sample(1, {{0, 1, {0, 0, 0, 1}}});
  EXPECT_FALSE(measure_run(s.load, s.result, 1).is_broken());
  s.result.order_violations = 3;
  s.result.overlaps = 4;
  s.result.repeated = 5;
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_EQ(f.order_violations, 3U);
  EXPECT_EQ(f.overlaps, 4U);
  EXPECT_EQ(f.repeated, 5U);
  EXPECT_TRUE(f.is_broken());
}

TEST(measure, ranks_keys_by_messages_then_work_then_index) {
  // Messages: k0 1, k1 2, k2 2, k3 2; work: k1 20, k2 30, k3 30. Key 4 has none.
  const workload load = make_load(
      5, {{0, 500, 0}, {0, 10, 1}, {0, 10, 1}, {0, 15, 2}, {0, 15, 2}, {0, 15, 3}, {0, 15, 3}});
  const trace_figures t = measure_trace(load, 4);
  EXPECT_EQ(hottest_key(load), 2U);
  EXPECT_EQ(t.messages, 7U);
  EXPECT_EQ(t.keys, 4U);
  ASSERT_EQ(t.hottest.size(), 4U);
  EXPECT_EQ(t.hottest[0].key, 2U);
  EXPECT_EQ(t.hottest[1].key, 3U);
  EXPECT_EQ(t.hottest[2].key, 1U);
  EXPECT_EQ(t.hottest[3].key, 0U);
  EXPECT_DOUBLE_EQ(t.hottest[0].share, 2 / 7.0);
  EXPECT_DOUBLE_EQ(t.hottest[0].work_share, 30 / 580.0);
}

TEST(measure, lists_ten_hot_keys) {
  std::vector<message> messages;
  for (std::uint32_t key = 0; key < 12; ++key)
    messages.push_back({0, 1, key});
  EXPECT_EQ(measure_trace(make_load(12, messages), 1).hottest.size(), 10U);
}

TEST(measure, bounds_the_speedup_by_the_busiest_key) {
  const workload load = make_load(2, {{0, 60, 0}, {0, 30, 1}, {0, 30, 1}, {0, 30, 1}});
  EXPECT_DOUBLE_EQ(measure_trace(load, 16).speedup_bound, 150 / 90.0);
}

TEST(measure, bounds_the_speedup_by_the_workers) {
  const workload load = make_load(3, {{0, 1, 0}, {0, 1, 1}, {0, 1, 2}});
  EXPECT_DOUBLE_EQ(measure_trace(load, 2).speedup_bound, 2);
}

TEST(measure, bounds_the_speedup_by_messages_where_there_is_no_service) {
  const workload load = make_load(2, {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 1}});
  const trace_figures t = measure_trace(load, 16);
  EXPECT_DOUBLE_EQ(t.speedup_bound, 4 / 3.0);
  EXPECT_DOUBLE_EQ(t.hottest[0].work_share, 0.75);
}

TEST(measure, counts_a_dead_message_as_dead_and_not_as_lost) {
  sample s = make_sample(1, {{0, 10, {0, 0, 0, 10, -1}}, {0, 10, {0, 0, 10, -1, 40}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_EQ(f.dead, 1U);
  EXPECT_EQ(f.lost, 0U);
  EXPECT_FALSE(f.is_broken());
  EXPECT_DOUBLE_EQ(f.seconds, 40e-9);
  EXPECT_DOUBLE_EQ(f.throughput, 1 / 40e-9);
  EXPECT_DOUBLE_EQ(f.all.max, 0.01);
}

TEST(measure, knows_no_bound_where_messages_died) {
  const sample s = make_sample(1, {{0, 10, {0, 0, 0, 10, -1}}, {0, 10, {0, 0, 10, -1, 40}}});
  EXPECT_DOUBLE_EQ(measure_run(s.load, s.result, 1).bound_seconds, 0);
}

TEST(measure, waits_for_its_key_until_the_message_before_is_dead) {
  const sample s = make_sample(1, {{0, 10, {0, 0, 0, -1, 90}}, {0, 10, {0, 0, 90, 100, -1}}});
  const run_figures f = measure_run(s.load, s.result, 1);
  EXPECT_DOUBLE_EQ(f.share.own_key, 0.9);
  EXPECT_DOUBLE_EQ(f.share.scheduler, 0);
}

/// Key 0 fails its first message and takes the second with it, key 1 is parked with one behind it,
/// key 2 is healthy.
struct fault_sample {
  sample clean = make_sample(3, {{0, 1, {0, 0, 0, 10}},
                                 {0, 1, {0, 0, 10, 20}},
                                 {1, 1, {0, 0, 0, 10}},
                                 {1, 1, {0, 0, 10, 20}},
                                 {2, 1, {0, 0, 0, 1'000}},
                                 {2, 1, {1'000, 1'000, 1'000, 3'000}}});
  sample faulty = make_sample(3, {{0, 1, {0, 0, 0, -1, 30}},
                                  {0, 1, {0, 0, -1, -1, 31}},
                                  {1, 1, {0, 0, 0, -1, 40}},
                                  {1, 1, {0, 0, -1, -1, 41}},
                                  {2, 1, {0, 0, 0, 2'000}},
                                  {2, 1, {1'000, 1'000, 2'000, 6'000}}});
  std::vector<bool> poison{true, false, true, true, false, false};
  std::vector<bool> healthy{false, false, true};

  fault_sample() {
    faulty.result.faults = {{3, 0, 3, 0, 1, 1},
                            {death::failed, death::failed_rest, death::shutdown, death::shutdown,
                             death::failed, death::failed},
                            0};
  }

  [[nodiscard]] fault_figures figures() const {
    return measure_faults(clean.load, poison, healthy, clean.result, faulty.result);
  }
};

TEST(measure_faults, counts_attempts_deaths_and_parked_keys) {
  const fault_figures f = fault_sample{}.figures();
  EXPECT_EQ(f.messages, 6U);
  EXPECT_EQ(f.completed, 2U);
  EXPECT_EQ(f.poison, 3U);
  EXPECT_EQ(f.failed, 2U); // one died untried
  EXPECT_EQ(f.calls, 8U);
  EXPECT_EQ(f.failed_calls, 6U);
  EXPECT_EQ(f.dead_failed, 1U);
  EXPECT_EQ(f.dead_failed_rest, 1U);
  EXPECT_EQ(f.dead_shutdown, 2U);
  EXPECT_EQ(f.parked_keys, 1U);
  EXPECT_TRUE(f.is_exact());
}

TEST(measure_faults, compares_the_healthy_keys_alone) {
  const fault_figures f = fault_sample{}.figures();
  EXPECT_EQ(f.healthy_keys, 1U);
  EXPECT_EQ(f.healthy_messages, 2U);
  EXPECT_DOUBLE_EQ(f.clean.p99_us, 2);
  EXPECT_DOUBLE_EQ(f.faulty.p99_us, 5);
  EXPECT_DOUBLE_EQ(f.p99_ratio(), 2.5);
  EXPECT_DOUBLE_EQ(f.clean.throughput, 2 / 3'000e-9);
  EXPECT_DOUBLE_EQ(f.throughput_ratio(), 0.5);
}

TEST(measure_faults, has_no_figure_where_no_key_is_healthy) {
  fault_sample s;
  s.healthy.assign(3, false);
  EXPECT_TRUE(std::isnan(s.figures().p99_ratio()));
  EXPECT_EQ(s.figures().healthy_messages, 0U);
}

TEST(measure_faults, is_not_exact_where_a_message_is_neither_or_both_or_a_letter_lies) {
  fault_sample neither, both, lies;
  neither.faulty.result.records[0].died = -1;
  EXPECT_EQ(neither.figures().lost, 1U);
  EXPECT_FALSE(neither.figures().is_exact());
  both.faulty.result.records[4].died = 50;
  EXPECT_FALSE(both.figures().is_exact());
  lies.faulty.result.faults.miscounted = 1;
  EXPECT_FALSE(lies.figures().is_exact());
}

} // namespace
} // namespace convoy::tool
