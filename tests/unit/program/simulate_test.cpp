// The simulation of a replay: what it adds to the library's, changes of a load, and what is told.

#include "program/input_file.hpp"
#include "program/ms.hpp"
#include "report/simulation.hpp"
#include "simulate/forecast.hpp"
#include "simulate/simulate.hpp"
#include "simulate/what_if.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct arrival {
  std::int64_t at;
  std::int64_t service;
  std::uint32_t key;
};

workload make_load(std::vector<std::string> keys, std::initializer_list<arrival> messages,
                   bool closed = true) {
  workload load;
  load.keys = std::move(keys);
  load.closed = closed;
  std::vector<std::uint32_t> next(load.keys.size(), 0);
  for (const arrival& a : messages)
    load.messages.push_back({a.at, a.service, a.key, next[a.key]++});
  return load;
}

std::vector<std::int64_t> ends(const run& seen) {
  std::vector<std::int64_t> all;
  for (const record& r : seen.records)
    all.push_back(r.done);
  return all;
}

TEST(simulate, adds_the_overshoot_to_what_sleeps) {
  const workload load = make_load({"a", "b"}, {{0, 10, 0}, {0, 0, 1}, {0, 20, 0}});
  EXPECT_THAT(ends(simulate("x", load, {.workers = 2})), ElementsAre(10, 0, 30));
  EXPECT_THAT(ends(simulate("x", load, {.workers = 2, .costs = {.overshoot_ns = {3}}})),
              ElementsAre(13, 0, 36));
}

TEST(simulate, draws_overshoots_by_the_seed) {
  workload load = make_load({"a"}, {});
  for (std::uint32_t i = 0; i < 1'000; ++i)
    load.messages.push_back({0, 100, 0, i});
  const simulation_options options{.costs = {.overshoot_ns = {0, 10}}, .seed = 3};
  const auto one = ends(simulate("x", load, options));
  EXPECT_EQ(one, ends(simulate("x", load, options)));
  EXPECT_NEAR(static_cast<double>(one.back()), 105'000, 1'000); // half of them
  simulation_options other = options;
  other.seed = 4;
  EXPECT_NE(one, ends(simulate("x", load, other)));
}

TEST(simulate, needs_a_core_for_each_message) {
  const workload load = make_load({"a", "b"}, {{0, 10, 0}, {0, 10, 1}});
  EXPECT_THAT(ends(simulate("x", load, {.workers = 2, .costs = {.cores = 1, .core_ns = 4}})),
              ElementsAre(14, 18));
}

TEST(simulate, tells_when_a_message_was_let_in) {
  const auto stamps = [](bool closed) {
    const workload load =
        make_load({"a", "b", "c"}, {{0, 5, 0}, {0, 9, 1}, {0, 1, 2}, {0, 1, 0}}, closed);
    std::vector<std::pair<std::int64_t, std::int64_t>> all;
    for (const record& r : simulate("x", load, {.workers = 3, .capacity = 2}).records)
      all.emplace_back(r.intended, r.accepted);
    return all;
  };
  using pair = std::pair<std::int64_t, std::int64_t>;
  EXPECT_THAT(stamps(false), ElementsAre(pair(0, 0), pair(0, 0), pair(0, 5), pair(0, 6)));
  // Closed, each is meant to come right behind the one before.
  EXPECT_THAT(stamps(true), ElementsAre(pair(0, 0), pair(0, 0), pair(0, 5), pair(5, 6)));
}

TEST(what_if, is_read_from_text) {
  const what_if both = parse_what_if("urn:a:faster=2.5,split=4");
  EXPECT_EQ(both.key, "urn:a");
  EXPECT_EQ(both.faster, 2.5);
  EXPECT_EQ(both.split, 4U);
  EXPECT_EQ(parse_what_if("a:split=2").faster, 1);
  EXPECT_EQ(parse_what_if("a:faster=2").split, 1U);
}

TEST(what_if, says_what_is_wrong_with_a_text) {
  for (const auto& [text, says] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a", "no colon"},
           {":split=2", "the key is empty"},
           {"a:", "there is no change"},
           {"a:split", "is not a whole number"},
           {"a:split=0", "too small"},
           {"a:split=1025", "too large"},
           {"a:split=2,split=3", "twice"},
           {"a:faster=2,faster=2", "twice"},
           {"a:faster=1,faster=2", "twice"},
           {"a:split=1,split=2", "twice"},
           {"a:faster=0", "not more than 0"},
           {"a:faster=-1", "negative"},
           {"a:faster=1e9", "must be from"},
           {"a:faster=nan", "is not a number"},
           {"a:slower=2", "there is no \"slower\""}}) {
    const std::string error = error_of([&, text = text] { (void)parse_what_if(text); });
    EXPECT_THAT(error, HasSubstr(says)) << text;
    EXPECT_THAT(error, HasSubstr("expected KEY:faster=X")) << text;
  }
}

TEST(what_if, is_shown_as_it_was_read) {
  EXPECT_EQ(what_if_text({.key = "a", .faster = 2.5, .split = 4}, 26), "a:faster=2.5,split=4");
  EXPECT_EQ(what_if_text({.key = "a", .split = 4}, 26), "a:split=4");
  EXPECT_EQ(what_if_text({.key = "a\x1b[2J", .faster = 2}, 26), "a?[2J:faster=2");
  EXPECT_EQ(what_if_text({.key = std::string(99, 'k'), .split = 2}, 16), "kkkkkkk…:split=2");
}

TEST(what_if, makes_a_key_faster) {
  const workload load = make_load({"a", "b"}, {{0, 9, 0}, {1, 10, 1}, {2, 20, 0}});
  const workload changed = with(load, {.key = "a", .faster = 2});
  EXPECT_EQ(changed.messages[0].service_ns, 5); // rounded
  EXPECT_EQ(changed.messages[1].service_ns, 10);
  EXPECT_EQ(changed.messages[2].service_ns, 10);
}

TEST(what_if, deals_the_messages_of_a_key_to_several_in_turn) {
  const workload load =
      make_load({"a", "b"}, {{0, 1, 1}, {0, 1, 0}, {0, 1, 1}, {0, 1, 1}, {0, 1, 1}});
  const workload changed = with(load, {.key = "b", .split = 3});
  EXPECT_THAT(changed.keys, ElementsAre("a", "b", "b/2", "b/3"));
  std::vector<std::uint32_t> keys, positions;
  for (const message& m : changed.messages) {
    keys.push_back(m.key);
    positions.push_back(m.position);
  }
  EXPECT_THAT(keys, ElementsAre(1, 0, 2, 3, 1));
  EXPECT_THAT(positions, ElementsAre(0, 0, 0, 0, 1));
}

TEST(what_if, refuses_a_key_without_messages) {
  const workload load = make_load({"a", "unused"}, {{0, 1, 0}});
  EXPECT_THAT(error_of([&] { (void)with(load, {.key = "b"}); }),
              HasSubstr("no message has the key \"b\""));
  EXPECT_THAT(error_of([&] { check(load, {.key = "unused"}); }), HasSubstr("\"unused\""));
}

/// A hot key with 8 of 16 messages of 1 ms.
workload hot_load() {
  workload load = make_load({"hot", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"}, {});
  for (std::uint32_t i = 0; i < 8; ++i) {
    load.messages.push_back({0, ms, 0, i});
    load.messages.push_back({0, ms, i + 1, 0});
  }
  return load;
}

std::vector<forecast_row> forecast_hot(const std::vector<unsigned>& workers,
                                       const std::vector<what_if>& changes) {
  return forecast(hot_load(), workers, changes, {}, [] {});
}

TEST(forecast, has_a_row_for_each_load_and_number_of_workers) {
  unsigned done = 0;
  const std::vector<what_if> changes{{.key = "hot", .split = 2}, {.key = "hot", .faster = 2}};
  const auto rows = forecast(hot_load(), {1, 2, 16}, changes, {}, [&] { ++done; });
  ASSERT_EQ(rows.size(), 9U);
  EXPECT_EQ(done, 9U);
  std::vector<double> seconds;
  for (const forecast_row& row : rows)
    seconds.push_back(row.figures.seconds * 1e3);
  // As it is: all work, half of it, the hot key's. Split: also half of that. Faster: 12 in all,
  // of which two workers spoil half a millisecond at the end.
  EXPECT_THAT(seconds, ElementsAre(16, 8, 8, 16, 8, 4, 12, 6.5, 4));
  EXPECT_FALSE(rows[2].change);
  EXPECT_EQ(rows[3].change->split, 2U);
  EXPECT_DOUBLE_EQ(rows[2].speedup, 2);
  EXPECT_DOUBLE_EQ(rows[5].speedup, 4);
  EXPECT_DOUBLE_EQ(rows[5].gain, 2);
  EXPECT_DOUBLE_EQ(rows[8].speedup, 3);
  EXPECT_DOUBLE_EQ(rows[2].figures.efficiency, 1);
}

TEST(forecast, calls_the_same_messages_hot_after_a_split) {
  const auto rows = forecast_hot({16}, {{.key = "hot", .split = 2}});
  EXPECT_DOUBLE_EQ(rows[0].figures.hot.max, 8'000);
  EXPECT_DOUBLE_EQ(rows[1].figures.hot.max, 4'000);
  EXPECT_DOUBLE_EQ(rows[1].figures.cold.max, 1'000); // and not those of the other half
}

TEST(forecast, asks_for_no_more_workers_than_there_are_keys) {
  EXPECT_THAT(useful_workers(1), ElementsAre(1));
  EXPECT_THAT(useful_workers(5), ElementsAre(1, 2, 4, 8));
  EXPECT_EQ(useful_workers(1'000'000).back(), 1024U);
}

simulation_report make_report(const std::vector<what_if>& changes) {
  simulation_report r;
  r.input.version = "1.2.3";
  r.input.config.source = "input.csv";
  r.input.config.service = "trace";
  r.input.config.service_kind = "sleep";
  r.input.config.workers = 16;
  const workload load = hot_load();
  r.input.keys = load.keys;
  r.input.trace = measure_trace(load, 16);
  r.rows = forecast_hot({1, 2, 16}, changes);
  return r;
}

TEST(simulation_report, tells_how_many_workers_are_enough_and_what_a_change_brings) {
  const auto sentences = findings(make_report({{.key = "hot", .split = 2}}));
  ASSERT_GE(sentences.size(), 2U);
  EXPECT_THAT(sentences[sentences.size() - 2], HasSubstr("2 workers are enough: with 0.008 s"));
  EXPECT_THAT(sentences.back(),
              HasSubstr("hot:split=2 on 16 workers: makespan 0.004 s, not 0.008 s; p99 4.00 ms"));
}

TEST(simulation_report, names_the_load_only_where_there_are_several) {
  EXPECT_THAT(to_table(make_report({})), Not(HasSubstr("as it is")));
  const std::string table = to_table(make_report({{.key = "hot", .split = 2}}));
  EXPECT_THAT(table, ContainsRegex("  as it is +16 +0.008 +2.00 "));
  EXPECT_THAT(table, ContainsRegex("  hot:split=2 +16 +0.004 +4.00 "));
}

TEST(simulation_report, tells_what_a_sleep_takes_too_long) {
  simulation_report r = make_report({});
  EXPECT_THAT(to_table(r), HasSubstr("a handler takes exactly that"));
  r.costs = {.overshoot_ns = {20'000}, .cores = 2, .core_ns = 13'000};
  EXPECT_THAT(to_table(r), Not(HasSubstr("measured")));
  r.has_measured_costs = true;
  EXPECT_THAT(to_table(r), HasSubstr("takes 20.0 µs too long"));
  EXPECT_THAT(to_table(r), HasSubstr("one of 2 cores for 13.0 µs"));
}

TEST(simulation_report, fits_a_table_into_120_columns) {
  simulation_report r = make_report({{.key = "hot", .faster = 0.123456789, .split = 1024}});
  r.input.config.source = std::string(300, 'y');
  r.input.config.defaults.assign(12, "--some-option value");
  for (forecast_row& row : r.rows)
    row.figures.all = row.figures.hot = row.figures.cold = {123'456, 123'456, 123'456, 123'456};
  std::istringstream table{to_table(r)};
  std::size_t lines = 0;
  for (std::string line; std::getline(table, line); ++lines) {
    const auto points = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(points, 120) << line;
  }
  EXPECT_GT(lines, 20U);
}

} // namespace
} // namespace convoy::tool
