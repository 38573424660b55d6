// `convoy replay --conflate` and `convoy simulate --conflate`: each message is handled, or a later one of its key stands
// for it.

#include "measure/figures.hpp"
#include "replay/probe.hpp"
#include "replay/replay.hpp"
#include "simulate/simulate.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

namespace convoy::tool {
namespace {

workload conflated_load(std::uint32_t keys, std::uint32_t messages, std::int64_t service_ns) {
  workload load;
  load.keys.resize(keys);
  for (std::uint32_t i = 0; i < messages; ++i)
    load.messages.push_back({0, service_ns, i % keys, i / keys});
  return load;
}

run conflated_by(const probe& handler, const workload& load) {
  run result;
  result.records.resize(load.messages.size());
  handler.report_to(result);
  return result;
}

TEST(conflated_probe, does_not_call_what_was_merged_lost) {
  const workload load = conflated_load(1, 4, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  handler(0);
  handler.merge(1, 2);
  handler.merge(2, 3);
  handler(3);
  const run result = conflated_by(handler, load);
  EXPECT_EQ(result.order_violations + result.overlaps + result.repeated, 0U);
  EXPECT_DOUBLE_EQ(handler.progress(), 1);
  const run_figures figures = measure_run(load, result, 1);
  EXPECT_EQ(figures.conflated, 2U);
  EXPECT_EQ(figures.lost, 0U);
  EXPECT_EQ(figures.bound_seconds, 0); // less was to be done than the load says
}

TEST(conflated_probe, notices_what_was_merged_and_handled) {
  const workload load = conflated_load(1, 3, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  handler.merge(0, 1);
  handler(0);
  handler(1);
  handler.merge(1, 2);
  handler(2);
  EXPECT_EQ(conflated_by(handler, load).repeated, 2U);
}

TEST(conflated_probe, notices_what_was_merged_out_of_order_or_into_another_key) {
  const workload load = conflated_load(2, 6, 0);
  probe handler{load, service_kind::spin, true};
  handler.clock().start();
  handler.merge(2, 0);
  handler.merge(1, 4);
  EXPECT_EQ(conflated_by(handler, load).order_violations, 2U);
}

TEST(replay, that_conflates_handles_the_last_message_of_each_key) {
  const workload load = conflated_load(3, 3'000, 100'000);
  for (const bool traces : {false, true}) {
    const run seen =
        replay(load, strategy::lanes,
               {.workers = 2, .service = service_kind::sleep, .traces = traces, .conflates = true});
    const run_figures figures = measure_run(load, seen, 2);
    EXPECT_FALSE(figures.is_broken());
    EXPECT_GT(figures.conflated, 1'000U);
    for (std::size_t i = 2'997; i < 3'000; ++i)
      EXPECT_GE(seen.records[i].done, 0);
  }
}

TEST(replay, that_conflates_leaves_other_strategies_as_they_are) {
  const workload load = conflated_load(1, 100, 0);
  const run seen = replay(load, strategy::mutex, {.conflates = true});
  EXPECT_EQ(measure_run(load, seen, 1).conflated, 0U);
}

TEST(simulate, that_conflates_tells_what_was_merged) {
  workload load = conflated_load(1, 10, 4'000);
  load.closed = false;
  for (std::uint32_t i = 0; i < 10; ++i)
    load.messages[i].arrival_ns = i * 1'000;
  const run seen = simulate("lanes", load, {.capacity = 5, .conflates = true});
  const run_figures figures = measure_run(load, seen, 1);
  EXPECT_EQ(figures.conflated, 6U);
  EXPECT_EQ(figures.lost, 0U);
  EXPECT_FALSE(figures.is_broken());
  EXPECT_EQ(seen.records[9].done, 16'000);
}

} // namespace
} // namespace convoy::tool
