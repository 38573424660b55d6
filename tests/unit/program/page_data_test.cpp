// With what the page of a replay predicts, and when it does not.

#include "program/ms.hpp"
#include "report/page_data.hpp"

#include <algorithm>
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>

namespace convoy::tool {
namespace {

workload make_load(std::uint32_t messages) {
  constexpr std::uint32_t keys = 20;
  workload load;
  for (std::uint32_t key = 0; key < keys; ++key)
    load.keys.push_back("k" + std::to_string(key));
  for (std::uint32_t i = 0; i < messages; ++i)
    load.messages.push_back({0, ms, i % keys, i / keys});
  return load;
}

report make_report(const workload& load, const std::string& service_kind) {
  report r;
  r.config.service_kind = service_kind;
  r.config.workers = 8;
  r.config.cores = 2;
  r.config.capacity = 1'000'000;
  r.config.seed = 7;
  r.trace = measure_trace(load, 8);
  return r;
}

page_data complete_page(const workload& load, const report& r) {
  page_data page;
  complete(page, load, r);
  return page;
}

double simulated_seconds(const workload& load, unsigned workers, const sleep_costs& costs) {
  const run seen = simulate("lanes", load,
                            {.workers = workers, .capacity = 1'000'000, .costs = costs, .seed = 7});
  return static_cast<double>(std::ranges::max(seen.records, {}, &record::done).done) / 1e9;
}

TEST(page_data, predicts_as_simulate_does_with_what_sleeping_costs_here) {
  const workload load = make_load(400);
  const page_data page = complete_page(load, make_report(load, "sleep"));
  ASSERT_TRUE(page.predicted);
  EXPECT_GT(page.costs.core_ns, 0);
  EXPECT_FALSE(page.costs.overshoot_ns.empty());
  EXPECT_DOUBLE_EQ(page.predicted->now.seconds, simulated_seconds(load, 8, page.costs));
}

TEST(page_data, gives_each_worker_that_spins_a_core) {
  const workload load = make_load(400);
  const page_data page = complete_page(load, make_report(load, "spin"));
  ASSERT_TRUE(page.predicted);
  EXPECT_EQ(page.costs.core_ns, 0);
  EXPECT_TRUE(page.costs.overshoot_ns.empty());
  EXPECT_DOUBLE_EQ(page.predicted->now.seconds, simulated_seconds(load, 2, {}));
  EXPECT_EQ(page.predicted->enough, 2U);
}

TEST(page_data, predicts_nothing_of_messages_that_fail_but_of_stuck_keys) {
  const workload load = make_load(400);
  report r = make_report(load, "spin");
  r.config.faults.emplace();
  EXPECT_TRUE(complete_page(load, r).predicted);
  r.config.faults->fail_share = 0.01;
  EXPECT_FALSE(complete_page(load, r).predicted);
}

TEST(page_data, predicts_nothing_of_a_few_messages) {
  const workload load = make_load(99);
  EXPECT_FALSE(complete_page(load, make_report(load, "spin")).predicted);
}

} // namespace
} // namespace convoy::tool
