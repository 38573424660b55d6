#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <iterator>
#include <memory>
#include <numeric>
#include <ranges>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::Each;

using pairs = std::vector<std::pair<int, std::string>>;

pairs some_pairs(int count, int keys) {
  pairs all;
  for (int i = 0; i < count; ++i)
    all.emplace_back(i % keys, "message " + std::to_string(i));
  return all;
}

class submit_bulk : public testing::Test {
protected:
  static constexpr int keys = 100;

  runtime rt{{.concurrency = 2}};
  std::vector<std::string> handled[keys];
  processor<int, std::string> p{
      rt, [this](const int& key, std::string& m) { handled[key].push_back(m); }};

  /// All pairs, and the messages of each key in the order of the range.
  void expect_handled(const pairs& all) {
    p.drain();
    std::vector<std::string> expected[keys];
    for (const auto& [key, message] : all)
      expected[key].push_back(message);
    EXPECT_THAT(handled, testing::ElementsAreArray(expected));
  }
};

TEST_F(submit_bulk, keeps_the_order_of_every_key_in_all_partitions) {
  for (const int count : {0, 1, 255, 256, 257, 10'000}) {
    const auto all = some_pairs(count, keys);
    const auto result = p.submit_bulk(all);
    EXPECT_EQ(result.accepted, static_cast<std::size_t>(count));
    EXPECT_EQ(result.status, submit_status::accepted);
    expect_handled(all);
    for (auto& of_key : handled)
      of_key.clear();
  }
}

TEST_F(submit_bulk, copies_from_a_container_that_stays_the_callers) {
  auto all = some_pairs(1'000, keys);
  EXPECT_EQ(p.submit_bulk(all).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
  EXPECT_EQ(all, some_pairs(1'000, keys));
}

TEST_F(submit_bulk, moves_from_a_container_that_was_given_up) {
  auto all = some_pairs(1'000, keys);
  EXPECT_EQ(p.submit_bulk(std::move(all)).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
  for (const auto& [key, message] : all)
    ASSERT_EQ(message, "");
}

TEST_F(submit_bulk, keeps_the_order_with_what_is_submitted_around_it) {
  const auto all = some_pairs(2'000, keys);
  for (std::size_t i = 0; i < all.size();) {
    const auto count = std::min<std::size_t>(all.size() - i, 1 + i % 300);
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(i);
    ASSERT_EQ(p.submit_bulk(pairs(from, from + static_cast<std::ptrdiff_t>(count))).accepted,
              count);
    i += count;
    if (i < all.size()) {
      ASSERT_EQ(p.submit(all[i].first, all[i].second), submit_status::accepted);
      ++i;
    }
  }
  expect_handled(all);
}

TEST_F(submit_bulk, submits_nothing_to_a_closed_processor) {
  auto all = some_pairs(1'000, keys);
  p.close();
  const auto result = p.submit_bulk(std::move(all));
  EXPECT_EQ(result.accepted, 0u);
  EXPECT_EQ(result.status, submit_status::closed);
  EXPECT_EQ(all, some_pairs(1'000, keys));
  expect_handled({});
}

// ---- views: Clang up to 15 can't use those of libstdc++

#if !defined(__clang__) || __clang_major__ >= 16

TEST_F(submit_bulk, copies_from_a_view_of_somebodys_container) {
  auto all = some_pairs(1'000, keys);
  EXPECT_EQ(p.submit_bulk(std::views::all(all)).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
  EXPECT_EQ(all, some_pairs(1'000, keys));
}

TEST_F(submit_bulk, moves_through_move_iterators) {
  auto all = some_pairs(1'000, keys);
  const std::ranges::subrange moving(std::make_move_iterator(all.begin()),
                                     std::make_move_iterator(all.end()));
  EXPECT_EQ(p.submit_bulk(moving).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
  for (const auto& [key, message] : all)
    ASSERT_EQ(message, "");
}

TEST_F(submit_bulk, takes_views_that_make_their_elements) {
  const auto made = std::views::iota(0, 1'000) | std::views::transform([](int i) {
                      return std::pair(i % keys, "message " + std::to_string(i));
                    });
  EXPECT_EQ(p.submit_bulk(made).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
}

TEST_F(submit_bulk, takes_ranges_that_can_be_read_only_once) {
  std::string text;
  for (int i = 0; i < 1'000; ++i)
    text += std::to_string(i) + ' ';
  std::istringstream numbers(text);
  auto read = std::ranges::istream_view<int>(numbers) | std::views::transform([](int i) {
                return std::pair(i % keys, "message " + std::to_string(i));
              });
  EXPECT_EQ(p.submit_bulk(read).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
}

TEST_F(submit_bulk, copies_through_a_view_of_references) {
  auto all = some_pairs(1'000, keys);
  const auto references = all | std::views::transform([](auto& pair) {
                            return std::tie(std::as_const(pair.first), pair.second);
                          });
  EXPECT_EQ(p.submit_bulk(references).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
  EXPECT_EQ(all, some_pairs(1'000, keys));
}

TEST_F(submit_bulk, makes_each_element_of_a_view_once) {
  std::string source[1'000];
  for (int i = 0; i < 1'000; ++i)
    source[i] = "message " + std::to_string(i);
  auto moving = std::views::iota(0, 1'000) | std::views::transform([&](int i) {
                  return std::pair(i % keys, std::move(source[i]));
                });
  EXPECT_EQ(p.submit_bulk(moving).accepted, 1'000u);
  expect_handled(some_pairs(1'000, keys));
}

#endif

// ---- bounds

TEST(submit_bulk_without_copies, takes_messages_that_only_move) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> sum{0};
  processor<int, std::unique_ptr<int>> p{rt, [&](std::unique_ptr<int>& m) { sum += *m; }};
  std::vector<std::pair<int, std::unique_ptr<int>>> all;
  for (int i = 0; i < 1'000; ++i)
    all.emplace_back(i, std::make_unique<int>(i));
  EXPECT_EQ(p.submit_bulk(std::move(all)).accepted, 1'000u);
  p.drain();
  EXPECT_EQ(sum, 999 * 1'000 / 2);
}

/// More than fits at once: every message in order, and never more than the capacity unfinished.
void expect_that_it_waits_for_room(processor<int, int>::options wanted, int keys) {
  constexpr int count = 5'000;
  runtime rt{{.concurrency = 2}};
  int next[50]{};
  std::atomic<int> out_of_order{0};
  processor<int, int> p{rt,
                        [&](const int& key, int& m) {
                          if (next[key]++ != m)
                            ++out_of_order;
                        },
                        std::move(wanted)};
  std::vector<std::pair<int, int>> all;
  for (int i = 0; i < count; ++i)
    all.emplace_back(i % keys, i / keys);
  EXPECT_EQ(p.submit_bulk(all).accepted, count);
  p.drain();
  EXPECT_EQ(std::accumulate(std::begin(next), std::end(next), 0), count);
  EXPECT_EQ(out_of_order, 0);
}

TEST(submit_bulk_beyond_capacity, waits_for_room_in_one_partition) {
  expect_that_it_waits_for_room({.capacity = 7, .partitions = 1}, 10);
  expect_that_it_waits_for_room({.capacity = 100, .partitions = 1}, 1);
}

TEST(submit_bulk_beyond_capacity, waits_for_room_in_many_partitions) {
  expect_that_it_waits_for_room({.capacity = 7, .partitions = 8}, 50);
  expect_that_it_waits_for_room({.capacity = 1'000, .partitions = 8}, 50);
}

TEST(submit_bulk_beyond_capacity, waits_for_its_keys) {
  expect_that_it_waits_for_room({.key_capacity = 3}, 20);
}

TEST(submit_bulk_beyond_capacity, shares_the_room_with_others) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }, {.capacity = 300, .partitions = 4}};
  {
    std::vector<std::jthread> producers;
    for (int t = 0; t < 3; ++t)
      producers.emplace_back([&] {
        for (int round = 0; round < 20; ++round) {
          std::vector<std::pair<int, int>> all;
          for (int i = 0; i < 200; ++i)
            all.emplace_back(i, i);
          EXPECT_EQ(p.submit_bulk(all).accepted, 200u);
        }
      });
  }
  p.drain();
  EXPECT_EQ(handled, 3 * 20 * 200);
}

/// A bulk of 500 messages of one key from inside a handler, where it can't wait.
void expect_a_prefix(processor<int, int>::options wanted, std::size_t at_least, std::size_t at_most,
                     submit_status why) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> handled;
  std::vector<std::pair<int, int>> bulk;
  for (int i = 0; i < 500; ++i)
    bulk.emplace_back(0, i);
  convoy::bulk_result result;
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](int& m) {
                          if (m >= 0)
                            return handled.push_back(m);
                          result = self->submit_bulk(bulk);
                        },
                        std::move(wanted)};
  self = &p;
  ASSERT_EQ(p.submit(0, -1), submit_status::accepted);
  p.drain(); // of the first, and what it has submitted came later
  p.drain();
  EXPECT_EQ(result.status, why);
  EXPECT_GE(result.accepted, at_least);
  EXPECT_LE(result.accepted, at_most);
  std::vector<int> prefix(result.accepted);
  std::iota(prefix.begin(), prefix.end(), 0);
  EXPECT_EQ(handled, prefix);
}

TEST(submit_bulk_in_a_handler, submits_a_prefix_and_says_how_long_it_is) {
  expect_a_prefix({.capacity = 100, .partitions = 1}, 99, 99, submit_status::full);
  expect_a_prefix({.capacity = 300, .partitions = 1}, 299, 299, submit_status::full);
  expect_a_prefix({.key_capacity = 10}, 9, 9, submit_status::key_full);
}

TEST(submit_bulk_in_a_handler, submits_all_if_it_fits) {
  expect_a_prefix({}, 500, 500, submit_status::accepted);
}

TEST(submit_bulk_in_a_handler, uses_the_room_of_all_partitions) {
  for (const unsigned partitions : {2u, 8u, 64u}) {
    runtime rt{{.concurrency = 1}};
    processor<int, int>* self = nullptr;
    std::size_t accepted = 0;
    processor<int, int> p{rt,
                          [&](const int& key, int&) {
                            if (key >= 0)
                              return;
                            std::vector<std::pair<int, int>> all;
                            for (int i = 0; i < 150; ++i)
                              all.emplace_back(i, 0);
                            accepted = self->submit_bulk(all).accepted;
                          },
                          {.capacity = 100, .partitions = partitions}};
    self = &p;
    ASSERT_EQ(p.submit(-1, 0), submit_status::accepted);
    p.drain();
    EXPECT_EQ(accepted, 99u) << partitions << " partitions";
  }
}

/// Pairs, and an iterator that throws the 13th time that somebody looks: the third pair's second
/// time, since hashes come first.
struct throwing_range {
  struct iterator {
    using value_type = std::pair<int, int>;
    using difference_type = std::ptrdiff_t;
    std::pair<int, int>* at = nullptr;
    int* looks = nullptr;

    std::pair<int, int>& operator*() const {
      if (++*looks == 13)
        throw std::runtime_error("on purpose");
      return *at;
    }
    iterator& operator++() {
      ++at;
      return *this;
    }
    iterator operator++(int) {
      auto before = *this;
      ++at;
      return before;
    }
    bool operator==(const iterator& other) const { return at == other.at; }
  };
  [[nodiscard]] iterator begin() { return {pairs, &looks}; }
  [[nodiscard]] iterator end() { return {pairs + 10, &looks}; }

  std::pair<int, int> pairs[10]{};
  int looks = 0;
};

TEST(submit_bulk_from_a_range_that_throws, leaves_no_hole_in_the_order) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  throwing_range range;
  EXPECT_THROW((void)p.submit_bulk(range), convoy::bulk_interrupted);
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(handled.load(), 3);
}

} // namespace
