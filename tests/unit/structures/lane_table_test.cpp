#include <convoy/convoy.hpp>
#include <cstdint>
#include <deque>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace {

struct fake_lane {
  std::string key;
  std::uint32_t hash = 0;
  fake_lane* next = nullptr;
};

using table = convoy::detail::key_table<fake_lane, std::equal_to<std::string>>;

fake_lane numbered(int i, std::uint32_t hash) {
  return {.key = std::to_string(i), .hash = hash};
}

TEST(key_table, finds_what_was_inserted_and_nothing_else) {
  table lanes({});
  auto one = numbered(1, 77);
  lanes.insert(one);
  EXPECT_EQ(lanes.find(std::string("1"), 77), &one);
  EXPECT_EQ(lanes.find(std::string("2"), 77), nullptr); // same hash
  EXPECT_EQ(lanes.find(std::string("1"), 78), nullptr);
  EXPECT_EQ(lanes.size(), 1u);
  lanes.erase(one);
  EXPECT_EQ(lanes.find(std::string("1"), 77), nullptr);
  EXPECT_EQ(lanes.size(), 0u);
}

/// Grows a table to 10,000 lanes and shrinks it again, with every lane found all the time.
void expect_right_at_any_size(std::uint32_t (*hash)(int)) {
  constexpr int count = 10'000;
  table lanes({});
  std::deque<fake_lane> made;
  for (int i = 0; i < count; ++i)
    lanes.insert(made.emplace_back(numbered(i, hash(i))));
  for (auto& lane : made)
    ASSERT_EQ(lanes.find(lane.key, lane.hash), &lane);
  EXPECT_FALSE(lanes.has_spares());
  for (int i = 0; i < count; ++i) {
    if (i % 500 == 0)
      lanes.trim();
    const auto at = static_cast<std::size_t>(i * 7'919L % count); // 7919 is prime: all, scattered
    lanes.erase(made[at]);
    ASSERT_EQ(lanes.find(made[at].key, made[at].hash), nullptr);
    auto& other = made[static_cast<std::size_t>((i + 1) * 7'919L % count)];
    ASSERT_EQ(lanes.find(other.key, other.hash), i + 1 < count ? &other : nullptr);
  }
  EXPECT_EQ(lanes.size(), 0u);
  EXPECT_TRUE(lanes.has_spares()); // as many as it had at the last trim()
  lanes.trim();
  EXPECT_TRUE(lanes.has_spares()); // they were needed since the one before
  lanes.trim();
  EXPECT_FALSE(lanes.has_spares());
}

TEST(key_table, grows_and_shrinks) {
  expect_right_at_any_size([](int i) { return static_cast<std::uint32_t>(i) * 2'654'435'761u; });
}

TEST(key_table, stays_right_when_hashes_collide) {
  expect_right_at_any_size([](int i) { return static_cast<std::uint32_t>(i % 20); });
}

TEST(key_table, drains_every_lane_once) {
  for (const int count : {0, 1, 63, 1'000}) {
    table lanes({});
    std::deque<fake_lane> made;
    for (int i = 0; i < count; ++i)
      lanes.insert(made.emplace_back(numbered(i, static_cast<std::uint32_t>(i))));
    std::set<fake_lane*> drained;
    lanes.drain([&](fake_lane& lane) { EXPECT_TRUE(drained.insert(&lane).second); });
    EXPECT_EQ(drained.size(), made.size());
    EXPECT_EQ(lanes.size(), 0u);
  }
}

} // namespace
