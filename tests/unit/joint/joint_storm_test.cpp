#include "joint_bank.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdlib>
#include <exception>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Random mixes of joint messages and others, against a reference: what each key was given, in the order in which it
// was. What handlers write is plain memory, so that ThreadSanitizer sees two of a key that overlap.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using joint_tests::bank;
using joint_tests::book;

unsigned joint_seed() {
  const char* const given = std::getenv("CONVOY_SEED");
  return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
}

struct joint_mix {
  unsigned workers, partitions;
  int keys, messages;
  std::size_t capacity;
  unsigned joint_percent;
  int most_keys;
  bool fails;
  bool slow;
};

/// What becomes of a message, by its number: so that a reference knows.
enum class joint_fate { done, retried, parked, dead };
joint_fate joint_fate_of(int m, bool fails) {
  if (!fails)
    return joint_fate::done;
  switch ((static_cast<unsigned>(m) * 2654435761u >> 8) % 40) {
  case 0:
    return joint_fate::retried;
  case 1:
    return joint_fate::parked;
  case 2:
    return joint_fate::dead;
  default:
    return joint_fate::done;
  }
}

void joint_run(const joint_mix& mix) {
  const auto seed = joint_seed();
  SCOPED_TRACE("CONVOY_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const auto draw = [&random](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  std::vector<book> books(
      static_cast<std::size_t>(mix.keys)); // beside the states, which are gone in the end
  std::vector<unsigned char> tried(static_cast<std::size_t>(mix.messages), 0);
  std::vector<std::vector<int>> given(static_cast<std::size_t>(mix.keys));
  std::atomic<int> dead{0};
  const auto handle =
      [&](int m) -> outcome { // plain memory: of a message one handler at a time knows
    auto& times = tried[static_cast<std::size_t>(m)];
    ++times;
    if (mix.slow && m % 64 == 0)
      std::this_thread::sleep_for(100us);
    switch (joint_fate_of(m, mix.fails)) {
    case joint_fate::retried:
      return times == 1 ? outcome::retry_after(100us) : outcome(outcome::done);
    case joint_fate::parked:
      return times == 1 ? outcome::park : outcome::done;
    case joint_fate::dead:
      return outcome::skip;
    case joint_fate::done:
      break;
    }
    return outcome::done;
  };
  const auto note = [&](int key, book& state, int m) {
    state.ids.push_back(m);
    books[static_cast<std::size_t>(key)].ids.push_back(m);
  };
  std::atomic<bank*> self{nullptr};
  int expected_dead = 0;
  {
    convoy::runtime rt{{.concurrency = mix.workers}};
    bank p{
        rt,
        [&](const int& key, int& m, book& state) {
          auto result = handle(m);
          if (result.what() == outcome::kind::done)
            note(key, state, m);
          return result;
        },
        {.capacity = mix.capacity,
         .partitions = mix.partitions,
         .dead_letters = [&](bank::dead_letter&) { ++dead; },
         .on_parked = [&](const int& key, const std::exception_ptr&) { self.load()->resume(key); },
         .joint =
             [&](bank::joint& all, int& m) {
               auto result = handle(m);
               if (result.what() == outcome::kind::done)
                 for (std::size_t i = 0; i < all.size(); ++i)
                   note(all.key(i), all.state(i), m);
               return result;
             }}};
    self = &p;
    for (int m = 0; m < mix.messages; ++m) {
      const bool dies = joint_fate_of(m, mix.fails) == joint_fate::dead;
      expected_dead += dies;
      if (static_cast<unsigned>(draw(100)) < mix.joint_percent) {
        std::vector<int> keys;
        for (int n = 1 + draw(mix.most_keys); n != 0; --n)
          keys.push_back(draw(mix.keys));
        if (!dies)
          for (const int key : keys) // twice if it is given twice
            given[static_cast<std::size_t>(key)].push_back(m);
        ASSERT_EQ(p.submit_joint(keys, m), submit_status::accepted);
      } else {
        const int key = draw(mix.keys);
        if (!dies)
          given[static_cast<std::size_t>(key)].push_back(m);
        ASSERT_EQ(p.submit(key, m), submit_status::accepted);
      }
    }
    p.drain();
    const auto all = p.account();
    EXPECT_EQ(all.accepted, static_cast<std::uint64_t>(mix.messages));
    EXPECT_EQ(all.dead_letters, static_cast<std::uint64_t>(expected_dead));
    EXPECT_TRUE(all.balanced());
  }
  EXPECT_EQ(dead, expected_dead);
  for (std::size_t key = 0; key < given.size(); ++key)
    EXPECT_EQ(books[key].ids, given[key]) << "key " << key;
}

TEST(joint_storm, keeps_the_order_of_each_key_whatever_becomes_of_messages) {
  for (const unsigned partitions : {1u, 4u})
    for (const bool fails : {false, true}) {
      joint_run({2, partitions, 5, 4000, 256, 40, 4, fails, false});
      joint_run({3, partitions, 200, 4000, 64, 70, 2, fails, false});
      joint_run({4, partitions, 12, 2000, 1 << 20, 30, 16, fails, true});
    }
}

// Of several threads nobody knows the order beforehand. But two joint messages that share two keys have the same order
// in both, each thread's own come in the order in which it submitted them, and nothing is lost or comes twice.
TEST(joint_storm, has_one_order_of_joint_messages_for_all_keys_that_they_share) {
  constexpr int threads = 3, each = 3000, keys = 6;
  for (const unsigned partitions : {2u, 8u}) {
    std::array<std::vector<int>, keys> logs;
    {
      convoy::runtime rt{{.concurrency = 3}};
      bank p{
          rt,
          [&](const int& key, int& m, book&) { logs[static_cast<std::size_t>(key)].push_back(m); },
          {.capacity = 512, .partitions = partitions, .joint = [&](bank::joint& all, int& m) {
             for (std::size_t i = 0; i < all.size(); ++i)
               logs[static_cast<std::size_t>(all.key(i))].push_back(m);
           }}};
      std::vector<std::thread> submitters;
      for (int t = 0; t < threads; ++t)
        submitters.emplace_back([&, t, random = std::mt19937(joint_seed())]() mutable {
          for (int i = 0; i < each; ++i) {
            const int m = t * each + i;
            const int a = static_cast<int>(random() % keys);
            const int b = (a + 1 + static_cast<int>(random() % (keys - 1))) % keys;
            const auto status = random() % 4 == 0 ? p.submit(a, m) : p.submit_joint({a, b}, m);
            EXPECT_EQ(status, submit_status::accepted);
          }
        });
      for (auto& one : submitters)
        one.join();
    }
    std::map<int, std::array<int, keys>> places; // of a message in each log, from 1
    for (int key = 0; key < keys; ++key) {
      const auto& log = logs[static_cast<std::size_t>(key)];
      std::array<int, threads> last{-1, -1, -1};
      for (std::size_t i = 0; i < log.size(); ++i) {
        auto& before = last[static_cast<std::size_t>(log[i] / each)];
        EXPECT_LT(before, log[i]);
        before = log[i];
        places[log[i]][static_cast<std::size_t>(key)] = static_cast<int>(i) + 1;
      }
    }
    EXPECT_EQ(places.size(), static_cast<std::size_t>(threads * each));
    for (int a = 0; a < keys; ++a)
      for (int b = a + 1; b < keys; ++b) {
        std::vector<std::pair<int, int>> both;
        for (const auto& [m, at] : places)
          if (at[static_cast<std::size_t>(a)] != 0 && at[static_cast<std::size_t>(b)] != 0)
            both.emplace_back(at[static_cast<std::size_t>(a)], at[static_cast<std::size_t>(b)]);
        std::ranges::sort(both);
        EXPECT_TRUE(std::ranges::is_sorted(both, {}, &std::pair<int, int>::second));
      }
  }
}

} // namespace
