// Messages that may be shared, from the column to the bound, the simulation and the run.

#include "load/replay_input.hpp"
#include "measure/demand.hpp"
#include "measure/figures.hpp"
#include "program/input_file.hpp"
#include "replay/replay.hpp"
#include "replay/shared_order.hpp"
#include "simulate/simulate.hpp"

#include <algorithm>
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Of one key: 's' may be shared, 'x' not; each takes as long.
workload load_of(const std::string& accesses, std::int64_t service_ns) {
  workload load;
  load.keys = {"a"};
  load.has_shared = true;
  for (std::uint32_t i = 0; i < accesses.size(); ++i)
    load.messages.push_back({.arrival_ns = 0,
                             .service_ns = service_ns,
                             .key = 0,
                             .position = i,
                             .is_shared = accesses[i] == 's'});
  return load;
}

std::vector<std::int64_t> ends_of(const run& seen) {
  std::vector<std::int64_t> all;
  for (const record& r : seen.records)
    all.push_back(r.done);
  return all;
}

TEST(shared_load, is_read_from_a_column) {
  for (const trace& t :
       {read_text("key,access\na,shared\na,exclusive\na,\n"),
        read_text("key,how\na,shared\na,exclusive\na,\n", {.access_column = "how"}),
        read_text(
            "{\"key\":\"a\",\"access\":\"shared\"}\n{\"key\":\"a\",\"access\":\"exclusive\"}\n"
            "{\"key\":\"a\"}\n",
            {.format = input_format::jsonl})}) {
    ASSERT_EQ(t.events.size(), 3u);
    EXPECT_TRUE(t.events[0].is_shared);
    EXPECT_FALSE(t.events[1].is_shared);
    EXPECT_FALSE(t.events[2].is_shared);
    const auto load = make_workload(t, {1, 2, 3}, {});
    EXPECT_TRUE(load.has_shared);
    EXPECT_TRUE(load.messages[0].is_shared);
  }
  EXPECT_FALSE(read_text("key,access\na,shared\n", {.access_column = ""}).events[0].is_shared);
  EXPECT_THAT(read_error("key,access\na,read\n"),
              HasSubstr("access \"read\" is neither shared nor exclusive"));
  EXPECT_THAT(read_error("{\"key\":\"a\",\"access\":1}\n", {.format = input_format::jsonl}),
              HasSubstr("is neither shared nor exclusive"));
}

TEST(shared_load, is_bound_by_its_longest_path) {
  EXPECT_EQ(makespan_bound(load_of("xxxx", 10), 4, true), 40);
  EXPECT_EQ(makespan_bound(load_of("ssss", 10), 4, true), 10);
  EXPECT_EQ(makespan_bound(load_of("ssss", 10), 2, true), 20);
  EXPECT_EQ(makespan_bound(load_of("ssxsss", 10), 16, true), 30);
  EXPECT_EQ(makespan_bound(load_of("ssxsss", 10), 2, true), 10 + 10 + 15);
  EXPECT_EQ(makespan_bound(load_of("xsxs", 10), 16, true), 40);
  EXPECT_EQ(measure_trace(load_of("ssxsss", 10), 16).speedup_bound, 2);
  EXPECT_EQ(measure_trace(load_of("ssss", 0), 3).speedup_bound, 3);
  workload late = load_of("ssx", 10);
  late.messages[1].arrival_ns = late.messages[2].arrival_ns = 95;
  EXPECT_EQ(makespan_bound(late, 16, true), 95 + 20);
}

TEST(shared_load, is_simulated_beside_its_neighbours) {
  EXPECT_THAT(ends_of(simulate("x", load_of("ssxss", 10), {.workers = 8})),
              ElementsAre(10, 10, 20, 30, 30));
  EXPECT_THAT(ends_of(simulate("x", load_of("sssx", 10), {.workers = 2})),
              ElementsAre(10, 10, 20, 30));
  workload late = load_of("sssx", 10);
  late.messages[1].arrival_ns = 3;
  late.messages[2].arrival_ns = late.messages[3].arrival_ns = 12;
  EXPECT_THAT(ends_of(simulate("x", late, {.workers = 8})), ElementsAre(10, 13, 22, 32));
}

TEST(shared_load, is_simulated_in_order_and_no_faster_than_its_bound) {
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    workload load;
    load.keys = {"a", "b", "c"};
    load.has_shared = true;
    std::int64_t at = 0;
    std::vector<std::uint32_t> next(3, 0);
    for (int n = 0; n < 40; ++n) {
      const auto key = static_cast<std::uint32_t>(random() % 3);
      load.messages.push_back({.arrival_ns = at += random() % 5,
                               .service_ns = static_cast<std::int64_t>(random() % 20),
                               .key = key,
                               .position = next[key]++,
                               .is_shared = random() % 3 != 0});
    }
    const auto workers = 1 + static_cast<unsigned>(random() % 6);
    const run seen = simulate("x", load, {.workers = workers});
    EXPECT_EQ(shared_order_violations(load, seen.records), 0u);
    std::int64_t end = 0;
    for (const record& r : seen.records)
      end = std::max(end, r.done);
    EXPECT_GE(static_cast<double>(end - load.messages.front().arrival_ns),
              makespan_bound(load, workers, true));
    if (workers == 1) {
      EXPECT_GE(end, 0);
    }
  }
}

TEST(shared_load, is_out_of_order_if_an_exclusive_message_did_not_wait) {
  const workload load = load_of("ssxs", 10);
  std::vector<record> records(4);
  const auto run_at = [&](std::size_t i, std::int64_t begun, std::int64_t done) {
    records[i].begun = begun;
    records[i].done = done;
  };
  run_at(0, 0, 10);
  run_at(1, 0, 15);
  run_at(2, 15, 20);
  run_at(3, 20, 30);
  EXPECT_EQ(shared_order_violations(load, records), 0u);
  run_at(2, 12, 20);
  EXPECT_EQ(shared_order_violations(load, records), 1u);
  run_at(3, 18, 30);
  EXPECT_EQ(shared_order_violations(load, records), 2u);
}

TEST(shared_load, is_run_in_order_by_lanes) {
  std::string accesses;
  for (int i = 0; i < 200; ++i)
    accesses += i % 10 == 9 ? 'x' : 's';
  const workload load = load_of(accesses, 200'000);
  replay_options options;
  options.workers = 4;
  options.service = service_kind::sleep;
  const run seen = replay(load, strategy::lanes, options);
  const auto figures = measure_run(load, seen, 4);
  EXPECT_FALSE(figures.is_broken());
  EXPECT_TRUE(seen.shares);
  std::int64_t together = 0; // with the message before
  for (std::size_t i = 1; i < seen.records.size(); ++i)
    together += seen.records[i].begun < seen.records[i - 1].done;
  EXPECT_GT(together, 0);
  const run alone = replay(load, strategy::mutex, options);
  EXPECT_FALSE(measure_run(load, alone, 4).is_broken());
}

TEST(shared_load, is_no_demand_of_its_key) {
  workload load = load_of(std::string(20, 's') + "x", 10);
  load.closed = false;
  for (std::size_t i = 0; i < load.messages.size(); ++i)
    load.messages[i].arrival_ns = static_cast<std::int64_t>(i);
  EXPECT_EQ(measure_demand(load).keys_beyond, 0u);
  EXPECT_GT(measure_demand(load).rate, 5);
}

} // namespace
} // namespace convoy::tool
