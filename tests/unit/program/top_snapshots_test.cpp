// Snapshots that come back from JSON.

#include "text/input_error.hpp"
#include "top/snapshots.hpp"

#include <chrono>
#include <convoy/insight/json.hpp>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

using namespace std::chrono_literals;

TEST(top_snapshots, come_back_as_they_were) {
  snapshot s;
  s.name = "orders";
  s.workers = 4;
  s.accepted = 12'345'678'901;
  s.backlog = 17;
  s.oldest = 1500ms;
  s.lanes = {.running = 1,
             .waiting = 2,
             .backoff = 3,
             .parked = 4,
             .paused = 5,
             .lingering = 6,
             .limited = 7};
  s.held = {{.label = "b", .why = hold_reason::lingering, .depth = 2, .since = 3s, .until = 4s}};
  s.window = 1s;
  s.handler = {.mean = 3ms, .p50 = 1ms, .p99 = 2ms, .p999 = 4ms, .max = 5ms};
  s.wait = {.admission = 0.1, .own_key = 0.2, .scheduler = 0.3, .backoff = 0.15, .service = 0.25};
  s.utilisation = 0.5;
  s.speedup_ceiling = 3.5;
  s.hottest = {{.label = "a", .share = 0.5, .low = 0.4, .high = 0.6, .depth = 3, .to_drain = 7ms}};
  s.positions = {{.name = "orders[3]",
                  .committed = 12'345'678'901,
                  .watermark = 12'345'678'902,
                  .gaps = 2,
                  .in_flight = 5,
                  .lag = 1000,
                  .oldest = 1500ms},
                 {.name = "orders[4]"}};
  const std::string json = to_json(std::span<const snapshot>{&s, 1});
  const auto back = parse_snapshots(json);
  EXPECT_EQ(to_json(back), json);
  EXPECT_EQ(back.at(0).oldest, 1500ms);
  ASSERT_EQ(back.at(0).positions.size(), 2u);
  EXPECT_EQ(back.at(0).positions[0].watermark, 12'345'678'902u);
  EXPECT_EQ(back.at(0).positions[0].oldest, 1500ms);
  EXPECT_EQ(back.at(0).lanes.limited, 7u);
}

TEST(top_snapshots, take_what_there_is_from_another_version) {
  EXPECT_EQ(parse_snapshots("[]").size(), 0u);
  const auto odd = parse_snapshots(
      R"([{"name": 7, "workers": -1, "backlog": 1e300, "window_seconds": 1e300, "wait": [],
           "handler_seconds": {"p50": -1e300}, "hottest": [3, {"label": null, "depth": 5}],
           "positions": [3, {"name": 7, "lag": -1, "gaps": 2}], "new": {}}, 9])");
  ASSERT_EQ(odd.size(), 2u);
  EXPECT_EQ(odd[0].name, "");
  EXPECT_EQ(odd[0].backlog, 0u);
  ASSERT_EQ(odd[0].hottest.size(), 2u);
  EXPECT_EQ(odd[0].hottest[1].depth, 5u);
  ASSERT_EQ(odd[0].positions.size(), 2u);
  EXPECT_EQ(odd[0].positions[1].lag, 0u);
  EXPECT_EQ(odd[0].positions[1].gaps, 2u);
}

TEST(top_snapshots, cut_what_is_no_label) {
  snapshot s;
  s.hottest = {{.label = std::string(1 << 20, 'x')}};
  EXPECT_LE(
      parse_snapshots(to_json(std::span<const snapshot>{&s, 1})).at(0).hottest.at(0).label.size(),
      256u);
}

TEST(top_snapshots, refuse_what_is_none) {
  for (const char* text : {"", "{", "{}", "7", "<html>", "[\"\xff\"]"})
    EXPECT_THROW(static_cast<void>(parse_snapshots(text)), input_error) << text;
  EXPECT_THROW(static_cast<void>(parse_why("{}")), input_error);
  EXPECT_THROW(static_cast<void>(parse_why("[]")), input_error);
}

TEST(top_snapshots, refuse_what_is_nested_too_deeply) {
  constexpr std::size_t deep = 2'000'000;
  const std::string text = std::string(deep, '[') + std::string(deep, ']');
  EXPECT_THROW(static_cast<void>(parse_snapshots(text)), input_error);
  EXPECT_THROW(static_cast<void>(parse_why(text)), input_error);
  EXPECT_THROW(static_cast<void>(plain_json(text)), input_error);
}

TEST(top_snapshots, have_shares_that_can_be_some) {
  const auto odd = parse_snapshots(
      R"([{"utilisation": 9, "efficiency": -1, "wait": {"own_key": -5, "service": 1e300},
           "hottest": [{"share": 9, "low": -5, "high": 1e300}]}])");
  EXPECT_EQ(odd.at(0).utilisation, 1);
  EXPECT_EQ(odd[0].efficiency, 0);
  EXPECT_EQ(odd[0].wait.own_key, 0);
  EXPECT_EQ(odd[0].wait.service, 1);
  EXPECT_EQ(odd[0].hottest.at(0).share, 1);
  EXPECT_EQ(odd[0].hottest[0].low, 0);
  EXPECT_EQ(odd[0].hottest[0].high, 1);
}

TEST(top_snapshots, tell_why_in_words) {
  const auto why = parse_why(R"({"state": "retry", "text": "it is tried again", "depth": 3,
                                 "since_seconds": 0.5, "worker": null, "attempts": 2, "error": "no\n"})");
  EXPECT_EQ(why.state, "retry");
  EXPECT_EQ(why.sentence, "it is tried again");
  ASSERT_EQ(why.facts.size(), 4u);
  EXPECT_EQ(why.facts[1], (std::pair<std::string, std::string>{"for", "500 ms"}));
}

TEST(top_snapshots, tell_which_other_key_it_waits_for) {
  using fact = std::pair<std::string, std::string>;
  const auto why = parse_why(R"({"state": "joint", "text": "it waits", "other": "a\u001bb",
                                 "other_state": "paused"})");
  ASSERT_EQ(why.facts.size(), 2u);
  EXPECT_EQ(why.facts[0], fact("waits for its turn in", "a\x1b"
                                                        "b")); // screens clean it
  EXPECT_EQ(why.facts[1], fact("which is", "paused"));
}

TEST(top_snapshots, print_as_ascii) {
  EXPECT_THROW(static_cast<void>(plain_json("{}")), input_error);
  EXPECT_EQ(plain_json("[ {\"b\": \"\xc2\x9b\\u001b\", \"a\": 1} ]"),
            "[{\"b\":\"\\u009b\\u001b\",\"a\":1}]");
}

} // namespace
} // namespace convoy::tool
