// Joint messages, from the column to the bound, the simulation and the figures.

#include "input/bad_lines.hpp"
#include "load/replay_input.hpp"
#include "measure/demand.hpp"
#include "measure/figures.hpp"
#include "measure/series.hpp"
#include "program/input_file.hpp"
#include "program/joint_loads.hpp"
#include "replay/shared_order.hpp"
#include "report/run_recording.hpp"
#include "simulate/simulate.hpp"
#include "simulate/what_if.hpp"

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
using testing::StartsWith;

std::vector<std::string> keys_of(const trace& t, std::size_t event) {
  std::vector<std::string> names{t.keys[t.events[event].key]};
  for (const std::uint32_t key : t.further(t.events[event]))
    names.push_back(t.keys[key]);
  return names;
}

std::vector<std::int64_t> simulated_ends(const run& seen) {
  std::vector<std::int64_t> all;
  for (const record& r : seen.records)
    all.push_back(r.done);
  return all;
}

/// By its definition: no message begins before it arrives, nor before the end of the last one of each
/// of its keys.
std::int64_t earliest_end(const workload& load) {
  std::vector<std::int64_t> free(load.keys.size(), 0);
  std::int64_t last = 0;
  for (const message& m : load.messages) {
    std::int64_t begin = m.arrival_ns;
    load.each_place(m, [&](place p) { begin = std::max(begin, free[p.key]); });
    load.each_place(m, [&](place p) { free[p.key] = begin + m.service_ns; });
    last = std::max(last, begin + m.service_ns);
  }
  return last;
}

workload random_load(std::mt19937& random) {
  std::vector<joint_spec> all;
  std::int64_t at = 0;
  const auto draw = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  const unsigned keys = 2 + draw(6), gap = 1 + draw(8);
  for (unsigned n = 1 + draw(40); n > 0; --n) {
    std::string of(1, static_cast<char>('a' + draw(keys)));
    for (unsigned more = draw(4); more > 0; --more)
      if (const char c = static_cast<char>('a' + draw(keys)); of.find(c) == std::string::npos)
        of += c;
    all.push_back({of, draw(20), at});
    at += draw(gap);
  }
  workload load = joint_load(all);
  load.closed = false;
  return load;
}

TEST(joint_load, is_read_from_a_column) {
  for (const trace& t :
       {read_text("keys\na;b;c\nb\nc;c\nb;a\n"),
        read_text("x,both\n1,a;b;c\n2,b\n3,c;c\n4,b;a\n", {.keys_column = "both"}),
        read_text("{\"keys\":[\"a\",\"b\",\"c\"]}\n{\"key\":\"b\"}\n{\"keys\":[\"c\",\"c\"]}\n"
                  "{\"keys\":[\"b\",\"a\"],\"x\":[[1],{\"y\":2}]}\n",
                  {.format = input_format::jsonl})}) {
    ASSERT_EQ(t.events.size(), 4u);
    EXPECT_THAT(keys_of(t, 0), ElementsAre("a", "b", "c"));
    EXPECT_THAT(keys_of(t, 1), ElementsAre("b"));
    EXPECT_THAT(keys_of(t, 2), ElementsAre("c"));
    EXPECT_THAT(keys_of(t, 3), ElementsAre("b", "a"));
  }
  EXPECT_THAT(keys_of(read_text("key,keys\na;b,x\n", {.key_column = "key"}), 0),
              ElementsAre("a;b"));
  EXPECT_THAT(keys_of(read_text("key,keys\na;b,x\n", {.keys_column = ""}), 0), ElementsAre("a;b"));
}

TEST(joint_load, has_a_position_in_each_of_its_keys) {
  trace t = read_text("timestamp_us,keys,bytes\n3,a;b,1\n1,b,2\n2,b;c;a,4\n");
  const workload load = make_workload(std::move(t), {1, 2, 3}, {});
  const auto places = [&](std::size_t i) {
    std::string text;
    load.each_place(load.messages[i],
                    [&](place p) { text += load.keys[p.key] + std::to_string(p.position); });
    return text;
  };
  EXPECT_TRUE(load.has_joint());
  EXPECT_EQ(places(0), "b0");
  EXPECT_EQ(places(1), "b1c0a0");
  EXPECT_EQ(places(2), "a1b2");
  EXPECT_THAT(load.key_bytes, ElementsAre(1 + 4, 1 + 2 + 4, 4));
  EXPECT_EQ(load.bytes, 7u);
  EXPECT_EQ(measure_trace(load, 1).bytes, 7u);
}

TEST(joint_load, is_refused_where_its_keys_are_no_keys) {
  std::string many = "a0";
  for (int i = 1; i < 17; ++i)
    many += ";a" + std::to_string(i);
  EXPECT_THAT(read_error("keys\na;b\n" + many + "\n"),
              StartsWith("3: there are more than 16 keys"));
  EXPECT_EQ(read_error("keys\na;b\n" + many.substr(0, many.rfind(';')) + "\n"), "");
  EXPECT_THAT(read_error("keys\na;;b\n"), StartsWith("2: the key is empty"));
  EXPECT_THAT(read_error("keys\na;\n"), StartsWith("2: the key is empty"));
  EXPECT_THAT(read_error("keys\n;a\n"), StartsWith("2: the key is empty"));
  EXPECT_THAT(read_error("key,keys\na,b\n"), HasSubstr("both \"key\" and \"keys\""));
  EXPECT_THAT(read_error("name\na\n"), HasSubstr("no column is called \"key\""));
  EXPECT_THAT(read_error("key\na\n", {.keys_column = "keys"}),
              HasSubstr("no column is called \"keys\"; choose one with --keys-column"));
  EXPECT_THAT(read_error("key,keys\na,b\n", {.key_column = "key", .keys_column = "keys"}),
              HasSubstr("--key and --keys-column both name the keys"));

  const read_options in_lines{.format = input_format::jsonl};
  EXPECT_EQ(read_error("{\"keys\":\"a\"}\n", in_lines), "");
  EXPECT_EQ(read_error("{\"key\":\"a;b\"}\n", in_lines), "");
  EXPECT_THAT(read_error("{\"keys\":\"a;b\"}\n", in_lines),
              HasSubstr("the keys \"a;b\" are one string: write an array"));
  std::string array = "\"b\"";
  for (int i = 1; i < 40; ++i)
    array += ",\"b\"";
  EXPECT_THAT(read_error("{\"keys\":[" + array + "]}\n", in_lines), HasSubstr("more than 16 keys"));
  EXPECT_THAT(read_error("{\"keys\":[]}\n", in_lines), HasSubstr("array of the keys is empty"));
  EXPECT_THAT(read_error("{\"keys\":[\"a\",[\"b\"]]}\n", in_lines),
              HasSubstr("neither a string nor a number"));
  EXPECT_THAT(read_error("{\"keys\":[\"a\",7]}\n{\"key\":\"7\"}\n", in_lines),
              HasSubstr("\"7\" is a string here and was a number"));
  EXPECT_THAT(read_error("{\"keys\":[\"a\"],\"key\":\"a\"}\n", in_lines),
              HasSubstr("there are both"));
}

TEST(joint_load, is_refused_beside_shared_messages) {
  for (const char* const text : {"keys,access\na;b,\na,shared\n", "keys,access\na,shared\na;b,\n",
                                 "keys,access\na,\na;b,shared\n"})
    EXPECT_THAT(read_error(text), HasSubstr("do not go together"));
  EXPECT_EQ(read_error("keys,access\na;b,\na,exclusive\n"), "");
  EXPECT_EQ(read_error("keys,access\na;b,\na,shared\n", {.access_column = ""}), "");
}

TEST(joint_load, has_a_key_once_beside_shared_messages) {
  for (const char* const text : {"keys,access\na;a,\na,shared\n", "keys,access\na,shared\na;a,\n",
                                 "keys,access\na;a,shared\na,\n", "keys,access\na,\na;a,shared\n"})
    EXPECT_EQ(read_error(text), "") << text;
}

TEST(joint_load, leaves_nothing_of_a_line_that_is_no_good) {
  const read_options skips{.format = input_format::jsonl, .skip_bad = bad_lines::all};
  const trace t =
      read_text("{\"key\":\"b\"}\n{\"keys\":[\"a\",\"c\",8]}\n{\"keys\":[\"a\",7,\"7\"]}\n"
                "{\"keys\":[5,6,\"b\",\"5\"]}\n{\"keys\":[\"6\",4]}\n"
                "{\"keys\":[5,4]}\n{\"keys\":[\"9\",4,6]}\n{\"keys\":[9,5]}\n",
                skips);
  EXPECT_EQ(t.not_read.bad_lines, 3u);
  EXPECT_THAT(t.not_read.first_bad, testing::Contains(HasSubstr(":3: the key \"7\"")));
  EXPECT_THAT(t.keys, ElementsAre("b", "a", "c", "8", "6", "4", "5", "9"));
  ASSERT_EQ(t.events.size(), 5u);
  EXPECT_THAT(keys_of(t, 2), ElementsAre("6", "4"));
  EXPECT_THAT(keys_of(t, 4), ElementsAre("9", "5"));
}

TEST(joint_load, leaves_no_doubt_of_its_times_of_a_line_that_is_no_good) {
  const trace t =
      read_text("timestamp_us,keys,access\n1,a;b,\n2026-01-01T00:00:00Z,a,shared\n2,b,\n",
                {.skip_bad = bad_lines::all});
  EXPECT_EQ(t.not_read.bad_lines, 1u);
  EXPECT_FALSE(t.mixes_times);
}

TEST(joint_load, is_bound_by_its_longest_path) {
  EXPECT_EQ(makespan_bound(joint_load({{"ab", 10}, {"cd", 10}}), 4, true), 10);
  EXPECT_EQ(makespan_bound(joint_load({{"ab", 10}, {"bc", 10}, {"cd", 10}}), 4, true), 30);
  EXPECT_EQ(makespan_bound(joint_load({{"ab", 10}, {"cd", 10}, {"bc", 10}}), 4, true), 20);
  EXPECT_EQ(makespan_bound(joint_load({{"ab", 10}, {"cd", 10}, {"bc", 10}}), 1, true), 30);
  EXPECT_EQ(makespan_bound(joint_load({{"ab", 10}, {"bc", 10}, {"cd", 10}}), 4, false), 10);
  EXPECT_EQ(makespan_bound(joint_load({{"a", 5}, {"ab", 10}, {"b", 7}, {"a", 6}}), 4, true), 22);
  const workload late = joint_load({{"ab", 10, 0}, {"bc", 10, 50}, {"c", 10, 51}});
  EXPECT_EQ(makespan_bound(late, 4, true), 70);
}

TEST(joint_load, is_bound_by_what_no_worker_can_shorten) {
  std::mt19937 random(11);
  for (int i = 0; i < 500; ++i) {
    const workload load = random_load(random);
    ASSERT_EQ(makespan_bound(load, 1'000, true), static_cast<double>(earliest_end(load)));
  }
}

TEST(joint_load, counts_for_each_of_its_keys) {
  const trace_figures t = measure_trace(joint_load({{"ab", 10}, {"ac", 20}, {"d", 10}}), 8);
  EXPECT_EQ(t.messages, 3u);
  EXPECT_EQ(t.joint, 2u);
  EXPECT_EQ(t.keys, 4u);
  EXPECT_EQ(t.hottest[0].key, 0u);
  EXPECT_DOUBLE_EQ(t.hottest[0].share, 2.0 / 3);
  EXPECT_DOUBLE_EQ(t.hottest[0].work_share, 30.0 / 40);
  EXPECT_DOUBLE_EQ(t.speedup_bound, 40.0 / 30);
  EXPECT_DOUBLE_EQ(measure_trace(joint_load({{"ab", 0}, {"ac", 0}, {"d", 0}}), 8).speedup_bound,
                   1.5);
}

TEST(joint_load, is_simulated_at_its_turn_in_each_of_its_keys) {
  const auto ends = [](const std::vector<joint_spec>& all, unsigned workers) {
    return simulated_ends(simulate("x", joint_load(all), {.workers = workers}));
  };
  EXPECT_THAT(ends({{"a", 10}, {"ab", 10}, {"b", 10}, {"c", 5}}, 8), ElementsAre(10, 20, 30, 5));
  EXPECT_THAT(ends({{"ab", 10}, {"cd", 10}, {"ac", 10}, {"d", 10}}, 2),
              ElementsAre(10, 10, 20, 20));
  EXPECT_THAT(ends({{"ab", 10, 0}, {"bc", 10, 3}, {"a", 10, 4}, {"c", 1, 5}}, 1),
              ElementsAre(10, 20, 30, 31));
}

TEST(joint_load, is_simulated_in_order_and_as_fast_as_workers_allow) {
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) {
    const workload load = random_load(random);
    const auto workers = 1 + static_cast<unsigned>(random() % 6);
    for (const unsigned each : {workers, 1'000U}) {
      const run seen = simulate("x", load, {.workers = each});
      ASSERT_EQ(shared_order_violations(load, seen.records), 0u);
      const auto ends = simulated_ends(seen);
      const auto end = static_cast<double>(*std::ranges::max_element(ends));
      ASSERT_GE(end, makespan_bound(load, each, true));
      if (each == 1'000U) {
        ASSERT_EQ(end, static_cast<double>(earliest_end(load)));
      }
    }
  }
}

TEST(joint_load, takes_room_for_each_of_its_keys_where_it_is_simulated) {
  const workload load = joint_load({{"ab", 10}, {"cd", 20}, {"e", 5}, {"f", 5}});
  const run seen = simulate("x", load, {.workers = 8, .capacity = 3});
  EXPECT_THAT(simulated_ends(seen), ElementsAre(10, 30, 15, 20));
  EXPECT_EQ(seen.records[1].accepted, 10);
  EXPECT_EQ(seen.records[2].accepted, 10);
  EXPECT_EQ(seen.records[3].accepted, 15);
}

TEST(joint_load, is_out_of_order_if_it_did_not_wait_in_one_of_its_keys) {
  const workload load = joint_load({{"a", 10}, {"b", 10}, {"ab", 10}, {"b", 10}});
  std::vector<record> records(4);
  const auto run_at = [&](std::size_t i, std::int64_t begun, std::int64_t done) {
    records[i].begun = begun;
    records[i].done = done;
  };
  run_at(0, 0, 10);
  run_at(1, 0, 15);
  run_at(2, 15, 25);
  run_at(3, 25, 35);
  EXPECT_EQ(shared_order_violations(load, records), 0u);
  run_at(2, 12, 25);
  EXPECT_EQ(shared_order_violations(load, records), 1u);
  run_at(3, 24, 35);
  EXPECT_EQ(shared_order_violations(load, records), 2u);
}

TEST(joint_load, is_called_broken_if_its_time_stamps_are) {
  const workload load = joint_load({{"a", 10}, {"ab", 10}, {"b", 10}});
  run seen;
  seen.records = {{0, 0, 0, 10}, {0, 0, 9, 20}, {0, 0, 19, 29}};
  EXPECT_EQ(measure_run(load, seen, 2).order_violations, 2u);
  seen.order_violations = 3; // what the probe saw
  EXPECT_EQ(measure_run(load, seen, 2).order_violations, 3u);
  seen.order_violations = 0;
  seen.keeps_order = false; // there they are overlaps
  EXPECT_EQ(measure_run(load, seen, 2).order_violations, 0u);
}

TEST(joint_load, waits_for_the_last_predecessor_of_its_keys) {
  const workload load = joint_load({{"a", 10}, {"b", 10}, {"ab", 10}});
  run seen;
  seen.workers = 2;
  seen.records = {{0, 0, 0, 10}, {0, 0, 0, 30}, {0, 0, 35, 45}};
  const wait_shares waits = measure_run(load, seen, 2).share;
  EXPECT_DOUBLE_EQ(waits.own_key, 30.0 / 85);
  EXPECT_DOUBLE_EQ(waits.scheduler, 5.0 / 85);
  const auto keys = measure_keys(load, seen, 2);
  EXPECT_DOUBLE_EQ(keys[0].busy, 20.0 / 45);
  EXPECT_DOUBLE_EQ(keys[1].busy, 40.0 / 45);
  EXPECT_EQ(keys[0].messages, 2u);
}

TEST(joint_load, is_hot_if_one_of_its_keys_is) {
  const workload load = joint_load({{"ba", 10}, {"ca", 10}, {"da", 10}, {"e", 10}});
  run seen;
  seen.records = {{0, 0, 0, 1'000}, {0, 0, 0, 2'000}, {0, 0, 0, 3'000}, {0, 0, 0, 9'000}};
  const run_figures figures = measure_run(load, seen, 4);
  EXPECT_EQ(figures.hot.max, 3);
  EXPECT_EQ(figures.cold.p50, 9);
}

TEST(joint_load, is_of_so_many_keys_once) {
  const auto shares = measure_concentration(joint_load({{"ab", 10}, {"ac", 20}, {"d", 10}}));
  EXPECT_DOUBLE_EQ(shares.front().work, 30.0 / 40);
  EXPECT_DOUBLE_EQ(shares.back().work, 1);
  EXPECT_DOUBLE_EQ(shares.back().messages, 1);
}

TEST(joint_load, may_ask_more_of_order_than_any_key_does) {
  std::vector<joint_spec> all;
  for (std::int64_t i = 0; i < 60; ++i)
    all.push_back({i % 3 == 0 ? "ab" : i % 3 == 1 ? "bc" : "ca", 13, i * 10});
  workload load = joint_load(all);
  load.closed = false;
  const demand d = measure_demand(load);
  EXPECT_LT(d.busiest_rate, 1);
  EXPECT_GT(d.busiest_rate, 0.8);
  EXPECT_EQ(d.keys_beyond, 0u);
  EXPECT_GT(d.path_rate, 1.2);
  for (message& m : load.messages)
    m.service_ns = 7;
  EXPECT_LT(measure_demand(load).path_rate, 1);
}

TEST(joint_load, is_dealt_to_the_keys_that_one_of_its_is_split_into) {
  const workload load = joint_load({{"ba", 10}, {"ca", 10}, {"a", 10}, {"da", 10}, {"e", 8}});
  EXPECT_EQ(makespan_bound(load, 8, true), 40);
  EXPECT_EQ(makespan_bound(with(load, {.key = "a", .split = 4}), 8, true), 10);
  EXPECT_EQ(makespan_bound(with(load, {.key = "a", .split = 2}), 8, true), 20);
  EXPECT_EQ(makespan_bound(with(load, {.key = "a", .faster = 2}), 8, true), 20);
}

TEST(joint_load, is_one_slice_of_a_recording_and_runs_in_each_of_its_keys) {
  const workload load = joint_load({{"ab", 10'000}, {"b", 10'000}});
  run seen;
  seen.workers = 1;
  seen.records = {{0, 0, 0, 10'000}, {0, 0, 10'000, 20'000}};
  seen.seen.workers = {0, 0};
  const recording is = recording_of(load, seen, 100);
  ASSERT_EQ(is.slices.size(), 2u);
  EXPECT_EQ(is.labels[is.slices[0].label], "a;b");
  EXPECT_EQ(is.labels[is.slices[1].label], "b");
  const auto early = std::ranges::find_if(is.levels, [](const auto& l) { return l.at > 0; });
  EXPECT_EQ(early->running, 2u);
  EXPECT_EQ(early->backlog, 2u);
  EXPECT_EQ(is.levels.back().running, 0u);
  EXPECT_EQ(is.levels.back().backlog, 0u);
}

} // namespace
} // namespace convoy::tool
