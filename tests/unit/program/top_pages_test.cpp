// The pages of `convoy top` that scroll: its sources, and what its words mean.

#include "text/cells.hpp"
#include "top/controls.hpp"
#include "top/help.hpp"
#include "top/screen.hpp"
#include "top_screen.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <sstream>
#include <string>

namespace convoy::tool {
namespace {

using namespace top_test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(top_pages, lists_sources_where_there_are_any) {
  EXPECT_THAT(draw_all({orders()}, key_order::time), Not(HasSubstr("SOURCE")));
  auto s = orders();
  s.positions = partitions(12);
  const std::string all = draw_all({s}, key_order::time);
  EXPECT_EQ(count(all, "orders["), 12u);
  EXPECT_THAT(line_with(all, "LAG"),
              testing::MatchesRegex("SOURCE +LAG +OLDEST +IN FLIGHT +GAPS +COMMITTED"));
  EXPECT_THAT(line_with(all, "orders[3]"),
              testing::MatchesRegex("orders.3. +300 +7.00 s +45 +3 +1000000017"));
  const std::string few = drawn(with({s}), 80, 24);
  EXPECT_THAT(few, HasSubstr("SOURCE, 3 of 12"));
  EXPECT_EQ(count(few, "orders["), 3u);
  EXPECT_LT(few.find("orders[11]"), few.find("orders[10]")); // the most lag
  EXPECT_LT(few.find("orders[10]"), few.find("orders[9]"));
  EXPECT_THAT(few, HasSubstr("> key0"));
  EXPECT_THAT(drawn(with({s}), 80, 15), HasSubstr("orders[11]"));
}

TEST(top_pages, scrolls_through_all_sources) {
  auto s = orders();
  s.positions = partitions(30);
  screen of = with({s});
  constexpr std::size_t page = 12; // of 24 lines
  EXPECT_TRUE(press(of, pressed::sources, page));
  EXPECT_THAT(drawn(of, 80, 24), AllOf(HasSubstr("orders[29]"), Not(HasSubstr("> key0"))));
  EXPECT_THAT(drawn(of, 80, 24), Not(HasSubstr("orders[0]")));
  EXPECT_TRUE(press(of, pressed::down, page));
  EXPECT_THAT(drawn(of, 80, 24), AllOf(HasSubstr("COMMITTED"), Not(HasSubstr("orders[29]"))));
  EXPECT_TRUE(press(of, pressed::last, page));
  EXPECT_THAT(drawn(of, 80, 24), AllOf(HasSubstr("COMMITTED"), HasSubstr("orders[0]")));
  EXPECT_TRUE(press(of, pressed::page_up, page));
  EXPECT_THAT(drawn(of, 80, 24), Not(HasSubstr("orders[0]")));
  EXPECT_TRUE(press(of, pressed::first, page));
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("orders[29]"));
  EXPECT_TRUE(press(of, pressed::enter, page)); // no key is seen that it could be about
  EXPECT_EQ(question_of(of), std::nullopt);
  EXPECT_TRUE(press(of, pressed::sources, page));
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("> key0"));
}

TEST(top_pages, keeps_the_end_of_a_source_s_name) {
  auto s = orders();
  s.positions = partitions(1);
  s.positions[0].name = std::string(200, 'x') + "[42]";
  EXPECT_THAT(drawn(with({s}), 80, 24), HasSubstr("xxx[42] "));
  EXPECT_THAT(drawn(with({s}), 30, 24), HasSubstr("xxx[42] "));
}

TEST(top_pages, explains_each_word_that_it_shows) {
  auto s = orders();
  s.positions = partitions(2);
  s.lanes.lingering = s.lanes.limited = 1;
  s.held = {{.label = "closed", .why = hold_reason::parked, .depth = 3, .since = 7s}};
  screen of = with({s});
  EXPECT_TRUE(press(of, pressed::help, 38));
  const std::string help = drawn(of, 80, 60);
  std::string all = draw_all({s}, key_order::time);
  all.replace(all.find("FULL: 50 %"), 10, "FULL:");
  for (const std::string row : {"PROCESSOR", "SOURCE", "KEY "}) {
    std::istringstream heads{line_with(all, row)};
    for (std::string head; heads >> head;)
      if (head != "PROCESSOR" && head != "SOURCE" && head != "KEY" && head != "IN") {
        EXPECT_THAT(help, HasSubstr(head)) << row;
      }
  }
  for (const std::string word :
       {"WAIT", "STATE", "STILL", "TIME", "IN FLIGHT", "admission", "own key", "scheduler",
        "backoff", "service", "running", "waiting", "parked", "paused", "lingering", "limited"}) {
    EXPECT_THAT(all, HasSubstr(word));
    EXPECT_THAT(help, HasSubstr(word));
  }
}

TEST(top_pages, scrolls_the_help_on_a_small_screen) {
  screen of = with({orders()});
  EXPECT_TRUE(press(of, pressed::help, 12));
  EXPECT_THAT(drawn(of, 80, 24), AllOf(HasSubstr("up, down"), Not(HasSubstr("WAIT/s"))));
  EXPECT_TRUE(press(of, pressed::last, 12));
  EXPECT_THAT(drawn(of, 80, 24), AllOf(Not(HasSubstr("Enter")), HasSubstr("WAIT/s")));
  for (const screen_line& line : help_lines())
    EXPECT_LE(cells_of(text_of(line)), 80u) << text_of(line); // or it would be cut
}

} // namespace
} // namespace convoy::tool
