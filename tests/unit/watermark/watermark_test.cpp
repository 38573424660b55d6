#include <algorithm>
#include <convoy/watermark.hpp>
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using convoy::position_range;
using convoy::progress;
using convoy::watermark;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr auto last = std::numeric_limits<std::uint64_t>::max();

TEST(watermark, is_at_the_lowest_that_is_not_finished) {
  watermark marks(10, 100);
  EXPECT_EQ(marks.lowest(), 100u);
  EXPECT_EQ(marks.lowest_number(), std::nullopt);
  const auto one = marks.deliver(100).value();
  const auto other = marks.deliver(101).value();
  marks.finish(other);
  EXPECT_EQ(marks.collect(), 1u);
  EXPECT_EQ(marks.lowest(), 100u);
  EXPECT_EQ(marks.lowest_number(), one);
  EXPECT_EQ(marks.so_far(), (progress{100, {{101, 102}}}));
  marks.finish(one);
  EXPECT_EQ(marks.lowest(), 100u) << "not collected yet";
  EXPECT_EQ(marks.collect(), 1u);
  EXPECT_EQ(marks.lowest(), 102u);
  EXPECT_EQ(marks.so_far(), (progress{102, {}}));
  EXPECT_EQ(marks.collect(), 0u);
}

TEST(watermark, what_was_not_delivered_counts_as_finished) {
  watermark marks(10);
  const auto first = marks.deliver(5).value();
  EXPECT_EQ(marks.lowest(), 5u);
  ASSERT_TRUE(marks.deliver(9));
  marks.pass(20);
  EXPECT_EQ(marks.end(), 20u);
  EXPECT_EQ(marks.so_far(), (progress{5, {{6, 9}, {10, 20}}}));
  EXPECT_EQ(marks.gaps(), 2u);
  marks.finish(first);
  marks.collect();
  EXPECT_EQ(marks.so_far(), (progress{9, {{10, 20}}}));
  marks.pass(20); // as far as it is already
  EXPECT_EQ(marks.gaps(), 1u);
}

TEST(watermark, is_full_until_what_is_finished_was_collected) {
  watermark marks(2);
  const auto one = marks.deliver(0).value();
  ASSERT_TRUE(marks.deliver(1));
  EXPECT_EQ(marks.room(), 0u);
  EXPECT_EQ(marks.deliver(2), std::nullopt);
  EXPECT_EQ(marks.end(), 2u) << "it can be delivered later";
  marks.finish(one);
  EXPECT_EQ(marks.deliver(2), std::nullopt);
  std::vector<watermark::number> collected;
  marks.collect([&](watermark::number its) noexcept { collected.push_back(its); });
  EXPECT_THAT(collected, ElementsAre(one));
  EXPECT_EQ(marks.room(), 1u);
  EXPECT_TRUE(marks.deliver(2));
}

TEST(watermark, refuses_what_it_cant_count) {
  const auto of_capacity = [](std::size_t capacity) {
    return [capacity] { watermark marks(capacity); };
  };
  EXPECT_THAT(of_capacity(0), ThrowsMessage<std::invalid_argument>(HasSubstr("1 to 16777216")));
  EXPECT_THAT(of_capacity(watermark::most + 1),
              ThrowsMessage<std::invalid_argument>(HasSubstr("16777217")));
  EXPECT_NO_THROW(of_capacity(watermark::most)());
  watermark marks(10, 7);
  EXPECT_THAT([&] { (void)marks.deliver(6); },
              ThrowsMessage<std::logic_error>(HasSubstr("position 6 comes after")));
  EXPECT_THAT([&] { marks.pass(6); },
              ThrowsMessage<std::logic_error>(HasSubstr("7 is the lowest")));
  ASSERT_TRUE(marks.deliver(7));
  EXPECT_THROW((void)marks.deliver(7), std::logic_error);
  EXPECT_EQ(marks.unfinished(), 1u);
  EXPECT_EQ(marks.end(), 8u);
}

TEST(watermark, goes_up_to_the_end_of_64_bits) {
  watermark marks(10, last - 2);
  const auto number = marks.deliver(last - 1).value();
  EXPECT_EQ(marks.end(), last);
  EXPECT_THAT([&] { (void)marks.deliver(last); },
              ThrowsMessage<std::logic_error>(HasSubstr("no position comes after it")));
  EXPECT_EQ(marks.so_far(), (progress{last - 1, {}}));
  marks.finish(number);
  marks.collect();
  EXPECT_EQ(marks.lowest(), last);
  marks.pass(last);
  EXPECT_THROW((void)marks.deliver(last), std::logic_error);
}

TEST(watermark, one_that_is_stuck_holds_up_no_memory) {
  watermark marks(1'000);
  ASSERT_TRUE(marks.deliver(0));
  watermark::number highest = 0;
  for (std::uint64_t position = 1; position <= 100'000; ++position) {
    const auto number = marks.deliver(position).value();
    highest = std::max(highest, number);
    marks.finish(number);
    if (position % 10 == 0)
      marks.collect();
  }
  EXPECT_EQ(highest, 10u) << "numbers that are free are used again";
  EXPECT_EQ(marks.so_far(), (progress{0, {{1, 100'001}}}));
  EXPECT_EQ(marks.gaps(), 1u);
}

/// Each position by itself.
class reference {
public:
  explicit reference(std::uint64_t first) : first_(first) {}

  std::uint64_t end() const { return first_ + finished_.size(); }
  void go_on_to(std::uint64_t end) { finished_.resize(end - first_, true); }
  void deliver(std::uint64_t position) {
    go_on_to(position);
    finished_.push_back(false);
  }
  void finish(std::uint64_t position) { finished_[position - first_] = true; }

  std::uint64_t lowest() const {
    return first_ + static_cast<std::uint64_t>(
                        std::find(finished_.begin(), finished_.end(), false) - finished_.begin());
  }
  progress so_far() const {
    progress result{lowest(), {}};
    for (auto position = result.lowest; position < end(); ++position)
      if (finished_[position - first_]) {
        if (result.finished.empty() || result.finished.back().end != position)
          result.finished.push_back({position, position});
        ++result.finished.back().end;
      }
    return result;
  }

private:
  std::uint64_t first_;
  std::vector<bool> finished_;
};

void compare_with_reference(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto capacity = 1 + random() % 70;
  const auto first = random() % 3 == 0 ? last - 5'000 : random() % 100;
  watermark marks(capacity, first);
  reference expected(first);
  struct delivery {
    watermark::number number;
    std::uint64_t position;
  };
  std::vector<delivery> open, finished; // the latter: not collected
  for (int step = 0; step < 600; ++step) {
    switch (random() % 8) {
    case 0: {
      const auto end = marks.end() + random() % 5;
      marks.pass(end);
      expected.go_on_to(end);
      break;
    }
    case 1: {
      std::vector<watermark::number> collected;
      EXPECT_EQ(marks.collect([&](auto its) noexcept { collected.push_back(its); }),
                finished.size());
      EXPECT_EQ(collected.size(), finished.size());
      for (const auto& [number, position] : finished) {
        EXPECT_EQ(std::count(collected.begin(), collected.end(), number), 1);
        expected.finish(position);
      }
      finished.clear();
      break;
    }
    case 2:
    case 3:
    case 4:
      if (!open.empty()) {
        std::swap(open[random() % open.size()], open.back());
        marks.finish(open.back().number);
        finished.push_back(open.back());
        open.pop_back();
      }
      break;
    default: {
      const auto position = marks.end() + random() % 4 / 3 * (random() % 10);
      const auto number = marks.deliver(position);
      ASSERT_EQ(number.has_value(), open.size() + finished.size() < capacity);
      if (!number)
        break;
      for (const auto& all : {open, finished})
        for (const auto& each : all)
          ASSERT_NE(each.number, *number) << "it is another's";
      open.push_back({*number, position});
      expected.deliver(position);
    }
    }
    ASSERT_EQ(marks.lowest(), expected.lowest());
    ASSERT_EQ(marks.end(), expected.end());
    ASSERT_EQ(marks.so_far(), expected.so_far());
    ASSERT_EQ(marks.gaps(), expected.so_far().finished.size());
    ASSERT_EQ(marks.unfinished(), open.size() + finished.size());
    ASSERT_EQ(marks.room() + marks.unfinished(), capacity);
    ASSERT_EQ(marks.lowest_number().has_value(), marks.unfinished() != 0);
  }
}

TEST(watermark, says_what_a_list_of_all_positions_says) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed)
    compare_with_reference(seed);
}

} // namespace
