#include <algorithm>
#include <chrono>
#include <convoy/detail/ds/timer_wheel.hpp>
#include <gtest/gtest.h>
#include <iterator>
#include <list>
#include <random>
#include <vector>

namespace {

using namespace std::chrono_literals;
using convoy::detail::timer;
using convoy::detail::timer_wheel;
using clock = convoy::detail::clock;

constexpr std::chrono::nanoseconds tick{1 << 17};

struct dated : timer {
  explicit dated(clock::time_point at) : due_at(at) {}
  clock::time_point due_at;
};

/// Against a list, with times from ticks to years.
TEST(timer_wheel, expires_each_timer_when_it_is_due) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    auto now = clock::time_point(std::chrono::nanoseconds(random() >> 3));
    timer_wheel wheel(now);
    std::list<dated> set;
    for (int step = 0; step < 1'000; ++step) {
      switch (random() % 4) {
      case 0:
      case 1:
        set.emplace_back(now + std::chrono::nanoseconds(random() >> (4 + random() % 50)));
        wheel.add(set.back(), set.back().due_at);
        break;
      case 2:
        if (!set.empty()) {
          const auto at = std::next(set.begin(), static_cast<long>(random() % set.size()));
          timer_wheel::remove(*at);
          set.erase(at);
        }
        break;
      default:
        auto earliest = clock::time_point::max() - 2 * tick;
        for (const auto& each : set)
          earliest = std::min(earliest, each.due_at);
        if (!set.empty()) {
          ASSERT_LE(wheel.next(), earliest + 2 * tick);
        }
        now += std::chrono::nanoseconds(random() >> (24 + random() % 35));
        std::uint64_t last = 0;
        wheel.expire(now, [&](timer& t) {
          ASSERT_LE(last, t.due_tick);
          last = t.due_tick;
          ASSERT_LE(static_cast<dated&>(t).due_at, now);
          set.remove_if([&](const dated& each) { return &each == &t; });
        });
        for (const auto& each : set)
          ASSERT_GT(each.due_at + 2 * tick, now);
      }
    }
    for (auto& each : set)
      timer_wheel::remove(each);
  }
}

TEST(timer_wheel, expires_what_is_due_together_in_the_order_of_add) {
  timer_wheel wheel(clock::time_point{});
  std::list<dated> set;
  const auto due = clock::time_point{} + 3s;
  std::vector<const timer*> added;
  std::vector<const timer*> expired;
  for (auto now = clock::time_point{}; now < due; now += 10ms) { // from coarse wheels to fine ones
    wheel.expire(now, [](timer&) { FAIL(); });
    added.push_back(&set.emplace_back(due));
    wheel.add(set.back(), due);
  }
  wheel.expire(due + 2 * tick, [&](timer& t) { expired.push_back(&t); });
  EXPECT_EQ(expired, added);
  EXPECT_EQ(wheel.next(), clock::time_point::max());
}

} // namespace
