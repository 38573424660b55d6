// The study's own arithmetic, on loads small enough to follow by hand.

#include "figures.hpp"
#include "ideal.hpp"
#include "load.hpp"
#include "plan.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace convoy::effects {
namespace {

constexpr std::int64_t ms = 1'000'000;

load load_of(std::vector<tool::message> messages, std::size_t keys) {
  load l;
  l.messages.messages = std::move(messages);
  l.messages.keys.resize(keys, "key");
  l.messages.closed = false;
  return l;
}

cell_run run_of(std::string strategy, fault beside, double cold_p99) {
  cell_run r;
  r.at = {.shows = part::fault, .beside = beside};
  r.figures.strategy = std::move(strategy);
  r.cold.p99 = cold_p99;
  r.figures.all.p99 = cold_p99;
  return r;
}

TEST(ideal, runs_other_keys_beside_a_long_message_and_its_own_key_after_it) {
  const load l = load_of({{.arrival_ns = 0, .service_ns = 10 * ms, .key = 0, .position = 0},
                          {.arrival_ns = 1 * ms, .service_ns = 1 * ms, .key = 0, .position = 1},
                          {.arrival_ns = 2 * ms, .service_ns = 3 * ms, .key = 1, .position = 0},
                          {.arrival_ns = 3 * ms, .service_ns = 1 * ms, .key = 2, .position = 0}},
                         3);
  const auto records = simulate_ideal(l.messages, 2).records;
  EXPECT_EQ(records[0].begun, 0);
  EXPECT_EQ(records[1].begun, 10 * ms); // behind its key
  EXPECT_EQ(records[2].begun, 2 * ms);
  EXPECT_EQ(records[3].begun, 5 * ms); // for a worker
  EXPECT_EQ(records[3].done, 6 * ms);
}

TEST(ideal, takes_the_key_next_whose_first_message_came_first) {
  const load l = load_of({{.arrival_ns = 0, .service_ns = 3 * ms, .key = 0, .position = 0},
                          {.arrival_ns = 1, .service_ns = 2 * ms, .key = 0, .position = 1},
                          {.arrival_ns = 2, .service_ns = 1 * ms, .key = 1, .position = 0},
                          {.arrival_ns = 3, .service_ns = 1 * ms, .key = 0, .position = 2}},
                         2);
  const auto records = simulate_ideal(l.messages, 1).records;
  EXPECT_EQ(records[1].begun, 3 * ms); // its key was ready later than the other one
  EXPECT_EQ(records[2].begun, 5 * ms);
  EXPECT_EQ(records[3].begun, 6 * ms);
}

TEST(ideal, takes_the_service_times_that_a_run_has_measured) {
  const load l = load_of({{.service_ns = ms}, {.service_ns = ms}}, 1);
  tool::run seen;
  seen.records = {{.begun = 1 * ms, .done = 4 * ms}, {}}; // the second was lost
  const auto measured = as_measured(l.messages, seen);
  EXPECT_EQ(measured.messages[0].service_ns, 3 * ms);
  EXPECT_EQ(measured.messages[1].service_ns, ms);
}

TEST(figures, compare_p99_with_what_workers_reach_that_cost_nothing) {
  std::vector<cell_run> runs{run_of("lanes", fault::none, 12), run_of("ideal", fault::none, 10)};
  runs[0].figures.hot.p99 = 30;
  runs[1].figures.hot.p99 = 20;
  compare(runs);
  EXPECT_DOUBLE_EQ(runs[0].all_over_ideal.value(), 1.2);
  EXPECT_DOUBLE_EQ(runs[0].hot_over_ideal.value(), 1.5);
  EXPECT_DOUBLE_EQ(runs[0].cold_over_ideal.value(), 1.2);
}

TEST(figures, tell_slowdown_and_fairness_of_keys) {
  const load l = load_of({{.service_ns = ms, .key = 0}, {.service_ns = ms, .key = 1}}, 2);
  tool::run seen;
  seen.records = {{.intended = 0, .accepted = 0, .begun = 0, .done = ms},
                  {.intended = 0, .accepted = 0, .begun = 2 * ms, .done = 3 * ms}};
  const cell_run r = measure({}, l, seen);
  EXPECT_DOUBLE_EQ(r.slowdown_mean, 2);
  EXPECT_DOUBLE_EQ(r.slowdown_p99, 3);
  EXPECT_DOUBLE_EQ(r.fairness, 16.0 / 20); // (1 + 3)^2 / (2 * (1 + 9))
  EXPECT_DOUBLE_EQ(r.late.max, 0);
}

TEST(figures, count_all_but_the_key_at_fault_as_cold) {
  load l = load_of({{.key = 0}, {.key = 1}, {.key = 1}}, 2);
  l.hot_key = 1;
  tool::run seen;
  seen.records = {{.done = 1000}, {.done = 9000}, {.done = 9000}};
  const cell_run r = measure({}, l, seen);
  EXPECT_EQ(r.cold_messages, 1U);
  EXPECT_DOUBLE_EQ(r.cold.max, 1);
}

TEST(figures, compare_with_the_run_without_fault_and_with_the_unordered_pool) {
  std::vector<cell_run> runs{
      run_of("lanes", fault::none, 10),       run_of("unordered", fault::none, 8),
      run_of("lanes", fault::stuck_once, 12), run_of("unordered", fault::stuck_once, 6),
      run_of("mutex", fault::stuck_once, 60),
  };
  compare(runs);
  EXPECT_FALSE(runs[0].isolation);
  EXPECT_DOUBLE_EQ(runs[2].isolation.value(), 1.2);
  EXPECT_DOUBLE_EQ(runs[2].price_of_p99.value(), 2);
  EXPECT_FALSE(runs[4].isolation); // was not run without the fault
  EXPECT_DOUBLE_EQ(runs[4].price_of_p99.value(), 10);
}

TEST(load, offers_the_share_of_what_order_allows) {
  const cell c{.shows = part::open, .workers = 16, .theta = 1.2, .mean_ns = ms, .load = 0.8};
  const load l = make_load(c, {.keys = 1000, .seconds = 2, .seed = 1});
  std::int64_t work = 0;
  for (const tool::message& m : l.messages.messages)
    work += m.service_ns;
  const auto lasts = static_cast<double>(l.messages.messages.back().arrival_ns);
  EXPECT_LT(l.speedup_bound, 8); // the hottest key has about a quarter
  EXPECT_NEAR(static_cast<double>(work) / lasts, 0.8 * l.speedup_bound, 0.1);
}

TEST(load, leaves_the_cold_messages_as_they_are_beside_a_fault) {
  cell c{.shows = part::fault, .workers = 4, .mean_ns = ms, .load = 0.5, .cold_work = 2};
  const load_options options{.keys = 100, .seconds = 0.2, .seed = 3};
  const load without = make_load(c, options);
  EXPECT_EQ(without.hot_key, load::no_key);
  for (const fault f : {fault::stuck_once, fault::stuck_often, fault::hot_half}) {
    c.beside = f;
    load with = make_load(c, options);
    std::erase_if(with.messages.messages,
                  [&](const tool::message& m) { return m.key == with.hot_key; });
    EXPECT_TRUE(std::ranges::equal(with.messages.messages, without.messages.messages,
                                   [](const tool::message& a, const tool::message& b) {
                                     return a.arrival_ns == b.arrival_ns && a.key == b.key &&
                                            a.service_ns == b.service_ns &&
                                            a.position == b.position;
                                   }));
  }
}

TEST(plan, puts_the_cell_without_a_fault_before_those_with_one) {
  sweep s;
  s.parts = {part::fault};
  s.loads = {0.5, 0.95}; // the latter is left out
  s.workers = {4};
  const auto cells = plan(s);
  ASSERT_EQ(cells.size(), 5U);
  EXPECT_EQ(cells[0].beside, fault::none);
  EXPECT_EQ(cells[3].beside, fault::none);
  EXPECT_EQ(cells[4].beside, fault::hot_half);
  EXPECT_DOUBLE_EQ(cells[4].cold_work, cells[3].cold_work);
}

} // namespace
} // namespace convoy::effects
