#include "convoy/detail/insight/forecasting.hpp"
#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <thread>

// What would be if a key were otherwise: the sums, against closed forms, and that a processor is
// asked for what it has.

namespace {

using namespace std::chrono_literals;
using convoy::change;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::known_backlog;
using convoy::detail::known_load;
using convoy::detail::predict;

constexpr double ms = 1e6;

known_load fixed_handlers(double ns) {
  known_load load;
  load.window = std::chrono::seconds(1);
  load.handler_ns = ns;
  load.handler.add(static_cast<std::int64_t>(ns), 1);
  return load;
}

/// Close to, as histograms are.
void expect_about(std::chrono::nanoseconds is, std::chrono::nanoseconds wanted) {
  EXPECT_NEAR(static_cast<double>(is.count()), static_cast<double>(wanted.count()),
              0.01 * static_cast<double>(wanted.count()));
}

TEST(forecast, of_a_backlog_of_one_key_is_its_work_and_less_if_it_is_split) {
  const auto load = fixed_handlers(ms);
  const known_backlog backlog{.keys = {{7, 100}}, .of_any_keys = 0};
  const auto told = predict(load, backlog, 7, {}, 8);
  EXPECT_EQ(told.workers, 8u);
  EXPECT_EQ(told.backlog, 100u);
  expect_about(told.bound.value(), 100ms);
  expect_about(told.makespan.value(), 100ms);
  expect_about(predict(load, backlog, 7, {.split = 4}, 8).makespan.value(), 25ms);
  expect_about(predict(load, backlog, 7, {.faster = 2}, 8).makespan.value(), 50ms);
  expect_about(predict(load, backlog, 7, {.faster = 2, .split = 4}, 8).makespan.value(), 12500us);
  expect_about(predict(load, backlog, 7, {.split = 16}, 8).makespan.value(),
               13ms); // 7 at most in a part
  expect_about(predict(load, backlog, 8, {.split = 4}, 8).makespan.value(), 100ms); // another key
}

TEST(forecast, of_a_backlog_of_many_keys_is_by_the_workers) {
  const auto load = fixed_handlers(ms);
  known_backlog backlog;
  for (std::uint64_t key = 0; key < 1000; ++key)
    backlog.keys.push_back({key, 4});
  expect_about(predict(load, backlog, 7, {}, 8).makespan.value(), 500ms);
  expect_about(predict(load, backlog, 7, {.workers = 40}, 8).makespan.value(), 100ms);
  expect_about(predict(load, backlog, 7, {.workers = 4000}, 8).makespan.value(), 4ms);
}

TEST(forecast, takes_large_backlogs_several_messages_at_a_time) {
  const auto load = fixed_handlers(1000);
  known_backlog backlog;
  for (std::uint64_t key = 0; key < 1000; ++key)
    backlog.keys.push_back({key, 10'000});
  const auto told = predict(load, backlog, 7, {}, 10);
  EXPECT_EQ(told.backlog, 10'000'000u);
  expect_about(told.makespan.value(), 1s);
}

TEST(forecast, of_what_comes_knows_load_ceiling_and_latency) {
  auto load = fixed_handlers(ms);
  load.keys = {{7, 500, ms}};
  for (std::uint64_t key = 100; key < 200; ++key)
    load.keys.push_back({key, 15, ms});
  load.accepted_per_second = load.finished_per_second = 2000;
  auto told = predict(load, {}, 7, {}, 8);
  EXPECT_EQ(told.backlog, 0u);
  EXPECT_EQ(told.makespan.value(), 0ns);
  EXPECT_NEAR(told.load.value(), 0.5, 0.01); // the hot key; of the workers it is a quarter
  EXPECT_NEAR(told.speedup_ceiling.value(), 4, 0.05);
  // M/D/1 for a quarter of the messages; the others hardly wait.
  EXPECT_GE(told.latency.value().p50, 990us);
  EXPECT_LE(told.latency.value().p50, 1100us);
  EXPECT_GT(told.latency.value().p99, 3ms);
  EXPECT_LT(told.latency.value().p99, 7ms);
  const auto split = predict(load, {}, 7, {.split = 4}, 8);
  EXPECT_NEAR(split.load.value(), 0.25, 0.01);
  EXPECT_NEAR(split.speedup_ceiling.value(), 16, 0.5);
  EXPECT_LT(split.latency.value().p99, told.latency.value().p99);
  EXPECT_NEAR(predict(load, {}, 7, {.workers = 2}, 8).load.value(), 1, 0.01);
  told = predict(load, {}, 7, {.workers = 1}, 8);
  EXPECT_NEAR(told.load.value(), 2, 0.01);
  EXPECT_FALSE(told.latency); // it grows without end
}

TEST(forecast, lets_shared_messages_of_a_key_go_beside_each_other) {
  auto load = fixed_handlers(ms);
  const known_backlog backlog{.keys = {{7, 100}}, .of_any_keys = 0};
  load.keys = {{.hash = 7, .finished_per_second = 500, .handler_ns = ms}};
  for (std::uint64_t key = 100; key < 200; ++key)
    load.keys.push_back({key, 15, ms});
  load.accepted_per_second = load.finished_per_second = 2000;
  const auto with = [&](double shared, double shared_work) {
    load.keys.front().shared = shared;
    load.keys.front().shared_work = shared_work;
    return predict(load, backlog, 7, {}, 8);
  };
  const auto none = with(0, 0), all = with(1, 1), half = with(0.5, 0.5);
  expect_about(none.makespan.value(), 100ms);
  expect_about(all.makespan.value(), 13ms); // 100 by 8 workers
  expect_about(all.bound.value(), 12500us);
  EXPECT_LT(half.makespan.value(), 95ms); // one of four begins a run, and one of four goes on
  EXPECT_GT(half.makespan.value(), 26ms);
  EXPECT_LE(half.bound.value(), half.makespan.value());
  EXPECT_NEAR(none.load.value(), 0.5, 0.01);
  EXPECT_NEAR(all.load.value(), 0.25, 0.01); // of the workers
  EXPECT_NEAR(half.load.value(), 0.375, 0.01);
  EXPECT_NEAR(all.speedup_ceiling.value(), 2000 / 15., 2);
  EXPECT_LT(all.latency.value().p99, none.latency.value().p99);
  // Those that read take a tenth of what those that write do.
  EXPECT_NEAR(with(0.5, 1 / 11.).load.value(), 0.5 * (10 / 11. + 0.5 / 11.), 0.01);
}

TEST(forecast, takes_what_is_not_finished_for_that_of_who_has_a_backlog) {
  auto load = fixed_handlers(ms);
  load.keys = {{7, 1000, ms}, {8, 100, ms}};
  load.accepted_per_second = 1600;
  load.finished_per_second = 1100;
  EXPECT_NEAR(predict(load, {.keys = {{7, 50}}, .of_any_keys = 0}, 7, {}, 8).load.value(), 1.5,
              0.01);
  load.accepted_per_second = 0; // nothing comes, what is there is worked off
  EXPECT_EQ(predict(load, {}, 7, {}, 8).load.value(), 0);
}

TEST(forecast, of_messages_in_the_ring_is_by_the_keys_that_came) {
  auto load = fixed_handlers(ms);
  load.keys = {{7, 500, ms}};
  load.accepted_per_second = load.finished_per_second = 1000;
  const auto told = predict(load, {.keys = {}, .of_any_keys = 100}, 7, {}, 8);
  EXPECT_EQ(told.backlog, 100u);
  expect_about(told.makespan.value(), 50ms);
}

TEST(forecast, knows_what_it_does_not_know) {
  const auto load = fixed_handlers(ms);
  EXPECT_FALSE(predict(load, {}, 7, {}, 8).is_known);
  EXPECT_TRUE(predict(load, {.keys = {{7, 1}}, .of_any_keys = 0}, 7, {}, 8).is_known);
  // Nothing has ended yet: whose the messages are is not known, but how many there are.
  const auto told = predict({}, {.keys = {}, .of_any_keys = 102}, 7, {}, 8);
  EXPECT_EQ(told.backlog, 102u);
  EXPECT_EQ(told.window, 0ns);
  EXPECT_FALSE(told.bound || told.makespan || told.speedup_ceiling || told.load || told.latency);
}

TEST(forecast, stays_within_what_times_can_be) {
  auto load = fixed_handlers(1e18);
  load.keys = {{7, 1e-9, 1e18}};
  load.accepted_per_second = load.finished_per_second = 1e-9;
  const auto told = predict(load, {.keys = {{7, 1000}}, .of_any_keys = 0}, 7, {.faster = 1e-6}, 1);
  EXPECT_GT(told.makespan.value(), 0ns);
  EXPECT_GE(told.makespan.value(), told.bound.value());
  EXPECT_FALSE(told.latency); // it would take for ever to see
}

TEST(forecast, is_never_faster_than_the_bound) {
  known_load load;
  load.window = std::chrono::seconds(1);
  load.handler_ns = ms;
  for (int i = 1; i < 100; ++i)
    load.handler.add(i * 20'000, 1);
  for (std::uint64_t n = 1; n < 50; ++n) {
    const auto told = predict(load, {.keys = {{7, n}, {8, n / 2}}, .of_any_keys = 0}, 7, {}, 2);
    EXPECT_LE(told.bound.value(), told.makespan.value()) << n;
  }
}

TEST(forecast, of_a_processor_sees_its_backlog) {
  runtime rt{{.concurrency = 4}};
  gate held;
  processor<std::string, int> p{rt,
                                [&](int& message) {
                                  if (message == 100)
                                    held.pass();
                                  std::this_thread::sleep_for(1ms);
                                },
                                with_insight(20ms)};
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(p.submit("hot", i), submit_status::accepted);
  held.await_visitors(); // 100 are left, and windows are complete
  ASSERT_TRUE(eventually([&] { return p.snapshot().handler.mean >= 1ms; }));
  const auto is = p.what_if("hot");
  EXPECT_EQ(is.workers, 4u);
  EXPECT_GE(is.backlog, 100u);
  EXPECT_LE(is.backlog, 200u); // what has run and is not back yet
  EXPECT_GE(is.makespan.value(), 100ms);
  EXPECT_EQ(is.makespan.value(), p.what_if("cold", {.split = 4}).makespan.value());
  const auto split = p.what_if("hot", {.split = 4}).makespan.value(); // sleeps are not equally long
  EXPECT_GT(split * 5, is.makespan.value());
  EXPECT_LT(split * 2, is.makespan.value());
  held.open();
}

TEST(forecast, refuses_what_makes_no_sense) {
  runtime rt{{.concurrency = 1}};
  processor<std::string, int> p{rt, [](int&) {}, with_insight(20ms)};
  EXPECT_THROW((void)p.what_if("key", {.faster = 0}), std::invalid_argument);
  EXPECT_THROW((void)p.what_if("key", {.split = 0}), std::invalid_argument);
  EXPECT_THROW((void)p.what_if("key", {.workers = 5000}), std::invalid_argument);
  EXPECT_EQ(p.what_if("key").backlog, 0u); // before the first window
  EXPECT_FALSE(p.what_if("key").makespan) << "no handler has ended";
  processor<std::string, int> blind{rt, [](int&) {}};
  EXPECT_THROW((void)blind.what_if("key"), std::logic_error);
}

} // namespace
