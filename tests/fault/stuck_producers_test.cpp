#include "gate.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

// Producers that are stopped in mid-submit: they hold tickets that they have not published. Here they stand at a
// gate in the copy constructor of their message. (storm.producers_stuck_before_publishing has many that stand for
// a moment; these stand until all others have come to an end.)

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

/// Its copy waits at a gate, if it has one.
class held_message {
public:
  explicit held_message(int number, gate* held = nullptr) : number_(number), held_(held) {}
  held_message(const held_message& other) : number_(other.number_) {
    if (other.held_ != nullptr)
      other.held_->pass();
  }
  held_message(held_message&&) noexcept = default;
  held_message& operator=(const held_message&) = delete;
  ~held_message() = default;

  [[nodiscard]] int number() const noexcept { return number_; }

private:
  int number_;
  gate* held_ = nullptr;
};

constexpr unsigned partitions = 8;
constexpr int keys_in_all = 400;

/// As the library does it.
unsigned partition_of(int key) {
  const auto hash = convoy::detail::spread(std::hash<int>{}(key));
  return static_cast<unsigned>(hash >> 48) & (partitions - 1);
}

struct stuck_producers : testing::Test {
  std::array<std::vector<int>, keys_in_all> handled; // by key
  std::array<std::atomic<int>, keys_in_all> count{};
  runtime rt{{.concurrency = 2}};
  processor<int, held_message> p{rt,
                                 [this](const int& key, held_message& m) {
                                   const auto index = static_cast<std::size_t>(key);
                                   handled[index].push_back(m.number());
                                   ++count[index];
                                 },
                                 {.partitions = partitions}};

  void submit(int key, int number) {
    ASSERT_EQ(p.submit(key, held_message(number)), submit_status::accepted);
  }
  int count_of(int key) { return count[static_cast<std::size_t>(key)]; }

  /// A thread that stands at the gate with a ticket for the message.
  std::jthread stuck(int key, int number, gate& held) {
    return std::jthread([this, key, number, &held] {
      const held_message m(number, &held);
      EXPECT_EQ(p.submit(key, m), submit_status::accepted);
    });
  }

  static int key_in(unsigned partition, int after = -1) {
    while (partition_of(++after) != partition) {
    }
    return after;
  }

  void expect_counts_up(int key, int to) {
    const auto& seen = handled[static_cast<std::size_t>(key)];
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(to));
    for (int i = 0; i < to; ++i)
      ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
  }
};

TEST_F(stuck_producers, in_three_partitions_delay_no_key_of_the_others) {
  constexpr unsigned with_stuck = 3;
  gate held;
  std::vector<std::jthread> producers;
  for (unsigned i = 0; i < with_stuck; ++i) {
    submit(key_in(i), 0); // before
    producers.push_back(stuck(key_in(i), 1, held));
    held.await_visitors(i + 1);
  }
  std::atomic<bool> drained{false};
  const std::jthread drainer([&] {
    p.drain();
    drained = true;
  });
  for (int number = 0; number < 20; ++number)
    for (int key = 0; key < keys_in_all; ++key)
      if (partition_of(key) >= with_stuck)
        submit(key, number);
      else if (key == key_in(partition_of(key)))
        submit(key, number + 2); // behind the stuck one
  for (int key = 0; key < keys_in_all; ++key)
    if (partition_of(key) >= with_stuck) {
      p.drain(key); // returns
      ASSERT_EQ(count_of(key), 20);
    }
  for (unsigned i = 0; i < with_stuck; ++i) {
    EXPECT_TRUE(eventually([&] { return count_of(key_in(i)) == 1; }));
    EXPECT_EQ(count_of(key_in(i)), 1); // nothing passes the stuck one
  }
  EXPECT_FALSE(drained);
  held.open();
  p.drain();
  EXPECT_TRUE(eventually([&] { return drained.load(); }));
  for (int key = 0; key < keys_in_all; ++key)
    if (partition_of(key) >= with_stuck)
      expect_counts_up(key, 20);
  for (unsigned i = 0; i < with_stuck; ++i)
    expect_counts_up(key_in(i), 22);
}

TEST_F(stuck_producers, of_one_key_that_go_on_in_reverse_keep_their_order) {
  constexpr int stopped = 6;
  std::array<gate, stopped> gates;
  std::vector<std::jthread> producers;
  for (int i = 0; i < stopped; ++i) { // tickets in this order
    producers.push_back(stuck(1, 2 * i, gates[static_cast<std::size_t>(i)]));
    gates[static_cast<std::size_t>(i)].await_visitors();
    submit(1, 2 * i + 1);
  }
  for (auto i = gates.rbegin(); i != gates.rend(); ++i) {
    EXPECT_EQ(count_of(1), 0);
    i->open();
    producers.pop_back(); // joins: it has published
  }
  p.drain();
  expect_counts_up(1, 2 * stopped);
}

TEST_F(stuck_producers, in_the_midst_of_a_bulk_keep_its_order) {
  gate held;
  std::vector<std::pair<int, held_message>> bulk;
  for (int number = 0; number < 3; ++number)
    for (unsigned i = 0; i < partitions; ++i)
      bulk.emplace_back(key_in(i),
                        number == 1 && i == 4 ? held_message(number, &held) : held_message(number));
  std::jthread producer([&] { EXPECT_EQ(p.submit_bulk(bulk).accepted, bulk.size()); });
  held.await_visitors();
  for (unsigned i = 0; i < partitions; ++i)
    submit(key_in(i), 3); // behind the bulk, part of which is not published
  EXPECT_TRUE(eventually([&] { return count_of(key_in(0)) == 2 && count_of(key_in(4)) == 1; }));
  held.open();
  producer.join();
  p.drain();
  for (unsigned i = 0; i < partitions; ++i)
    expect_counts_up(key_in(i), 4);
}

TEST_F(stuck_producers, keep_close_waiting_for_nobody_and_are_handled_or_refused) {
  gate held;
  auto producer = stuck(1, 0, held);
  held.await_visitors();
  p.close(); // returns
  EXPECT_EQ(p.submit(1, held_message(1)), submit_status::closed);
  held.open();
  producer.join(); // it had its ticket before
  p.drain();
  expect_counts_up(1, 1);
  EXPECT_TRUE(eventually([&] { return p.account().balanced(); }));
  EXPECT_EQ(p.account().accepted, 1u);
}

} // namespace
