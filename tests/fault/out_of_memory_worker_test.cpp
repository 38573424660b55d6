#include "failing_memory.hpp"
#include "failing_workers.hpp"
#include "sched/lanes_by_age.hpp"
#include "structures/nobody.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/dead_letter_store.hpp>
#include <deque>
#include <gmock/gmock.h>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

// There is no memory in the workers: lanes, their table and chunks, what a lane carries that has failed. Nobody
// could catch there, so they wait until memory comes back, or do without. Each test runs once for each
// allocation that fails, and a few times while there is none at all for a while.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::place;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::busy_workers;
using convoy::test::expect_exact_account;
using convoy::test::failing_allocation;
using convoy::test::for_each_allocation;
using convoy::test::for_each_failure_on_workers;
using convoy::test::memory;
using convoy::test::own_memory;
using convoy::test::whose;

/// What handlers see; they themselves need no memory.
constexpr std::size_t failing_keys = 150;
struct lanes_seen {
  std::array<int, failing_keys> next{};
  std::atomic<int> handled{0};
  std::atomic<int> disorder{0};

  void see(std::size_t key, int number) noexcept {
    disorder += next[key]++ != number;
    ++handled;
  }
};

/// Handlers of spans are not run straight from the ring. So each key gets a lane, and their table grows, the first
/// key's lane grows by chunks.
template <class P>
void submit_lanes(P& p) {
  for (int i = 0; i < 2; ++i)
    for (std::size_t key = 0; key < failing_keys; ++key)
      ASSERT_EQ(p.submit(key, i), submit_status::accepted);
  for (int i = 2; i < 600; ++i)
    ASSERT_EQ(p.submit(0, i), submit_status::accepted);
}
constexpr int lane_messages = 2 * static_cast<int>(failing_keys) + 598;

TEST(workers_without_memory, lose_nothing_of_lanes_tables_and_chunks) {
  runtime rt{{.concurrency = 2}};
  for_each_failure_on_workers(failing_keys, [&](memory& memory) {
    lanes_seen seen;
    busy_workers busy(rt);
    processor<std::size_t, int> p{rt,
                                  [&](const std::size_t& key, std::span<int> all) {
                                    for (const int m : all)
                                      seen.see(key, m);
                                  },
                                  {.partitions = 1}};
    submit_lanes(p);
    memory.goes();
    busy.go_on();
    memory.comes_back();
    p.drain();
    ASSERT_EQ(seen.handled, lane_messages);
    ASSERT_EQ(seen.disorder, 0);
    expect_exact_account(p, lane_messages);
  });
}

TEST(workers_without_memory, lose_nothing_of_gathered_spans_and_states) {
  runtime rt{{.concurrency = 1}};
  for_each_failure_on_workers(2 * failing_keys, [&](memory& memory) { // a lane and a timer each
    lanes_seen seen;
    busy_workers busy(rt);
    processor<std::size_t, int, std::array<int, 30>> p{
        rt,
        [&](const std::size_t& key, std::span<int> all, std::array<int, 30>& count) {
          for (const int m : all) {
            seen.see(key, m);
            seen.disorder += count[0]++ != m;
          }
        },
        {.partitions = 1, .batch_limit = 300, .state = {.idle = 1h}}};
    submit_lanes(p);
    memory.goes();
    busy.go_on();
    memory.comes_back();
    p.drain();
    ASSERT_EQ(seen.handled, lane_messages);
    ASSERT_EQ(seen.disorder, 0);
    expect_exact_account(p, lane_messages);
  });
}

struct failed final : std::exception {};

TEST(workers_without_memory, lose_nothing_that_fails_and_becomes_a_dead_letter) {
  runtime rt{{.concurrency = 2}};
  for_each_failure_on_workers(failing_keys / 2, [&](memory& memory) {
    lanes_seen seen;
    busy_workers busy(rt);
    std::array<int, failing_keys> attempts{};
    std::atomic<int> dead{0};
    using careful = processor<std::size_t, int>;
    careful p{rt,
              [&](const std::size_t& key, int& m) {
                if (m == 1 && ++attempts[key] != 2 + static_cast<int>(key % 3))
                  throw failed();
                seen.see(key, m);
              },
              {.partitions = 2,
               .on_error = [](const std::size_t&, const std::exception_ptr&) {},
               .failure = convoy::failure_policy{.attempts = 3, .backoff = 1us, .jitter = false},
               .dead_letters =
                   [&](careful::dead_letter& letter) {
                     seen.see(letter.key, letter.message);
                     ++dead;
                   }}};
    for (int i = 0; i < 3; ++i)
      for (std::size_t key = 0; key < failing_keys; ++key)
        ASSERT_EQ(p.submit(key, i), submit_status::accepted);
    memory.goes();
    busy.go_on();
    memory.comes_back();
    p.drain();
    ASSERT_EQ(seen.handled, 3 * static_cast<int>(failing_keys));
    ASSERT_EQ(seen.disorder, 0);
    ASSERT_EQ(dead, static_cast<int>(failing_keys / 3)); // the third attempt is the last
    expect_exact_account(p, 3 * failing_keys);
  });
}

TEST(workers_without_memory, do_what_is_asked_of_lanes) {
  runtime rt{{.concurrency = 2}};
  for_each_failure_on_workers(20, [&](memory& memory) {
    gate held;
    lanes_seen seen;
    std::atomic<int> called{0};
    processor<std::size_t, int> p{rt,
                                  [&](const std::size_t& key, int& m) {
                                    if (m < 0)
                                      held.pass();
                                    else
                                      seen.see(key, m);
                                  },
                                  {.partitions = 1}};
    ASSERT_EQ(p.submit(0, -1), submit_status::accepted);
    held.await_visitors();
    memory.goes();
    const auto counts = [&called] { ++called; };
    for (int i = 0; i < 20; ++i) // wait for a lane that is out, more than a list holds
      p.fence(0, counts);
    for (std::size_t key = 1; key < 20; ++key) {
      p.pause(key);
      ASSERT_EQ(p.submit(key, 3), submit_status::accepted);
      std::vector<int> first{0, 1, 2};
      ASSERT_EQ(p.resubmit(key, first, place::before).accepted, 3u);
      p.fence(key, counts);
      p.resume(key);
      (void)p.submit_after(key, 1ms, 4);
    }
    memory.comes_back();
    held.open();
    ASSERT_TRUE(eventually([&] { return called == 39 && p.scheduled_messages() == 0; }));
    p.drain();
    ASSERT_EQ(seen.handled, 19 * 5);
    ASSERT_EQ(seen.disorder, 0);
    expect_exact_account(p, 19 * 5 + 1);
  });
}

TEST(workers_without_memory, keep_dead_letters_in_a_store) {
  runtime rt{{.concurrency = 2}};
  const auto failures = for_each_allocation([&](std::uint64_t n) {
    convoy::dead_letter_store<int, std::string> store;
    processor<int, std::string> p{rt,
                                  [](std::string&) -> outcome { return outcome::skip; },
                                  {.dead_letters = std::ref(store)}};
    bool happened = false;
    {
      failing_allocation failing(n, whose::other_threads);
      const own_memory ours;
      for (int i = 0; i < 30; ++i)
        EXPECT_EQ(p.submit(i % 3, std::string(40, static_cast<char>('a' + i / 3))),
                  submit_status::accepted);
      p.drain();
      happened = failing.happened();
    }
    for (int key = 0; key < 3; ++key) {
      char next = 'a';
      store.visit(key, [&](const auto& letter) { EXPECT_EQ(letter.message[0], next++); });
      EXPECT_EQ(next, 'a' + 10);
    }
    expect_exact_account(p, 30);
    return happened;
  });
  EXPECT_GE(failures, 30u);
}

/// Was a bug: the store says that it has no memory with an exception that needs memory for its text. There being
/// none, what is thrown is bad_alloc, and a letter whose sink throws that is gone.
TEST(workers_without_memory, lose_no_letter_of_a_store_while_there_is_none_for_long) {
  runtime rt{{.concurrency = 2}};
  convoy::dead_letter_store<int, int> store;
  std::atomic<int> handled{0};
  processor<int, int> p{rt,
                        [&](int&) -> outcome {
                          ++handled;
                          return outcome::skip;
                        },
                        {.dead_letters = std::ref(store)}};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted); // it has its lane, and the next too
  p.drain();
  {
    const failing_allocation failing(1, whose::other_threads, failing_allocation::for_ever);
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    EXPECT_TRUE(eventually([&] { return handled == 2 && failing.happened(); }));
    std::this_thread::sleep_for(5ms);
  }
  p.drain();
  EXPECT_EQ(store.size(), 2u);
}

/// Was a bug: what an index beyond its span leads to is made without looking whether there is memory for it,
/// in a function that must not throw. std::terminate() is called.
TEST(workers_without_memory, survive_an_index_beyond_its_span) {
  runtime rt{{.concurrency = 1}};
  std::optional<failing_allocation> failing;
  processor<int, int> p{
      rt,
      [&](const int&, std::span<int> all) -> outcome {
        failing.emplace(1);
        return outcome::skip.at(all.size());
      },
      {.on_error = [&](const int&, const std::exception_ptr&) { failing.reset(); },
       .failure = convoy::failure_policy{.attempts = 1}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_EQ(p.dead_letters(), 1u);
}

/// Each older than the one before, so that all but the first are in what needs memory.
TEST(lanes_by_age_without_memory, are_all_there) {
  constexpr int lanes = 3'000;
  nobody home;
  std::deque<convoy::detail::ready_item> made;
  for (int i = 0; i < lanes; ++i)
    made.emplace_back(home).since = static_cast<convoy::detail::coarse_time>(lanes - i);
  const auto failures = for_each_allocation([&](std::uint64_t n) {
    convoy::detail::lanes_by_age waiting;
    const auto before = convoy::test::live_bytes();
    std::size_t taken = 0, younger = 0;
    const failing_allocation failing(n);
    for (auto& each : made)
      waiting.push(each);
    const auto* last = waiting.pop();
    for (const auto* each = last; each != nullptr; each = waiting.pop()) {
      ++taken;
      younger += convoy::detail::is_before(each->since, last->since) ? 1 : 0;
      last = each;
    }
    EXPECT_EQ(taken, std::size_t{lanes});
    EXPECT_LE(younger, failing.happened() ? 1u : 0u); // what had no memory was put behind the first
    EXPECT_LE(convoy::test::live_bytes(),
              before + 16 * convoy::detail::tuning::ages_in_a_block + 64);
    return failing.happened();
  });
  EXPECT_GE(failures, 5u);
}

/// Then the list is in no order, while others come and go.
TEST(lanes_by_age_without_memory, are_all_there_after_long) {
  constexpr std::size_t lanes = 20'000;
  std::mt19937 random(5);
  nobody home;
  std::deque<convoy::detail::ready_item> made;
  convoy::detail::lanes_by_age waiting;
  std::set<const convoy::detail::ready_item*> taken;
  std::optional<failing_allocation> failing;
  for (std::size_t i = 0; i < lanes; ++i) {
    if (i % 2'000 == 1'000)
      failing.emplace(1, whose::this_thread, failing_allocation::for_ever);
    if (i % 2'000 == 0)
      failing.reset();
    {
      const own_memory ours;
      made.emplace_back(home).since =
          static_cast<convoy::detail::coarse_time>(random() % 4 == 0 ? random() % (i + 1) : i);
    }
    waiting.push(made.back());
    if (random() % 4 == 0) {
      const auto* const each = waiting.pop();
      const own_memory ours;
      EXPECT_TRUE(taken.insert(each).second);
    }
  }
  failing.reset();
  while (const auto* const each = waiting.pop())
    EXPECT_TRUE(taken.insert(each).second);
  EXPECT_EQ(taken.size(), lanes);
}

} // namespace
