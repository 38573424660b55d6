#include "oracle.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <convoy/watermark.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <thread>
#include <vector>

// Threads that finish against the reader, which takes in what they finished, delivers again under the
// same numbers, and writes what it would commit. What is known of a position is plain memory of whoever
// holds it, so ThreadSanitizer sees a number that comes back too early.

namespace {

using convoy::watermark;
using convoy::test::effort;
using convoy::test::repeat_with;
using convoy::test::seed;

struct delivery {
  std::uint64_t position = 0;
  bool handled = false; // plain: whoever holds the number
};

/// From the reader to one thread that finishes. A handover synchronises, as every queue does.
class handover {
public:
  static constexpr std::uint32_t size = 256;

  bool try_push(watermark::number its) {
    const auto at = pushed_.load(std::memory_order_relaxed);
    if (at - taken_.load(std::memory_order_acquire) == size)
      return false;
    items_[at % size] = its;
    pushed_.store(at + 1, std::memory_order_release);
    return true;
  }
  bool try_take(watermark::number& its) {
    const auto at = taken_.load(std::memory_order_relaxed);
    if (at == pushed_.load(std::memory_order_acquire))
      return false;
    its = items_[at % size];
    taken_.store(at + 1, std::memory_order_release);
    return true;
  }

private:
  std::array<watermark::number, size> items_{};
  alignas(64) std::atomic<std::uint32_t> pushed_{0};
  alignas(64) std::atomic<std::uint32_t> taken_{0};
};

/// Each thread keeps back as many as `kept`, and finishes one of them at random.
void run(unsigned finishers, std::size_t capacity, std::size_t kept, std::uint64_t positions) {
  const auto count = positions * effort();
  watermark marks(capacity);
  std::vector<delivery> deliveries(capacity); // by number
  std::vector<bool> taken_in(count);          // by position, the reader's: all that is not pass()ed
  std::vector<handover> queues(finishers);
  std::atomic<bool> ended{false};
  std::barrier start(finishers + 1);
  std::vector<std::jthread> threads;
  for (unsigned me = 0; me < finishers; ++me)
    threads.emplace_back([&, me] {
      std::mt19937_64 random(seed() + me);
      std::vector<watermark::number> mine;
      const auto finish_one = [&] {
        std::swap(mine[random() % mine.size()], mine.back());
        deliveries[mine.back()].handled = true;
        marks.finish(mine.back());
        mine.pop_back();
      };
      start.arrive_and_wait();
      for (;;) {
        const bool over = ended.load(std::memory_order_acquire);
        watermark::number its = 0;
        if (queues[me].try_take(its)) {
          mine.push_back(its);
          if (mine.size() > kept)
            finish_one();
        } else if (!mine.empty()) {
          finish_one(); // so that the reader gets room
        } else if (over) {
          return;
        } else {
          std::this_thread::yield();
        }
      }
    });

  std::mt19937_64 random(seed() - 1);
  std::uint64_t wrong = 0, committed = 0;
  const auto collect = [&] {
    const auto collected = marks.collect([&](watermark::number its) noexcept {
      auto& what = deliveries[its];
      wrong += what.handled && !taken_in[what.position] ? 0 : 1;
      what.handled = false;
      taken_in[what.position] = true;
    });
    for (; committed < marks.lowest(); ++committed)
      wrong += taken_in[committed] ? 0 : 1;
    return collected;
  };
  start.arrive_and_wait();
  for (std::uint64_t position = 0; position < count; ++position) {
    if (random() % 16 == 0) { // does not exist for the reader
      taken_in[position] = true;
      marks.pass(position + 1);
      continue;
    }
    auto number = marks.deliver(position);
    for (; !number; number = marks.deliver(position))
      if (collect() == 0)
        std::this_thread::yield();
    deliveries[*number].position = position;
    while (!queues[random() % finishers].try_push(*number))
      std::this_thread::yield();
    if (random() % 256 == 0)
      collect();
  }
  ended.store(true, std::memory_order_release);
  while (marks.unfinished() != 0)
    if (collect() == 0)
      std::this_thread::yield();
  threads.clear();
  collect();
  EXPECT_EQ(wrong, 0u) << repeat_with();
  EXPECT_EQ(committed, count) << repeat_with();
  EXPECT_EQ(marks.so_far(), (convoy::progress{count, {}})) << repeat_with();
}

TEST(watermark_storm, two_threads) {
  run(2, 1'000, 50, 200'000);
}
TEST(watermark_storm, always_full) {
  run(3, 7, 2, 10'000);
}
TEST(watermark_storm, one_number) {
  run(2, 1, 0, 10'000);
}
TEST(watermark_storm, all_finish_at_once) {
  run(4, 64, 0, 100'000);
}

} // namespace
