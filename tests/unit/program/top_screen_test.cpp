// What `convoy top` shows, without a terminal.

#include "text/cells.hpp"
#include "text/utf8.hpp"
#include "top/controls.hpp"
#include "top/screen.hpp"
#include "top_screen.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

using namespace top_test;
using testing::HasSubstr;
using testing::Not;

/// Everything that is drawn fits, and harms no terminal.
void expect_fits(const screen& of, std::size_t width, std::size_t height) {
  const auto lines = draw(of, width, height);
  ASSERT_LE(lines.size(), height);
  for (const screen_line& line : lines) {
    const std::string text = text_of(line);
    ASSERT_LE(cells_of(text), width) << width << 'x' << height << ": " << text;
    ASSERT_EQ(valid_utf8(text), text.size());
    ASSERT_EQ(cell_text(text), text) << "not safe";
  }
}

TEST(top, shows_all_of_a_processor_on_80x24) {
  const std::string text = drawn(with({orders()}), 80, 24);
  EXPECT_EQ(count(text, "\n"), 24u);
  EXPECT_THAT(text, HasSubstr("/run/shop.sock  16 workers, window of 1.00 s"));
  EXPECT_THAT(line_with(text, "orders"), HasSubstr("1,500"));
  EXPECT_THAT(line_with(text, "orders"), HasSubstr("12.3k"));
  EXPECT_THAT(line_with(text, "orders"), HasSubstr("4.00 s"));
  EXPECT_THAT(line_with(text, "orders"), HasSubstr("97.0 %"));
  EXPECT_THAT(line_with(text, "orders"), HasSubstr("3.9 x"));
  EXPECT_THAT(line_with(text, "orders"), HasSubstr("250 ms"));
  EXPECT_THAT(text, HasSubstr("own key 50.0 %"));
  EXPECT_THAT(text, HasSubstr("0 backoff, 3 parked, 0 paused"));
  EXPECT_THAT(line_with(text, "> key0"),
              HasSubstr("40.0 %   36.0–44.0 1,234    17 1.50 ms  3.00 s"));
  EXPECT_THAT(text.substr(text.rfind("\n", text.size() - 2)), HasSubstr("q quit"));
}

TEST(top, draws_the_parts_of_the_wait_to_scale) {
  const std::string text = drawn(with({orders()}), 106, 24); // 100 cells
  const std::string bar = line_with(text, "WAIT");
  EXPECT_EQ(count(bar, "█"), 50u);
  EXPECT_EQ(count(bar, "▒"), 10u);
  EXPECT_EQ(count(bar, "▓"), 10u);
  EXPECT_EQ(count(bar, "─"), 30u);
}

TEST(top, draws_the_bounds_of_a_share_to_scale) {
  snapshot s = orders(0);
  s.hottest = {{.label = "a", .share = 0.5, .low = 0.4, .high = 0.8}};
  const std::string row = line_with(drawn(with({s}), 200, 24), "> a"); // 50 cells are 100 %
  EXPECT_EQ(count(row, "█"), 20u);
  EXPECT_EQ(count(row, "░"), 20u);
}

TEST(top, leaves_out_what_matters_least_where_there_is_no_room) {
  const std::string wide = drawn(with({orders()}), 80, 24),
                    narrow = drawn(with({orders()}), 50, 24);
  EXPECT_THAT(wide, HasSubstr("UTIL"));
  EXPECT_THAT(narrow, Not(HasSubstr("UTIL")));
  EXPECT_THAT(narrow, HasSubstr("BACKLOG"));
  EXPECT_THAT(narrow, HasSubstr("SHARE"));
  EXPECT_THAT(narrow, HasSubstr("DEPTH"));
}

TEST(top, fits_into_every_size) {
  screen many = with(std::vector<snapshot>(30, orders()));
  many.processors[29].positions = partitions(30);
  many.processor = 29;
  many.key = "key19";
  screen why = with({orders()});
  why.shows = panel::why;
  why.why = answer_to_why{
      .state = "retry", .sentence = std::string(500, 'x') + " a b", .facts = {{"a", "b"}}};
  screen help = with({orders()});
  help.shows = panel::help;
  screen sources = many;
  sources.shows = panel::sources;
  sources.scrolled = 1'000;
  screen lost = with({});
  lost.trouble = "the process has ended";
  for (const screen& each : {many, why, help, sources, lost, screen{}})
    for (const std::size_t width : {0u, 1u, 3u, 8u, 21u, 40u, 60u, 80u, 120u})
      for (const std::size_t height : {0u, 1u, 2u, 3u, 8u, 15u, 24u, 50u})
        expect_fits(each, width, height);
}

TEST(top, is_not_harmed_by_a_hostile_key) {
  for (const std::string& hostile :
       {std::string{"\x1b[2J\x1b]0;title\a\r\n"}, std::string{"\xff\xc3\xe2\x82"},
        std::string{"\u202e\u200b\u0301\u2028"}, std::string{"<script>\"'&"},
        std::string(1 << 16, 'x'),
        std::string{"漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"}}) {
    snapshot s = orders();
    s.name = hostile;
    s.hottest[0].label = hostile;
    s.positions = partitions(2);
    s.positions[0].name = hostile;
    screen of = with({s});
    of.socket = hostile;
    of.trouble = hostile;
    of.key = hostile;
    for (const panel shows : {panel::keys, panel::why}) {
      of.shows = shows;
      of.why = answer_to_why{.state = hostile, .sentence = hostile, .facts = {{"error", hostile}}};
      for (const std::size_t width : {10u, 80u})
        expect_fits(of, width, 24);
    }
    const std::string all = draw_all({s}, key_order::time);
    EXPECT_EQ(all.find_first_of("\x1b\r\a"), std::string::npos);
    EXPECT_EQ(valid_utf8(all), all.size());
    EXPECT_LT(all.size(), 20'000u);
  }
}

TEST(top, lists_keys_that_stand_still) {
  auto s = orders(2);
  s.held = {{.label = "closed\x1b[2J", .why = hold_reason::parked, .depth = 3, .since = 7s},
            {.label = "failing", .why = hold_reason::retry, .depth = 1, .since = 2s}};
  const std::string text = draw_all({s}, key_order::time);
  EXPECT_THAT(text, HasSubstr("parked for 7.00 s, 3 messages"));
  EXPECT_THAT(text, HasSubstr("failing retry for 2.00 s, 1 message"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(top, keeps_the_selected_key_in_sight) {
  screen of = with({orders()});
  of.key = "key19";
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("> key19"));
  EXPECT_THAT(drawn(of, 80, 24), Not(HasSubstr("key0")));
  of.key = "gone";
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("> key0"));
}

TEST(top, lists_everything_as_text) {
  snapshot other = orders(1);
  other.name = "other";
  const std::string text = draw_all({orders(), other}, key_order::time);
  EXPECT_EQ(count(text, "orders"), 2u);
  EXPECT_EQ(count(text, "\nother\n"), 1u);
  EXPECT_EQ(count(text, "key0"), 2u);
  EXPECT_EQ(count(text, "key19"), 1u);
  EXPECT_THAT(text, Not(HasSubstr(" \n")));
}

TEST(top, keys_select_and_order) {
  screen of = with({orders(), orders(2)});
  EXPECT_TRUE(press(of, pressed::down, 5));
  EXPECT_EQ(of.key, "key1");
  EXPECT_TRUE(press(of, pressed::page_down, 5));
  EXPECT_EQ(of.key, "key6");
  EXPECT_TRUE(press(of, pressed::last, 5));
  EXPECT_EQ(of.key, "key19");
  EXPECT_TRUE(press(of, pressed::down, 5));
  EXPECT_EQ(of.key, "key19");
  EXPECT_TRUE(press(of, pressed::page_up, 50));
  EXPECT_EQ(of.key, "key0");
  EXPECT_TRUE(press(of, pressed::by_messages, 5));
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("> many"));
  EXPECT_TRUE(press(of, pressed::by_cost, 5));
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("> dear"));
  EXPECT_TRUE(press(of, pressed::by_time, 5));
  EXPECT_TRUE(press(of, pressed::tab, 5));
  EXPECT_EQ(of.processor, 1u);
  EXPECT_TRUE(press(of, pressed::tab, 5));
  EXPECT_EQ(of.processor, 0u);
  EXPECT_FALSE(press(of, pressed::quit, 5));
  screen empty;
  for (const pressed key : {pressed::up, pressed::down, pressed::page_up, pressed::last,
                            pressed::enter, pressed::tab, pressed::escape, pressed::help})
    EXPECT_TRUE(press(empty, key, 5));
}

TEST(top, asks_why_about_the_selected_key_until_the_user_goes_back) {
  screen of = with({orders()});
  EXPECT_EQ(question_of(of), std::nullopt);
  EXPECT_TRUE(press(of, pressed::down, 5));
  EXPECT_TRUE(press(of, pressed::enter, 5));
  EXPECT_EQ(question_of(of), (question{"orders", "key1"}));
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("asking"));
  receive(of, {.processors = {orders()},
               .trouble = "",
               .asked = question{"orders", "key2"}, // of a panel that was closed
               .why = answer_to_why{.state = "idle", .sentence = "another", .facts = {}},
               .why_not = ""});
  EXPECT_THAT(drawn(of, 80, 24), Not(HasSubstr("another")));
  receive(of, {.processors = {orders()},
               .trouble = "",
               .asked = question{"orders", "key1"},
               .why = answer_to_why{.state = "retry", .sentence = "tried again", .facts = {}},
               .why_not = ""});
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("tried again"));
  EXPECT_TRUE(press(of, pressed::down, 5)); // stays
  EXPECT_EQ(of.key, "key1");
  EXPECT_TRUE(press(of, pressed::escape, 5));
  EXPECT_EQ(question_of(of), std::nullopt);
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("> key1"));
}

TEST(top, changes_nothing_while_it_is_frozen) {
  screen of = with({orders()});
  EXPECT_TRUE(press(of, pressed::freeze, 5));
  const std::string before = drawn(of, 80, 24);
  EXPECT_THAT(before, HasSubstr("FROZEN"));
  receive(of, {.processors = {}, .trouble = "ended", .asked = {}, .why = {}, .why_not = ""});
  EXPECT_EQ(drawn(of, 80, 24), before);
  EXPECT_TRUE(press(of, pressed::freeze, 5));
  receive(of, {.processors = {}, .trouble = "ended", .asked = {}, .why = {}, .why_not = ""});
  EXPECT_THAT(drawn(of, 80, 24), HasSubstr("ended"));
}

TEST(top, writes_numbers_in_few_cells) {
  EXPECT_EQ(short_count(0), "0");
  EXPECT_EQ(short_count(0.5), "0.5");
  EXPECT_EQ(short_count(6.0000001), "6");
  EXPECT_EQ(short_count(9'876), "9,876");
  EXPECT_EQ(short_count(12'345), "12.3k");
  EXPECT_EQ(short_count(4.56e6), "4.56M");
  EXPECT_EQ(short_count(1e300), "many");
  EXPECT_EQ(short_span(0), "–");
  EXPECT_EQ(short_span(0.0123), "12.3 ms");
  EXPECT_EQ(short_span(36'000), "10.0 h");
  EXPECT_EQ(short_span(1e6), "12 d");
  EXPECT_EQ(short_span(1e300), "ages");
  EXPECT_EQ(short_share(0.421), "42.1 %");
  EXPECT_EQ(short_share(1), "100 %");
}

} // namespace
} // namespace convoy::tool
