#include "structures/nobody.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

using convoy::detail::ready_item;
using convoy::detail::ready_queue;

class ready_queue_of : public testing::Test {
protected:
  nobody home;
  std::vector<ready_item> items{ready_queue::capacity + 1, ready_item{home}};
  ready_queue queue;
  ready_queue thief;

  void push(std::size_t from, std::size_t to) {
    for (; from < to; ++from)
      ASSERT_TRUE(queue.push(items[from]));
  }

  /// Takes everything out of a queue; positions in `items`.
  std::vector<std::ptrdiff_t> drain(ready_queue& from) {
    std::vector<std::ptrdiff_t> taken;
    while (const auto* item = from.pop())
      taken.push_back(item - items.data());
    return taken;
  }
};

TEST_F(ready_queue_of, one_thread_is_first_in_first_out) {
  push(0, 3);
  EXPECT_EQ(queue.approx_size(), 3u);
  EXPECT_EQ(drain(queue), (std::vector<std::ptrdiff_t>{0, 1, 2}));
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_EQ(queue.approx_size(), 0u);
}

TEST_F(ready_queue_of, one_thread_is_bounded_and_goes_round) {
  for (int round = 0; round < 3; ++round) {
    push(0, ready_queue::capacity);
    EXPECT_FALSE(queue.push(items.back()));
    EXPECT_EQ(queue.pop(), &items[0]);
    EXPECT_TRUE(queue.push(items.back()));
    EXPECT_EQ(drain(queue).size(), ready_queue::capacity);
  }
}

TEST_F(ready_queue_of, a_victim_loses_its_older_half) {
  push(0, 4);
  EXPECT_EQ(queue.steal_into(thief), &items[0]);
  EXPECT_EQ(drain(thief), (std::vector<std::ptrdiff_t>{1}));
  EXPECT_EQ(drain(queue), (std::vector<std::ptrdiff_t>{2, 3}));
}

TEST_F(ready_queue_of, a_victim_with_one_item_loses_it) {
  push(0, 1);
  EXPECT_EQ(queue.steal_into(thief), &items[0]);
  EXPECT_EQ(thief.pop(), nullptr);
  EXPECT_EQ(queue.steal_into(thief), nullptr);
}

TEST_F(ready_queue_of, an_owner_and_thieves_gives_every_item_to_one_of_them) {
  constexpr int rounds = 200'000;
  std::vector<int> taken(items.size(), 0); // plain: who has an item owns its count
  std::atomic<bool> finished{false};
  std::atomic<long> stolen{0};
  const auto index = [&](const ready_item* item) {
    return static_cast<std::size_t>(item - items.data());
  };
  std::vector<ready_queue> queues(2);
  std::vector<std::jthread> thieves;
  for (auto& mine : queues)
    thieves.emplace_back([&] {
      do {
        auto* item = queue.steal_into(mine);
        for (; item != nullptr; item = mine.pop(), ++stolen)
          ++taken[index(item)];
      } while (!finished);
    });
  // Items are never pushed again before their last holder is done, as lanes are not.
  long pushed = 0;
  long popped = 0;
  for (int round = 0; round < rounds / 100; ++round) {
    for (std::size_t i = 0; i < 100; ++i, ++pushed)
      while (!queue.push(items[i]))
        std::this_thread::yield();
    while (const auto* item = queue.pop()) {
      ++taken[index(item)];
      ++popped;
    }
    while (popped + stolen != pushed)
      std::this_thread::yield();
  }
  finished = true;
  thieves.clear();
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_EQ(taken[i], rounds / 100);
}

} // namespace
