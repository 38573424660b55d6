#include "oracle.hpp"

#include <atomic>
#include <barrier>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <iostream>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>

namespace {

using namespace convoy;
using test::effort;
using test::key_oracle;

struct message {
  std::uint64_t number;
};

/// At once, since what goes wrong may end the process.
struct seed_teller : testing::Environment {
  void SetUp() override { std::cout << test::repeat_with() << std::endl; }
};
const auto* const told = testing::AddGlobalTestEnvironment(new seed_teller);

void pause_at_random(std::mt19937_64& random) {
  switch (random() % 64) {
  case 0:
    std::this_thread::yield();
    break;
  case 1:
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 50));
    break;
  default:
    break;
  }
}

/// A copy of it may take long: the producer then holds a ticket it has not published.
struct slow_key {
  std::uint32_t value = 0;
  bool slow = false;

  explicit slow_key(std::uint32_t v, bool s = false) : value(v), slow(s) {}
  slow_key(const slow_key& other) : value(other.value) {
    if (other.slow)
      std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
  slow_key(slow_key&& other) noexcept : value(other.value) {}
  slow_key& operator=(const slow_key&) = delete;
  ~slow_key() = default;
  bool operator==(const slow_key& other) const { return value == other.value; }
};

struct slow_key_hash {
  std::size_t operator()(const slow_key& key) const { return key.value; }
};

// A submits, tells B, B submits to the same key: B's message comes second whatever threads carry
// them. The token goes round the producers, one per key, so that every submit is ordered after the
// previous one of its key and by another thread.
TEST(order, holds_across_producers_that_signal_each_other) {
  constexpr unsigned producers = 4;
  constexpr unsigned keys = 8;
  const std::uint64_t rounds = 5'000 * effort();
  std::vector<key_oracle> oracle(keys);
  runtime rt{{.concurrency = 4}};
  {
    processor<unsigned, message> p{
        rt, [&](const unsigned& key, message& m) { oracle[key].see(m.number); }};
    struct alignas(64) token {
      std::atomic<std::uint64_t> next{1}; // the number to submit; whose turn it is
    };
    std::vector<token> tokens(keys);
    std::barrier start(producers);
    std::vector<std::jthread> threads;
    for (unsigned me = 0; me < producers; ++me)
      threads.emplace_back([&, me] {
        std::mt19937_64 random(test::seed() + me);
        start.arrive_and_wait();
        for (unsigned open = keys; open != 0;) {
          open = 0;
          for (unsigned key = 0; key < keys; ++key) {
            const auto number = tokens[key].next.load(std::memory_order_acquire);
            if (number > rounds)
              continue;
            ++open;
            if ((number + key) % producers != me)
              continue;
            ASSERT_EQ(p.submit(key, message{number}), submit_status::accepted);
            tokens[key].next.store(number + 1, std::memory_order_release);
            pause_at_random(random);
          }
          std::this_thread::yield();
        }
      });
  }
  for (unsigned key = 0; key < keys; ++key) {
    EXPECT_EQ(oracle[key].handled, rounds) << test::repeat_with();
    EXPECT_EQ(oracle[key].disorder, 0u) << test::repeat_with();
  }
}

/// Producers with keys of their own (order per key is then known), everything else at random.
struct storm {
  unsigned concurrency = 4;
  unsigned producers = 3;
  std::uint32_t keys_each = 100;
  std::uint64_t messages_each = 30'000;
  processor<slow_key, message, void, slow_key_hash>::options limits = {};
  bool slow_publications = false;
  bool slow_handlers = false;
  bool stuck_handlers = false; // rare, long: they run inline and are taken over
  bool throwing = false;
};

void run(const storm& s) {
  const auto messages = s.messages_each * effort();
  std::vector<key_oracle> oracle(s.producers * s.keys_each);
  std::atomic<std::uint64_t> refused{0};
  runtime rt{{.concurrency = s.concurrency}};
  {
    auto limits = s.limits;
    limits.on_error = [](const slow_key&, const std::exception_ptr&) {};
    processor<slow_key, message, void, slow_key_hash> p{
        rt,
        [&](const slow_key& key, message& m) {
          oracle[key.value].see(m.number);
          if (s.slow_handlers && m.number % 512 == 0)
            std::this_thread::sleep_for(std::chrono::microseconds(200));
          if (s.stuck_handlers && (m.number + key.value) % 2'000 == 0)
            std::this_thread::sleep_for(std::chrono::microseconds(m.number % 1'000));
          if (s.throwing && m.number % 3 == 0)
            throw std::runtime_error("on purpose");
        },
        limits};
    std::barrier start(s.producers);
    std::vector<std::jthread> threads;
    for (unsigned me = 0; me < s.producers; ++me)
      threads.emplace_back([&, me] {
        std::mt19937_64 random(test::seed() + me);
        std::vector<std::uint64_t> number(s.keys_each);
        std::vector<std::pair<slow_key, message>> bulk;
        start.arrive_and_wait();
        for (std::uint64_t i = 0; i < messages; ++i) {
          const auto mine = static_cast<std::uint32_t>(random() % s.keys_each);
          const auto key = me * s.keys_each + mine;
          const bool slow = s.slow_publications && random() % 512 == 0;
          switch (random() % 8) {
          case 0: { // several at once
            bulk.clear();
            for (unsigned n = 0; n < 20; ++n) {
              const auto other = static_cast<std::uint32_t>(random() % s.keys_each);
              bulk.emplace_back(slow_key(me * s.keys_each + other, slow && n == 7),
                                message{++number[other]});
            }
            ASSERT_EQ(p.submit_bulk(bulk).accepted, bulk.size());
            break;
          }
          case 1: { // as if no room, until there is
            message m{++number[mine]};
            while (p.try_submit(slow_key(key, slow), std::move(m)) != submit_status::accepted) {
              refused.fetch_add(1, std::memory_order_relaxed);
              std::this_thread::yield();
            }
            break;
          }
          case 2:
            pause_at_random(random);
            [[fallthrough]];
          default:
            ASSERT_EQ(p.submit(slow_key(key, slow), message{++number[mine]}),
                      submit_status::accepted);
          }
          if (random() % 8192 == 0)
            p.drain();
        }
        p.drain(); // all of this producer's messages are finished now
        for (std::uint32_t k = 0; k < s.keys_each; ++k) {
          EXPECT_EQ(oracle[me * s.keys_each + k].handled, number[k]) << test::repeat_with();
          EXPECT_EQ(oracle[me * s.keys_each + k].disorder, 0u) << test::repeat_with();
        }
      });
  }
}

TEST(storm, few_keys) {
  run({.keys_each = 1});
}
TEST(storm, many_keys) {
  run({.keys_each = 5'000});
}
TEST(storm, one_worker) {
  run({.concurrency = 1, .limits = {.capacity = 200}});
}
TEST(storm, many_workers) {
  run({.concurrency = 16, .slow_handlers = true});
}
TEST(storm, always_full) {
  run({.messages_each = 10'000, .limits = {.capacity = 7}});
}
TEST(storm, capacity_of_one) {
  run({.messages_each = 2'000, .limits = {.capacity = 1, .partitions = 4}});
}
TEST(storm, limited_per_key) {
  run({.keys_each = 10, .messages_each = 10'000, .limits = {.capacity = 1'000, .key_capacity = 3}});
}
TEST(storm, one_partition) {
  run({.limits = {.partitions = 1}});
}
TEST(storm, many_partitions) {
  run({.limits = {.partitions = 64}});
}
TEST(storm, tiny_quantum) {
  run({.limits = {.quantum_messages = 1}});
}
TEST(storm, producers_stuck_before_publishing) {
  run({.messages_each = 10'000, .limits = {.partitions = 2}, .slow_publications = true});
}
TEST(storm, producers_stuck_before_publishing_while_full) {
  run({.messages_each = 5'000,
       .limits = {.capacity = 50, .partitions = 2},
       .slow_publications = true});
}
TEST(storm, partitions_taken_over) {
  run({.keys_each = 20, .limits = {.partitions = 2}, .stuck_handlers = true});
}
TEST(storm, partitions_taken_over_with_many_keys) {
  run({.producers = 2, .keys_each = 2'000, .limits = {.capacity = 500}, .stuck_handlers = true});
}
TEST(storm, partitions_taken_over_while_handlers_throw) {
  run({.concurrency = 8,
       .keys_each = 5,
       .messages_each = 10'000,
       .limits = {.partitions = 1},
       .stuck_handlers = true,
       .throwing = true});
}
TEST(storm, throwing_handlers) {
  run({.messages_each = 10'000, .throwing = true});
}

// Bursts with silence between them: pumps park, sentries come and go, threads return to the arena
// and are called back.
TEST(storm, wakes_from_every_depth_of_sleep) {
  std::mt19937_64 random(test::seed());
  std::vector<key_oracle> oracle(8);
  std::vector<std::uint64_t> number(8);
  runtime rt{{.concurrency = 3}};
  processor<unsigned, message> p{
      rt, [&](const unsigned& key, message& m) { oracle[key].see(m.number); }};
  for (std::uint64_t burst = 0; burst < 200 * effort(); ++burst) {
    for (auto n = random() % 20; n != 0; --n) {
      const auto key = static_cast<unsigned>(random() % 8);
      ASSERT_EQ(p.submit(key, message{++number[key]}), submit_status::accepted);
    }
    if (random() % 2 == 0)
      p.drain();
    // about: searching, sentry or parked, returned to the arena
    const std::uint64_t silence[] = {0, 5, 20, 100, 1'000, random() % 16 == 0 ? 120'000u : 3'000u};
    std::this_thread::sleep_for(std::chrono::microseconds(silence[random() % 6]));
  }
  p.drain();
  for (unsigned key = 0; key < 8; ++key) {
    EXPECT_EQ(oracle[key].handled, number[key]) << test::repeat_with();
    EXPECT_EQ(oracle[key].disorder, 0u) << test::repeat_with();
  }
}

// Handlers feed handlers: a ring of keys over two processors, each message submitting the next one.
TEST(storm, handlers_that_submit_to_each_other) {
  const std::uint64_t hops = 20'000 * effort();
  std::vector<key_oracle> oracle(64);
  std::latch done(64);
  runtime rt{{.concurrency = 4}};
  using ring = processor<unsigned, message>;
  std::unique_ptr<ring> other;
  ring one{rt, [&](const unsigned& key, message& m) {
             oracle[key].see(m.number);
             if (m.number >= hops)
               done.count_down();
             else
               ASSERT_EQ(other->submit(key, message{m.number + 1}), submit_status::accepted);
           }};
  other = std::make_unique<ring>(rt, [&](const unsigned& key, message& m) {
    oracle[key].see(m.number); // the same key never runs in both: its only message is here
    ASSERT_EQ(one.submit(key, message{m.number + 1}), submit_status::accepted);
  });
  for (unsigned key = 0; key < 64; ++key)
    ASSERT_EQ(one.submit(key, message{1}), submit_status::accepted);
  done.wait();
  other->drain();
  one.drain();
  for (auto& each : oracle)
    EXPECT_EQ(each.disorder, 0u);
  other.reset();
}

// Processors are made and destroyed under load, while others on the same runtime go on.
TEST(storm, destruction_at_random_moments) {
  std::mt19937_64 random(test::seed());
  runtime rt{{.concurrency = 4}};
  std::vector<key_oracle> steady_oracle(4);
  std::uint64_t steady_number = 0;
  processor<unsigned, message> steady{
      rt, [&](const unsigned& key, message& m) { steady_oracle[key].see(m.number); }};
  for (std::uint64_t life = 0; life < 300 * effort(); ++life) {
    std::vector<key_oracle> oracle(16);
    std::uint64_t submitted = 0;
    {
      processor<unsigned, message> p{
          rt, [&](const unsigned& key, message& m) { oracle[key].see(m.number); }};
      for (auto n = random() % 500; n != 0; --n) {
        ASSERT_EQ(p.submit(static_cast<unsigned>(random() % 16), message{++submitted}),
                  submit_status::accepted);
        ASSERT_EQ(steady.submit(steady_number % 4, message{steady_number + 1}),
                  submit_status::accepted);
        ++steady_number;
      }
    }
    std::uint64_t handled = 0;
    for (auto& each : oracle) {
      handled += each.handled;
      ASSERT_EQ(each.disorder, 0u) << test::repeat_with();
    }
    ASSERT_EQ(handled, submitted) << test::repeat_with();
  }
  steady.drain();
  std::uint64_t handled = 0;
  for (auto& each : steady_oracle)
    handled += each.handled;
  EXPECT_EQ(handled, steady_number);
}

} // namespace
