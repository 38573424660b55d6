#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gmock/gmock.h>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

/// A message that tells where it stands in what its producer gave its key.
struct numbered {
  int producer;
  int number;
};

/// Checks order and exclusion with plain memory: it must not synchronise what it checks.
template <int Keys, int Producers>
class order_check {
public:
  void operator()(int key, const numbered& m) {
    if (seen_[key][m.producer]++ != m.number)
      ++out_of_order_;
  }

  [[nodiscard]] int out_of_order() const { return out_of_order_; }
  [[nodiscard]] int handled() const {
    int sum = 0;
    for (const auto& of_key : seen_)
      sum = std::accumulate(std::begin(of_key), std::end(of_key), sum);
    return sum;
  }

private:
  int seen_[Keys][Producers]{};
  std::atomic<int> out_of_order_{0};
};

TEST(processor, keeps_the_order_of_every_key_with_many_producers) {
  constexpr int keys = 500;
  constexpr int producers = 4;
  constexpr int rounds = 40;
  runtime rt{{.concurrency = 3}};
  order_check<keys, producers> check;
  {
    processor<int, numbered> p{rt, [&](const int& key, numbered& m) { check(key, m); }};
    std::vector<std::jthread> threads;
    for (int t = 0; t < producers; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i)
          for (int key = 0; key < keys; ++key)
            ASSERT_EQ(p.submit(key, {t, i}), submit_status::accepted);
      });
    threads.clear();
    p.drain();
    EXPECT_EQ(check.handled(), keys * producers * rounds);
  }
  EXPECT_EQ(check.out_of_order(), 0);
}

TEST(processor, keeps_the_order_between_producers_that_take_turns) {
  constexpr int messages = 20'000;
  runtime rt{{.concurrency = 2}};
  std::vector<int> handled;
  processor<int, int> p{rt, [&](int& m) { handled.push_back(m); }};
  std::atomic<int> turn{0};
  const auto produce = [&](int mine) {
    for (int i = mine; i < messages; i += 2) {
      while (turn.load(std::memory_order_relaxed) != i) // relaxed: submit() itself must order
        std::this_thread::yield();
      ASSERT_EQ(p.submit(1, i), submit_status::accepted);
      turn.store(i + 1, std::memory_order_relaxed);
    }
  };
  {
    const std::jthread one(produce, 0);
    const std::jthread other(produce, 1);
  }
  p.drain();
  ASSERT_EQ(handled.size(), messages);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

TEST(processor, shows_a_handler_what_the_one_before_it_did) {
  runtime rt{{.concurrency = 4}};
  int sums[8]{}; // plain: only order per key protects them
  processor<int, int> p{rt, [&](const int& key, int& m) { sums[key] += m; }};
  for (int i = 0; i < 80'000; ++i)
    ASSERT_EQ(p.submit(i % 8, 1), submit_status::accepted);
  p.drain();
  EXPECT_THAT(sums, testing::Each(10'000));
}

// ---- keys

struct always_collides {
  std::size_t operator()(int) const { return 42; }
};

TEST(processor, gives_every_key_a_lane_of_its_own_when_all_hashes_collide) {
  constexpr int keys = 300;
  runtime rt{{.concurrency = 2}};
  gate held;
  order_check<keys, 1> check;
  std::atomic<int> others{0};
  processor<int, numbered, void, always_collides> p{rt, [&](const int& key, numbered& m) {
                                                      check(key, m);
                                                      if (key != 0)
                                                        ++others;
                                                      else if (m.number == 0)
                                                        held.pass();
                                                    }};
  for (int i = 0; i < 5; ++i)
    for (int key = 0; key < keys; ++key)
      ASSERT_EQ(p.submit(key, {0, i}), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return others == 5 * (keys - 1); })); // key 0 holds up only itself
  held.open();
  p.drain();
  EXPECT_EQ(check.handled(), 5 * keys);
  EXPECT_EQ(check.out_of_order(), 0);
}

TEST(processor, takes_strings_as_keys) {
  runtime rt{{.concurrency = 2}};
  std::vector<std::string> handled;
  processor<std::string, int> p{rt, [&](const std::string& key, int& m) {
                                  handled.push_back(key + '=' + std::to_string(m));
                                }};
  const std::string longer_than_a_small_string(100, 'x');
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(p.submit(longer_than_a_small_string, i), submit_status::accepted);
  p.drain();
  EXPECT_THAT(handled, testing::ElementsAre(longer_than_a_small_string + "=0",
                                            longer_than_a_small_string + "=1",
                                            longer_than_a_small_string + "=2"));
}

/// Equal if they differ in case only; has neither std::hash nor operator==.
struct symbol {
  std::string name;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

struct hash_symbol {
  std::size_t operator()(const symbol& s) const { return std::hash<std::string>{}(lower(s.name)); }
};

struct same_symbol {
  bool operator()(const symbol& a, const symbol& b) const { return lower(a.name) == lower(b.name); }
};

TEST(processor, takes_user_types_with_a_hash_and_an_equality_of_their_own) {
  runtime rt{{.concurrency = 4}};
  std::vector<int> handled; // plain: all spellings are one key
  processor<symbol, int, void, hash_symbol, same_symbol> p{rt,
                                                           [&](int& m) { handled.push_back(m); }};
  const char* const spellings[] = {"ibm", "IBM", "Ibm", "iBm"};
  for (int i = 0; i < 4'000; ++i)
    ASSERT_EQ(p.submit({spellings[i % 4]}, i), submit_status::accepted);
  p.drain();
  ASSERT_EQ(handled.size(), 4'000u);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

// ---- messages

TEST(processor, takes_messages_that_only_move) {
  runtime rt{{.concurrency = 2}};
  std::vector<std::unique_ptr<int>> kept;
  processor<int, std::unique_ptr<int>> p{
      rt, [&](std::unique_ptr<int>& m) { kept.push_back(std::move(m)); }};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(1, std::make_unique<int>(i)), submit_status::accepted);
  p.drain();
  ASSERT_EQ(kept.size(), 1'000u);
  for (std::size_t i = 0; i < 1'000; ++i)
    ASSERT_EQ(*kept[i], static_cast<int>(i));
}

template <std::size_t Alignment>
struct alignas(Alignment) aligned {
  int number;
};

template <std::size_t Alignment>
void expect_that_messages_are_aligned() {
  runtime rt{{.concurrency = 2}};
  int misplaced = 0;
  std::vector<int> handled;
  processor<int, aligned<Alignment>> p{rt, [&](aligned<Alignment>& m) {
                                         misplaced +=
                                             reinterpret_cast<std::uintptr_t>(&m) % Alignment != 0;
                                         handled.push_back(m.number);
                                       }};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(1, {i}), submit_status::accepted);
  p.drain();
  EXPECT_EQ(misplaced, 0);
  EXPECT_EQ(handled.size(), 1'000u);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

TEST(processor, takes_over_aligned_messages) {
  expect_that_messages_are_aligned<64>();
  expect_that_messages_are_aligned<128>();
}

TEST(processor, takes_large_messages) {
  struct large_message {
    int number;
    std::array<char, 8192> content;
  };
  runtime rt{{.concurrency = 2}};
  std::vector<int> handled;
  int damaged = 0;
  processor<int, large_message> p{rt, [&](large_message& m) {
                                    handled.push_back(m.number);
                                    damaged += std::count(m.content.begin(), m.content.end(),
                                                          static_cast<char>(m.number)) != 8192;
                                  }};
  large_message m{};
  for (m.number = 0; m.number < 500; ++m.number) {
    m.content.fill(static_cast<char>(m.number));
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  }
  p.drain();
  EXPECT_EQ(handled.size(), 500u);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
  EXPECT_EQ(damaged, 0);
}

TEST(processor, destroys_every_message_and_every_key) {
  const auto alive = std::make_shared<int>();
  {
    runtime rt{{.concurrency = 2}};
    processor<std::shared_ptr<int>, std::shared_ptr<int>> p{rt, [](std::shared_ptr<int>&) {}};
    for (int i = 0; i < 10'000; ++i)
      ASSERT_EQ(p.submit(alive, alive), submit_status::accepted);
    p.drain();
    EXPECT_TRUE(eventually([&] { return alive.use_count() == 1; })); // the idle key's lane as well
  }
  EXPECT_EQ(alive.use_count(), 1);
}

// ---- end of life

TEST(processor, refuses_after_close_and_handles_what_was_accepted) {
  runtime rt{{.concurrency = 1}};
  gate held;
  int handled = 0;
  processor<int, int> p{rt, [&](int&) {
                          held.pass();
                          ++handled;
                        }};
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
  p.close();
  EXPECT_EQ(p.submit(1, 10), submit_status::closed);
  EXPECT_EQ(p.try_submit(2, 10), submit_status::closed);
  held.open();
  p.drain();
  EXPECT_EQ(handled, 10);
}

TEST(processor, handles_all_that_was_accepted_before_its_destructor_returns) {
  for (int round = 0; round < 50; ++round) {
    runtime rt{{.concurrency = 2}};
    std::atomic<int> handled{0};
    {
      processor<int, int> p{rt, [&](int&) { ++handled; }};
      for (int i = 0; i < 2'000; ++i)
        ASSERT_EQ(p.submit(i % 100, i), submit_status::accepted);
    }
    ASSERT_EQ(handled, 2'000);
  }
}

TEST(processor, is_destroyed_idle_and_unused_at_once) {
  runtime rt{{.concurrency = 2}};
  for (int i = 0; i < 200; ++i)
    const processor<int, int> p{rt, [](int&) {}};
}

} // namespace
