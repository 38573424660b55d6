#include "source/source.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <gmock/gmock.h>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

// What holds up a partition for too long: that it is told of, and what becomes of it.

namespace {

using namespace source_test;
using namespace std::chrono_literals;
using convoy::blocked;
using testing::ElementsAre;
using testing::HasSubstr;

intake_options blocked_after_nothing(blocked then) {
  auto result = usual();
  result.blocked_after = 1ms;
  result.then = then;
  return result;
}

/// The record at position 0 of key a is there for long enough.
bool look(source<>& at) {
  std::this_thread::sleep_for(2ms);
  return at.books().look_for_blocked(at.lanes(), clock::now());
}

TEST(source_blocked, is_reported_once) {
  source<> its([](record&) { return outcome::park.because("no money"); }, {},
               blocked_after_nothing(blocked::report));
  auto& home = its.open("orders[3]");
  its.deliver(home, 17, "a");
  its.deliver(home, 18, "b");
  ASSERT_TRUE(eventually([&] { return its.processor().parked() == 2; }));
  EXPECT_FALSE(look(its));
  EXPECT_FALSE(look(its));
  ASSERT_THAT(its.reports(), testing::SizeIs(1)) << "18 holds up nothing while 17 does";
  EXPECT_THAT(its.reports()[0], HasSubstr("orders[3]"));
  EXPECT_THAT(its.reports()[0], HasSubstr("position 17"));
  EXPECT_THAT(its.reports()[0], HasSubstr("no money"));
}

TEST(source_blocked, is_not_reported_too_early) {
  auto bounds = usual();
  source<> its([](record&) { return outcome::park; }, {}, std::move(bounds));
  its.deliver(its.open(), 0, "a");
  EXPECT_FALSE(look(its));
  EXPECT_THAT(its.reports(), testing::IsEmpty());
}

TEST(source_blocked, ends_it_all) {
  source<> its([](record&) { return outcome::park; }, {}, blocked_after_nothing(blocked::stop));
  its.deliver(its.open(), 0, "a");
  EXPECT_TRUE(look(its));
}

/// Becomes a dead letter, whatever it waits for; its handler is not called again.
void expect_dead(
    const std::function<outcome(record&)>& handler, convoy::key_state state,
    const std::function<void(source<>&)>& before = [](source<>&) {}) {
  std::atomic<int> calls{0};
  contents dead;
  source<> its(
      [&](record& what) -> outcome {
        if (what.content() != 0)
          return outcome::done;
        ++calls;
        return handler(what);
      },
      {.failure = convoy::failure_policy{.attempts = 10,
                                         .backoff = std::chrono::hours(1),
                                         .ceiling = std::chrono::hours(1),
                                         .max_block = std::chrono::hours(10)},
       .dead_letters = sink(
           [&](letter& one) {
             EXPECT_EQ(one.reason, convoy::detail::blocked_too_long);
             dead.add(one.message.content());
           },
           nullptr)},
      blocked_after_nothing(blocked::dead_letter));
  auto& home = its.open();
  before(its);
  its.deliver(home, 0, "a");
  its.deliver(home, 1, "a");
  ASSERT_TRUE(eventually([&] { return its.processor().explain("a").state == state; }));
  const auto made = calls.load();
  EXPECT_FALSE(look(its));
  if (state == convoy::key_state::paused) {
    EXPECT_EQ(dead.size(), 0u);
    its.processor().resume("a");
  }
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_THAT(dead.all(), ElementsAre(0));
  EXPECT_EQ(calls.load(), made);
  EXPECT_EQ(home.so_far(), (progress{2, {}}));
  EXPECT_TRUE(balanced(its.account()));
}

TEST(source_blocked, becomes_a_dead_letter_where_it_is_parked) {
  expect_dead([](record&) { return outcome::park; }, convoy::key_state::parked);
}
TEST(source_blocked, becomes_a_dead_letter_when_it_is_tried_again) {
  expect_dead([](record&) { return outcome::retry_after(std::chrono::hours(1)); },
              convoy::key_state::retry);
}
TEST(source_blocked, becomes_a_dead_letter_when_its_handler_throws) {
  expect_dead([](record&) -> outcome { throw std::runtime_error("no"); }, convoy::key_state::retry);
}
TEST(source_blocked, becomes_a_dead_letter_after_a_pause) {
  expect_dead([](record&) { return outcome::done; }, convoy::key_state::paused,
              [](source<>& its) { its.processor().pause("a"); });
}

/// It waits behind a record of another partition, whose attempts it must not use up.
TEST(source_blocked, wakes_nobody_else) {
  std::atomic<int> calls{0};
  gate held;
  source<> its(
      [&](record& what) -> outcome {
        if (what.content() == 0) {
          held.pass();
          return outcome::done;
        }
        ++calls;
        return outcome::park;
      },
      {.dead_letters = sink([](letter&) {}, nullptr)}, blocked_after_nothing(blocked::dead_letter));
  auto& other = its.open("t[0]");
  auto& home = its.open("t[1]");
  its.deliver(other, 0, "z", 0); // the other's lowest, which runs
  held.await_visitors();
  its.deliver(other, 1, "a", 1);
  ASSERT_TRUE(eventually([&] { return its.processor().parked() == 1; }));
  its.deliver(home, 0, "a", 2);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(look(its));
    (void)its.processor().explain("a"); // after what was asked for before
  }
  EXPECT_THAT(its.reports(), testing::SizeIs(2));
  EXPECT_EQ(calls.load(), 1);
  held.open();
}

/// Whose explanations come late, as no worker has time for them.
struct slow_lanes final : convoy::detail::lane_control {
  std::string why_blocked(const std::string&, std::chrono::nanoseconds within) override {
    longest = std::max(longest, within);
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(4ms, within));
    return "?";
  }
  void try_now(const std::string&) override {}
  void give_back(const std::string&) override {}
  std::chrono::nanoseconds longest{};
};

TEST(source_blocked, is_looked_for_a_while_and_then_the_next_time) {
  auto bounds = blocked_after_nothing(blocked::report);
  std::vector<std::string> told;
  bounds.report = [&](std::string_view what) { told.emplace_back(what); };
  intake books(std::move(bounds));
  std::array<delivery_holder, 10> held;
  for (auto& each : held) {
    auto& home = books.open("t", 0, {}, &flying::make);
    auto& its = *home.begin(0);
    each = delivery_holder(its);
    its.since = clock::now() - 1h;
    books.count(its);
  }
  slow_lanes lanes;
  EXPECT_FALSE(books.look_for_blocked(lanes, clock::now()));
  EXPECT_LE(told.size(), 3u);
  EXPECT_LE(lanes.longest, 10ms) << "of all";
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(books.look_for_blocked(lanes, clock::now()));
  EXPECT_EQ(told.size(), 10u) << "each in its turn, and once";
  for (auto& each : held)
    each = {};
}

TEST(source_blocked, is_only_reported_while_its_handler_runs) {
  gate held;
  source<> its([&](record&) { held.pass(); }, {.dead_letters = sink([](letter&) {}, nullptr)},
               blocked_after_nothing(blocked::dead_letter));
  auto& home = its.open();
  its.deliver(home, 0, "a");
  held.await_visitors();
  EXPECT_FALSE(look(its));
  EXPECT_THAT(its.reports(), testing::SizeIs(1));
  held.open();
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(its.account().dead_letters, 0u);
}

} // namespace
