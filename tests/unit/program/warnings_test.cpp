// What a user is told of an input before a long run.

#include "measure/demand.hpp"
#include "program/joint_loads.hpp"
#include "program/ms.hpp"
#include "report/warnings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

constexpr std::int64_t second = 1'000 * ms;

/// `each` a millisecond for a second: of key 0 as many as of all others together, which have one.
workload half_hot_load(std::int64_t service_ns, std::uint32_t keys = 2) {
  workload load;
  load.closed = false;
  load.keys = {"hot", "cold"};
  load.keys.resize(keys, "other");
  for (std::uint32_t i = 0; i <= 1000; ++i)
    load.messages.push_back({i * ms, service_ns, i % 2 == 0 ? 0 : 1 + i / 2 % (keys - 1), 0});
  return load;
}

report make_report(unsigned workers, const workload& load) {
  report r;
  r.config.service_kind = "sleep";
  r.config.workers = workers;
  r.config.speed = 2;
  r.keys = load.keys;
  return r;
}

TEST(demand, is_the_work_that_arrives_in_a_second) {
  const demand d = measure_demand(half_hot_load(4 * ms));
  EXPECT_DOUBLE_EQ(d.rate, 4);
  EXPECT_EQ(d.busiest_key, 0U);
  EXPECT_DOUBLE_EQ(d.busiest_rate, 2); // 500, as the last one arrives at the end of the second
  EXPECT_EQ(d.keys_beyond, 2U);
}

TEST(demand, counts_no_key_of_a_few_messages) {
  workload load = half_hot_load(1);
  load.messages[1].key = 2;
  load.messages[1].service_ns = 100 * second;
  load.keys.emplace_back("once");
  EXPECT_LT(measure_demand(load).busiest_rate, 1);
  EXPECT_EQ(measure_demand(load).keys_beyond, 0U);
}

TEST(demand, is_none_for_a_load_that_waits_or_comes_at_once) {
  workload load = half_hot_load(ms);
  load.closed = true;
  EXPECT_DOUBLE_EQ(measure_demand(load).rate, 0);
  load.closed = false;
  for (message& m : load.messages)
    m.arrival_ns = 0;
  EXPECT_DOUBLE_EQ(measure_demand(load).rate, 0);
}

/// 20 keys, a to t, with 0.9 s of work each, and what `more` says; in a second.
workload even_load(const std::vector<joint_spec>& more) {
  std::vector<joint_spec> all;
  for (std::int64_t at = 0; at < 9; ++at)
    for (char key = 'a'; key < 'u'; ++key)
      all.push_back({std::string(1, key), 100 * ms, at * 100 * ms});
  all.insert(all.end(), more.begin(), more.end());
  all.push_back({"z", 0, second});
  workload load = joint_load(all);
  load.closed = false;
  return load;
}

TEST(demand, is_not_tied_together_by_a_joint_message_of_other_keys) {
  const workload load =
      even_load({{"wx", ms, 810 * ms}, {"y", 2 * second, 820 * ms}, {"x", ms, 830 * ms}});
  EXPECT_DOUBLE_EQ(measure_demand(load).path_rate, 0);
  EXPECT_THAT(load_warnings(load, make_report(4, load)),
              ElementsAre(AllOf(HasSubstr("the load needs"), HasSubstr("Enough are 21, or"))));
}

TEST(demand, is_not_tied_together_where_a_key_has_as_much_alone) {
  std::vector<joint_spec> more{{"wx", ms, 810 * ms}};
  for (std::int64_t i = 0; i < 20; ++i)
    more.push_back({"y", 100 * ms, (811 + i) * ms});
  const demand d = measure_demand(even_load(more));
  EXPECT_DOUBLE_EQ(d.path_rate, 0);
  EXPECT_DOUBLE_EQ(d.busiest_rate, 2);
}

TEST(demand, is_tied_together_by_no_path_of_a_few_messages) {
  std::vector<joint_spec> more;
  for (std::int64_t i = 0; i < 8; ++i)
    more.push_back({i % 2 == 0 ? "wx" : "xy", 200 * ms, (811 + i) * ms});
  more.push_back({"w", 300 * ms, 850 * ms});
  more.push_back({"y", 300 * ms, 850 * ms});
  EXPECT_DOUBLE_EQ(measure_demand(even_load(more)).path_rate, 0); // 9 of them, with 1.9 s
  more.insert(more.begin(), {"w", ms, 810 * ms});
  EXPECT_DOUBLE_EQ(measure_demand(even_load(more)).path_rate, 1.901);
}

TEST(demand, is_not_tied_together_by_what_arrives_at_the_end) {
  std::vector<joint_spec> more;
  for (std::int64_t i = 0; i < 20; ++i)
    more.push_back({i % 2 == 0 ? "wx" : "xy", 5 * ms, (811 + i) * ms});
  more.push_back({"w", 20 * ms, 850 * ms});
  more.push_back({"wy", 10 * second, second});
  const demand d = measure_demand(even_load(more));
  EXPECT_DOUBLE_EQ(d.rate, 18 + 0.1 + 0.02);
  EXPECT_DOUBLE_EQ(d.path_rate, 0); // less than one of the even ones
}

TEST(warnings, name_the_key_that_needs_more_than_order_allows) {
  const workload load = half_hot_load(3 * ms, 3);
  EXPECT_THAT(load_warnings(load, make_report(3, load)),
              ElementsAre(AllOf(HasSubstr("key hot alone needs 1.50 s of work a second"),
                                HasSubstr("--speed 1.3"))));
  const workload many = half_hot_load(5 * ms, 3);
  EXPECT_THAT(load_warnings(many, make_report(16, many)),
              ElementsAre(HasSubstr("so do 2 other keys")));
}

TEST(warnings, tell_how_many_workers_a_load_needs) {
  const workload load = half_hot_load(1'500'000, 9);
  EXPECT_THAT(
      load_warnings(load, make_report(1, load)),
      ElementsAre(AllOf(HasSubstr("needs 1.50 s of work a second, more than 1 worker gives"),
                        HasSubstr("Enough are 2, or --speed 1.3"))));
  EXPECT_THAT(load_warnings(load, make_report(2, load)), IsEmpty());
}

TEST(warnings, count_a_core_for_each_worker_that_spins) {
  const workload load = half_hot_load(1'500'000, 9);
  report r = make_report(2, load);
  r.config.cores = 1;
  r.config.service_kind = "spin";
  EXPECT_THAT(load_warnings(load, r), SizeIs(1));
}

TEST(warnings, give_no_advice_that_another_contradicts) {
  const workload load = half_hot_load(90'000 * ms, 2); // no number of workers helps its keys
  report r = make_report(2, load);
  EXPECT_THAT(load_warnings(load, r),
              ElementsAre(HasSubstr("ends at --speed 0.000044"),
                          AllOf(HasSubstr("than 2 workers give: the waits grow"),
                                EndsWith("as long as the run lasts"))));
  workload even = half_hot_load(1'200 * ms, 3'000); // nor are there so many workers
  for (std::size_t i = 0; i < even.messages.size(); ++i)
    even.messages[i].key = static_cast<std::uint32_t>(i);
  r.config.speed = 100'000;
  EXPECT_THAT(load_warnings(even, r),
              ElementsAre(EndsWith("What they can do ends at --speed 160")));
}

TEST(warnings, do_not_send_spinning_handlers_to_more_workers_than_cores) {
  const workload load = half_hot_load(1'500'000, 9);
  report r = make_report(2, load);
  r.config.cores = 1;
  r.config.service_kind = "spin";
  EXPECT_THAT(load_warnings(load, r),
              ElementsAre(EndsWith("What they can do ends at --speed 1.3")));
}

trace make_trace(std::int64_t begins_at_ns, std::int64_t unit_ns, std::int64_t span_ns) {
  trace t;
  t.events.resize(100);
  t.events.back().at_ns = span_ns;
  t.has_times = true;
  t.begins_at_ns = begins_at_ns;
  t.time_unit_ns = unit_ns;
  return t;
}

TEST(doubt_of_times, finds_the_unit_that_brings_a_log_near_today) {
  constexpr std::int64_t in_2023 = 1'700'000'000; // seconds
  EXPECT_THAT(
      doubt_of_times(make_trace(in_2023 * 1'000 * 1'000, 1'000, 20 * ms), {}),
      Optional(AllOf(HasSubstr("spans 20.0 ms, read as us; in ms its times are of this age, "
                               "and it spans 20.0 s"),
                     HasSubstr("--time-column timestamp_us --time-unit ms"))));
  EXPECT_THAT(doubt_of_times(make_trace(in_2023 * 1'000, 1'000, ms), "when"),
              Optional(HasSubstr(": --time-unit s")));
  EXPECT_THAT(doubt_of_times(make_trace(in_2023 * 1'000'000, 1, second), "took_ns"),
              Optional(HasSubstr("in us")));
  EXPECT_EQ(doubt_of_times(make_trace(in_2023 * second, 1'000, second / 2), "when_us"),
            std::nullopt);
}

TEST(doubt_of_times, asks_where_nothing_told_the_unit_and_all_is_soon_over) {
  EXPECT_THAT(doubt_of_times(make_trace(0, 1'000, 20 * ms), "when"),
              Optional(HasSubstr("spans 20.0 ms, read as us, as nothing tells their unit; are its "
                                 "times in ms? --time-unit ms")));
  EXPECT_EQ(doubt_of_times(make_trace(0, 1'000, 20 * ms), "when_us"), std::nullopt);
  EXPECT_EQ(doubt_of_times(make_trace(0, 1'000, 20 * ms), {}), std::nullopt);
  EXPECT_THAT(doubt_of_times(make_trace(0, 1'000, 10'800 * ms), "when"), // three hours of ms
              Optional(HasSubstr("spans 10.8 s, read as us")));
  EXPECT_EQ(doubt_of_times(make_trace(0, 1'000, 300 * second), "when"), std::nullopt);
}

TEST(doubt_of_times, has_none_of_dates_nor_of_a_few_events) {
  EXPECT_EQ(doubt_of_times(make_trace(0, 0, 20 * ms), "when"), std::nullopt);
  trace t = make_trace(0, 1'000, 20 * ms);
  t.events.resize(9);
  EXPECT_EQ(doubt_of_times(t, "when"), std::nullopt);
}

} // namespace
} // namespace convoy::tool
