// What the page of a replay says, and how it is put together. What a browser makes of it is tested in
// tests/cli/page_test.py.

#include "report/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <string>

namespace convoy::tool {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Ne;
using testing::Not;
using testing::Pair;

run_figures run_on_page(const std::string& strategy, double seconds) {
  run_figures f;
  f.strategy = strategy;
  f.workers = f.bound_workers = 16;
  f.messages = 1000;
  f.seconds = seconds;
  f.throughput = 1000 / seconds;
  f.bound_seconds = 1;
  f.efficiency = 1 / seconds;
  f.overshoot_share = 0.05;
  f.all = {1, 2'000, 3, 4};
  f.share = {0.1, 0.2, 0.3, 0.4};
  return f;
}

report report_on_page() {
  report r;
  r.version = "1.2.3";
  r.config.source = "input.csv";
  r.config.service = "exp:1ms";
  r.config.service_kind = "sleep";
  r.config.workers = 16;
  r.keys = {"red", "green"};
  r.trace = {1000, 0, 2, {{1, 0.75, 0.5}, {0, 0.25, 0.5}}, 4};
  r.runs = {run_on_page("lanes", 1.25), run_on_page("single", 5)};
  return r;
}

page_data make_data() {
  page_data page;
  page.series.resize(2);
  page.series[0] = {{{1, 1}, {2, 3.14159265}}, 0.5, {10, 0}, {7, 3}};
  page.keys = {{.key = 1, .messages = 750, .share = 0.75, .work_share = 0.25, .busy = 0.9}};
  page.keys_of = "lanes";
  page.keys_workers = 16;
  page.concentration = {{1, 0.4, 0.75}, {2, 1, 1}};
  page.unordered_bound_seconds = 0.8;
  page.ceiling = 4;
  page.predicted = predictions{{{1, {4, 9'000}, 4}, {1024, {1.1, 2'000}, 1}},
                               5,
                               {1.2, 3'000},
                               {{1, {0.9, 2'900}, {0.6, 2'800}}}};
  return page;
}

TEST(conclusion, is_made_from_the_figures) {
  EXPECT_THAT(
      conclusion(report_on_page(), make_data()),
      ElementsAre(
          "Lanes handled 1,000 messages of 2 keys in 1.25 s, at 80.0 % of the speed that order and "
          "16 workers allow.",
          "Order costs 25.0 % more time: on 16 workers the work takes at least 800 ms without it, "
          "and 1.00 s with it.",
          "Key green has 25.0 % of the work. As its messages go one after the other, no number of "
          "workers is more than 4.00 times as fast as one: it is this key that limits the run, not "
          "the workers.",
          "5 workers are enough, by prediction: 1,024 would end at most 5 % sooner.",
          "Most would help to split key green in 4: by prediction the run becomes 50.0 % shorter, "
          "600 ms instead of 1.20 s.",
          "Single took 4.00 times as long as lanes."));
}

TEST(conclusion, knows_when_order_costs_nothing_and_the_workers_are_the_limit) {
  page_data page = make_data();
  page.unordered_bound_seconds = 1;
  page.ceiling = 20;
  EXPECT_THAT(conclusion(report_on_page(), page),
              AllOf(Contains(HasSubstr("Order costs nothing here")),
                    Contains(HasSubstr("with 16 workers it is not the limit"))));
}

TEST(conclusion, says_when_no_change_to_a_key_would_help) {
  page_data page = make_data();
  page.predicted->keys[0] = {1, {1.19, 0}, {1.18, 0}};
  EXPECT_THAT(conclusion(report_on_page(), page),
              Contains("Neither to split the busiest key nor to make it twice as fast "
                       "would make the run 5 % shorter."));
}

TEST(conclusion, is_about_waits_where_the_load_is_open) {
  report r = report_on_page();
  r.config.closed = false;
  page_data page = make_data();
  page.asked.rate = 2;
  EXPECT_THAT(
      conclusion(r, page),
      AllOf(Contains(HasSubstr("Order costs waits: in lanes, 20.0 % of the time")),
            Contains(HasSubstr("25.0 % of the work: 0.50 s a second, where order gives a key 1")),
            Contains(HasSubstr("99th percentile of latency becomes 6.7 % shorter"))));
}

TEST(conclusion, names_what_joint_messages_tie_together_where_they_do) {
  report r = report_on_page();
  r.config.closed = false;
  r.trace.joint = 1;
  page_data page = make_data();
  page.asked.rate = 2;
  EXPECT_THAT(conclusion(r, page), Each(Not(HasSubstr("tie together"))));
  page.asked.path_rate = 1.25;
  EXPECT_THAT(conclusion(r, page),
              Contains(HasSubstr("Of what joint messages tie together it also gets 1, of 1.25.")));
}

TEST(conclusion, leaves_out_how_much_work_arrives_where_that_is_unknown) {
  report r = report_on_page();
  r.config.closed = false;
  EXPECT_THAT(conclusion(r, make_data()), Contains("Key green has 25.0 % of the work."));
}

TEST(conclusion, makes_little_of_a_few_messages) {
  report r = report_on_page();
  r.trace.messages = 99;
  for (run_figures& f : r.runs)
    f.messages = 99;
  r.warnings = {"the sky falls"};
  page_data page = make_data();
  page.predicted.reset();
  EXPECT_THAT(conclusion(r, page), ElementsAre(HasSubstr("handled 99 messages"),
                                               "99 messages are too few to compare strategies by.",
                                               "Warning: the sky falls."));
}

report with_faults() {
  report r = report_on_page();
  r.config.faults.emplace();
  r.config.faults->fail_share = 0.5;
  r.config.faults->stuck = {{"red", 20'000'000}};
  r.runs = {run_on_page("lanes clean", 5), run_on_page("lanes", 1.25)};
  r.runs[1].dead = 400;
  return r;
}

TEST(conclusion, counts_no_dead_message_as_handled) {
  EXPECT_THAT(conclusion(with_faults(), make_data()),
              Contains(HasSubstr("Lanes handled 600 of 1,000 messages of 2 keys in 1.25 s")));
}

TEST(conclusion, takes_no_clean_run_for_another_strategy) {
  const report r = with_faults();
  EXPECT_THAT(conclusion(r, make_data()), Not(Contains(HasSubstr("lanes clean"))));
  EXPECT_THAT(conclusion(r, make_data()), Not(Contains(HasSubstr("times as long"))));
  for (const auto& [chart, words] : readings(r, make_data()))
    EXPECT_THAT(words, Not(HasSubstr("clean"))) << chart;
}

TEST(readings, say_nothing_of_latencies_where_nothing_was_handled) {
  report r = with_faults();
  r.runs[1].dead = 1000;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  r.runs[1].all = {none, none, none, none};
  r.runs[1].share = {};
  for (const auto& [chart, words] : readings(r, make_data()))
    EXPECT_THAT(chart, AllOf(Ne("latency"), Ne("waits"))) << words;
}

TEST(facts, name_the_faults) {
  EXPECT_THAT(facts(with_faults(), make_data()),
              Contains(Pair("Faults", AllOf(HasSubstr("--stick red:20ms"), HasSubstr("--fail 0.5"),
                                            HasSubstr("--policy attempts=")))));
}

TEST(conclusion, names_strategies_that_broke_the_order_and_ends_with_warnings) {
  report r = report_on_page();
  r.runs[1].keeps_order = false;
  r.runs[1].overlaps = 7;
  r.warnings = {"the sky falls"};
  EXPECT_THAT(conclusion(r, make_data()),
              AllOf(Contains("Single broke the order: 0 messages began out of order, 7 while "
                             "another of their key ran."),
                    Contains("Warning: the sky falls.")));
  r.runs[1].keeps_order = true;
  r.runs[1].lost = 2;
  EXPECT_THAT(conclusion(r, make_data()),
              Contains(AllOf(HasSubstr("Single BROKE ITS PROMISE"), HasSubstr("2 were lost"))));
}

TEST(conclusion, compares_runs_with_the_most_workers) {
  report r = report_on_page();
  r.config.sweep = {2, 16};
  r.runs = {run_on_page("lanes", 4), run_on_page("lanes", 1), run_on_page("mutex", 9),
            run_on_page("mutex", 2)};
  r.runs[0].workers = r.runs[2].workers = 2;
  page_data page = make_data();
  page.series.resize(4);
  EXPECT_THAT(conclusion(r, page),
              AllOf(Contains(HasSubstr("Lanes with 16 workers handled")),
                    Contains("Mutex with 16 workers took 2.00 times as long as lanes with 16 "
                             "workers.")));
}

TEST(readings, explain_every_chart) {
  const auto said = readings(report_on_page(), make_data());
  std::map<std::string, std::string> words;
  for (const auto& [chart, reading] : said) {
    words[chart] = reading;
    EXPECT_TRUE(reading.ends_with('.')) << reading;
  }
  for (const char* const chart : {"speed", "loss", "latency", "waits", "backlog", "throughput",
                                  "keys", "concentration", "hot", "workers", "what_if"})
    EXPECT_THAT(words, Contains(Pair(chart, testing::SizeIs(testing::Gt(30U))))) << chart;
  EXPECT_THAT(words["loss"], AllOf(HasSubstr("80.0 %"), HasSubstr("5.0 % went to handlers"),
                                   HasSubstr("15.0 % to all else")));
  EXPECT_THAT(words["backlog"], HasSubstr("At most 10 messages"));
  EXPECT_THAT(words["concentration"], HasSubstr("2 keys of 2 have 100.0 % of the work"));
  EXPECT_THAT(words["waits"], HasSubstr("10.0 % of their time waiting to be taken, 20.0 % behind"));
}

TEST(readings, are_in_good_english_where_there_is_little) {
  page_data page = make_data();
  page.concentration = {{1, 0.6, 0.75}, {2, 1, 1}};
  page.series[0].throughput = {0, 0, 3};
  const auto said = readings(report_on_page(), page);
  EXPECT_THAT(said, AllOf(Contains(Pair("concentration", HasSubstr("1 key of 2 has 60.0 %"))),
                          Contains(Pair("throughput", "Half of the time lanes did less than 1 "
                                                      "message a second."))));
}

TEST(facts, say_in_words_what_handlers_do) {
  const auto of = [](const std::string& service) {
    report r = report_on_page();
    r.config.service = service;
    for (const auto& [name, words] : facts(r, make_data()))
      if (name == "Handlers")
        return words;
    return std::string{};
  };
  EXPECT_THAT(of("exp:1ms"), HasSubstr("take 1ms on average, exponentially distributed, in sleep"));
  EXPECT_THAT(of("trace"), HasSubstr("take what the input says"));
  EXPECT_THAT(of("trace:2"), HasSubstr("take 2 times what the input says"));
  EXPECT_THAT(of("fixed:10us"), HasSubstr("take 10us each"));
  EXPECT_THAT(of("bimodal:1us,1ms,0.1"), HasSubstr("take 1us, or 1ms for 10.0 % of the messages"));
}

TEST(page, puts_its_parts_together_and_keeps_markup_out_of_its_data) {
  report r = report_on_page();
  r.keys[1] = "</script><!-- {{charts.js}} \x1b\xff" + std::string(1'000'000, 'x');
  r.config.source = "<b>\"&\\";
  const std::string text = to_page(r, make_data());
  EXPECT_THAT(text, AllOf(HasSubstr("<!doctype html>"), HasSubstr("Chart.js v"),
                          HasSubstr("--background"), HasSubstr("drawAll();"),
                          HasSubstr("\\u003c/script>\\u003c!-- {{charts.js}} ??xxx"),
                          HasSubstr("\\u003cb>\\\"&\\\\"), HasSubstr("3.142")));
  EXPECT_THAT(text, Not(HasSubstr("3.1415")));
  EXPECT_THAT(text, Not(HasSubstr("</script><!--")));
  EXPECT_LT(text.size(), 400'000U);
  EXPECT_EQ(text.find("{{data}}"), std::string::npos);
}

} // namespace
} // namespace convoy::tool
