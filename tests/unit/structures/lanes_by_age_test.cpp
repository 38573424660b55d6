#include "sched/lanes_by_age.hpp"
#include "structures/nobody.hpp"

#include <algorithm>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <gtest/gtest.h>
#include <random>
#include <vector>

// In which order lanes wait for a worker.

namespace {

using convoy::detail::coarse;
using convoy::detail::coarse_time;
using convoy::detail::lanes_by_age;
using convoy::detail::ready_item;

/// Lanes in a deque, so that they stay where they are, and the order in which they came.
class waiting_lanes {
public:
  void push(coarse_time since) {
    auto& lane = made_.emplace_back(home_);
    lane.since = since;
    waiting_.push(lane);
  }
  /// Of the lane that is taken; there must be one.
  coarse_time pop() { return waiting_.pop()->since; }
  bool empty() { return waiting_.pop() == nullptr; }

  /// Which one it was, of all that were pushed.
  std::size_t pop_number() {
    const auto* const lane = waiting_.pop();
    const auto found = std::ranges::find_if(made_, [&](auto& each) { return &each == lane; });
    return static_cast<std::size_t>(found - made_.begin());
  }

private:
  nobody home_;
  std::deque<ready_item> made_;
  lanes_by_age waiting_;
};

TEST(lanes_by_age, give_the_oldest_first_whatever_the_order_they_come_in) {
  std::mt19937 random(7);
  for (const coarse_time begin : {0u, ~0u - 500}) { // it may come round meanwhile
    waiting_lanes lanes;
    std::vector<coarse_time> inside; // since `begin`
    for (coarse_time now = 0; now < 2'000; ++now) {
      for (auto count = random() % 3; count != 0; --count) {
        inside.push_back(random() % 4 == 0 ? static_cast<coarse_time>(random() % (now + 1)) : now);
        lanes.push(begin + inside.back());
      }
      if (!inside.empty() && random() % 8 != 0) {
        const auto oldest = std::ranges::min_element(inside);
        ASSERT_EQ(lanes.pop(), begin + *oldest);
        inside.erase(oldest);
      }
    }
    std::ranges::sort(inside);
    for (const auto each : inside)
      ASSERT_EQ(lanes.pop(), begin + each);
    EXPECT_TRUE(lanes.empty());
  }
}

TEST(lanes_by_age, that_are_as_old_as_each_other_are_first_come_first_served) {
  waiting_lanes lanes;
  for (int i = 0; i < 100; ++i)
    lanes.push(5);
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_EQ(lanes.pop_number(), i);
}

TEST(arrival_times, are_spread_evenly_between_two_looks) {
  convoy::detail::arrival_times times;
  times.see(100, 1'000, 0, 900); // made ready at 900
  EXPECT_EQ(times.of(0), 900u);
  EXPECT_EQ(times.of(50), 950u);
  times.see(300, 2'000, 60, 2'000); // not all of them have left the ring
  EXPECT_EQ(times.of(60), 960u);
  EXPECT_EQ(times.of(100), 1'000u);
  EXPECT_EQ(times.of(200), 1'500u);
  EXPECT_EQ(times.of(300), 2'000u);  // it came meanwhile
  times.see(303, 9'000, 301, 8'990); // it was idle for long
  EXPECT_EQ(times.of(301), 8'990u);
  EXPECT_EQ(times.of(302), 8'995u);
}

TEST(arrival_times, are_not_later_because_a_visit_came_between) {
  convoy::detail::arrival_times times;
  times.see(1'000, 500, 0, 100); // the first one ran in its cell, and its handler got stuck
  times.see(1'200, 600, 1, times.last_look());
  EXPECT_EQ(times.of(1), 100u + 599u * 1 / 1'199u);
  EXPECT_LE(times.of(500), 400u);
  times.see(1'200, 700, 1'200, times.last_look());
  times.see(1'300, 800, 1'200, times.last_look());
  EXPECT_EQ(times.of(1'250), 750u); // those from before 700 are all gone
}

TEST(arrival_times, may_come_round) {
  convoy::detail::arrival_times times;
  times.see(10, 5, 0, ~0u - 4);
  EXPECT_EQ(times.of(0), ~0u - 4);
  EXPECT_EQ(times.of(9), 4u);
}

TEST(coarse_time, is_fine_enough_to_tell_lanes_apart_whose_handlers_are_slow) {
  using std::chrono::microseconds;
  const convoy::detail::clock::time_point then{std::chrono::hours(1000)};
  EXPECT_NE(coarse(then), coarse(then + microseconds(25)));
  EXPECT_TRUE(convoy::detail::is_before(coarse(then), coarse(then + std::chrono::hours(9))));
}

/// Of a `long` key and a message of 16 bytes, as in the figures of bench/README.md.
TEST(lane, with_a_small_message_fills_two_lines_of_cache) {
  struct message {
    std::uint64_t words[2];
  };
  EXPECT_LE(sizeof(convoy::detail::lane<std::uint64_t, message, void>), 128u);
}

} // namespace
