#include "failing_memory.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <exception>
#include <gtest/gtest.h>
#include <iterator>
#include <new>
#include <string>
#include <utility>
#include <vector>

// There is no memory in the calling thread: each allocation of each call fails once. A call that throws has
// changed nothing.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::expect_exact_account;
using convoy::test::failing_allocation;
using convoy::test::fails_cleanly;
using convoy::test::parcel;

/// 0, 1, 2, … in this order and nothing else.
void expect_counts_up(const std::vector<int>& handled, std::size_t to) {
  EXPECT_EQ(handled.size(), to);
  for (std::size_t i = 0; i < handled.size(); ++i)
    ASSERT_EQ(handled[i], static_cast<int>(i));
}

/// Handlers write down what they get of one key; the first waits until it is told to go on.
struct recorder {
  gate held;
  std::vector<int> handled;

  explicit recorder(std::size_t most) { handled.reserve(most); }
  void operator()(parcel& m) {
    if (m.number() == 0)
      held.pass();
    handled.push_back(m.number());
  }
  /// As a handler.
  auto handler() {
    return [this](parcel& m) { (*this)(m); };
  }
};

TEST(submit_without_memory, changes_nothing_though_the_ring_has_to_grow) {
  constexpr int all = 2'000;
  runtime rt{{.concurrency = 1}};
  recorder seen(all);
  processor<int, parcel> p{rt, seen.handler(), {.partitions = 1}};
  std::uint64_t failures = 0;
  for (int i = 0; i < all; ++i) {
    parcel message(i);
    failures +=
        fails_cleanly([&] { ASSERT_EQ(p.submit(7, std::move(message)), submit_status::accepted); },
                      [&] { ASSERT_TRUE(message.is_intact()); });
    ASSERT_FALSE(message.is_intact());
    if (i == 0)
      seen.held.await_visitors(); // nobody empties the ring
  }
  EXPECT_GE(failures, 5u); // a segment has up to 256 cells
  seen.held.open();
  p.drain();
  expect_counts_up(seen.handled, all);
  expect_exact_account(p, all);
}

TEST(submit_without_memory, of_a_copy_changes_nothing) {
  constexpr int all = 600;
  runtime rt{{.concurrency = 1}};
  recorder seen(all);
  processor<std::string, parcel> p{rt, seen.handler(), {.partitions = 1}};
  const std::string key(100, 'k'); // copying it allocates
  std::uint64_t failures = 0;
  for (int i = 0; i < all; ++i) {
    const parcel message(i);
    failures += fails_cleanly([&] { ASSERT_EQ(p.submit(key, message), submit_status::accepted); });
    ASSERT_EQ(message.number(), i);
    if (i == 0)
      seen.held.await_visitors();
  }
  EXPECT_GE(failures, 2u * all);
  seen.held.open();
  p.drain();
  expect_counts_up(seen.handled, all);
  expect_exact_account(p, all);
}

TEST(submit_without_memory, takes_no_room) {
  runtime rt{{.concurrency = 1}};
  recorder seen(10);
  processor<std::string, parcel> p{rt, seen.handler(), {.capacity = 3, .partitions = 1}};
  const std::string key(100, 'k');
  ASSERT_EQ(p.submit(key, parcel(0)), submit_status::accepted);
  seen.held.await_visitors();
  ASSERT_EQ(p.submit(key, parcel(1)), submit_status::accepted);
  const parcel third(2);
  for (int i = 0; i < 100; ++i) {
    failing_allocation failing(i % 2 == 0 ? 1 : 2);
    EXPECT_THROW((void)p.try_submit(key, third), std::bad_alloc);
    failing.memory_comes_back();
    seen.held.open(); // the ticket it had is void, and its room comes back in a visit
    p.drain();
  }
  for (int i = 2; i < 8; ++i)
    ASSERT_EQ(p.submit(key, parcel(i)), submit_status::accepted);
  p.drain();
  expect_counts_up(seen.handled, 8);
  expect_exact_account(p, 8);
}

TEST(submit_bulk_without_memory, submits_a_prefix_and_leaves_the_rest_alone) {
  constexpr int all = 700; // more than two chunks
  constexpr std::size_t keys = 16;
  using pair = std::pair<std::size_t, parcel>;
  const auto attempt = [&](std::uint64_t n) {
    runtime rt{{.concurrency = 2}};
    std::array<std::vector<int>, keys> handled;
    for (auto& each : handled)
      each.reserve(all);
    processor<std::size_t, parcel> p{
        rt, [&](const std::size_t& key, parcel& m) { handled[key].push_back(m.number()); }};
    std::vector<pair> bulk;
    for (int i = 0; i < all; ++i)
      bulk.emplace_back(static_cast<std::size_t>(i) % keys, parcel(i));
    bool threw = false;
    std::size_t told = 0;
    {
      const failing_allocation failing(n);
      try {
        told = p.submit_bulk(bulk).accepted;
      } catch (const std::bad_alloc&) {
        threw = true;
      } catch (const convoy::bulk_interrupted& thrown) {
        threw = true;
        told = thrown.accepted();
      }
    }
    p.drain();
    EXPECT_TRUE(eventually([&] { return p.account().balanced(); }));
    const auto accepted = p.account().accepted;
    EXPECT_EQ(accepted, told);
    EXPECT_EQ(accepted == bulk.size(), !threw);
    for (std::size_t key = 0; key < keys; ++key)
      for (std::size_t i = 0; i < handled[key].size(); ++i)
        EXPECT_EQ(handled[key][i], static_cast<int>(key + i * keys));
    std::size_t sum = 0;
    int last = -1;
    for (const auto& each : handled) {
      sum += each.size();
      last = std::max(last, each.empty() ? -1 : each.back());
    }
    EXPECT_EQ(sum, accepted);
    EXPECT_EQ(last + 1, static_cast<int>(accepted)); // a prefix
    for (const auto& each : bulk)
      EXPECT_TRUE(each.second.is_intact()); // they were copied
    return threw;
  };
  for (const std::uint64_t n : {1u, 2u, 3u, 100u, 255u, 256u, 257u, 258u, 600u, 700u})
    EXPECT_TRUE(attempt(n)) << n;
  EXPECT_FALSE(attempt(all + 1'000));
}

TEST(submit_bulk_without_memory, of_moved_messages_changes_nothing_or_takes_a_prefix) {
  constexpr int all = 700;
  runtime rt{{.concurrency = 1}};
  recorder seen(4 * all);
  processor<int, parcel> p{rt, seen.handler(), {.partitions = 1}};
  ASSERT_EQ(p.submit(1, parcel(0)), submit_status::accepted);
  seen.held.await_visitors(); // the ring must grow
  std::vector<std::pair<int, parcel>> bulk;
  for (int i = 1; i < all; ++i)
    bulk.emplace_back(1, parcel(i));
  const auto failures = fails_cleanly(
      [&] {
        const auto all_left = bulk.size();
        try {
          ASSERT_EQ(p.submit_bulk(std::move(bulk)).accepted, all_left);
        } catch (const convoy::bulk_interrupted& after_a_prefix) {
          std::rethrow_if_nested(after_a_prefix);
        }
      },
      [&] { // the caller goes on with what is still there
        std::erase_if(bulk, [first = true](const auto& each) mutable {
          first = first && !each.second.is_intact();
          return first;
        });
        for (const auto& each : bulk)
          ASSERT_TRUE(each.second.is_intact());
      });
  EXPECT_GE(failures, 1u);
  seen.held.open();
  p.drain();
  expect_counts_up(seen.handled, all);
  expect_exact_account(p, all);
}

TEST(submit_without_memory, leaves_limits_of_keys_as_they_were) {
  using message = convoy::envelope<parcel, std::string>;
  constexpr int all = 300;
  runtime rt{{.concurrency = 1}};
  gate held;
  std::vector<int> handled;
  handled.reserve(all);
  processor<std::string, message> p{rt,
                                    [&](message& m) {
                                      held.pass();
                                      handled.push_back(m.message.number());
                                    },
                                    {.key_capacity = all,
                                     .partitions = 1,
                                     .rate = {.per_second = 0.1, .burst = all},
                                     .duplicates = convoy::duplicates{}}};
  const std::string key(100, 'k');
  std::uint64_t failures = 0;
  const auto message_of = [](int i) {
    return message{.message = parcel(i), .id = std::string(100, 'i') + std::to_string(i)};
  };
  for (int i = 0; i < all;
       ++i) { // neither the id nor the place nor the rate is used up by what throws
    const auto m = message_of(i);
    failures +=
        fails_cleanly([&] { ASSERT_EQ(p.try_submit(key, m), submit_status::accepted) << i; });
    ASSERT_EQ(p.try_submit(key, m), submit_status::duplicate);
  }
  EXPECT_GE(failures, 6u * all); // key, message, id; the same for what is remembered
  EXPECT_EQ(p.try_submit(key, message_of(all)), submit_status::key_full);
  held.open();
  p.drain();
  expect_counts_up(handled, all);
  expect_exact_account(p, all);
}

/// Was a bug: if copying the id is what fails, what is known of its key stays there until its next message.
TEST(submit_without_memory, leaves_no_trace_of_its_key_with_limits) {
  using message = convoy::envelope<int, std::string>;
  runtime rt{{.concurrency = 1}};
  processor<int, message> p{rt, [](message&) {}, {.duplicates = convoy::duplicates{.window = 1ms}}};
  const message m{.message = 1, .id = std::string(100, 'i')};
  const auto before = convoy::test::live_bytes();
  for (int key = 0; key < 30'000; ++key) {
    const failing_allocation failing(static_cast<std::uint64_t>(1 + key % 15));
    try {
      (void)p.try_submit(key, m);
    } catch (const std::bad_alloc&) { // one of these is the id's
    }
  }
  p.drain();
  EXPECT_TRUE(eventually([&] { return convoy::test::live_bytes() < before + 30'000 / 15 * 100; }))
      << convoy::test::live_bytes() - before;
}

/// Was a bug: submit_bulk() says that a prefix was submitted, but of what stands behind it up to 256 messages are
/// gone: move iterators are input iterators to C++20, whose elements it takes to be made on the fly.
TEST(submit_bulk_without_memory, through_move_iterators_leaves_the_rest_alone) {
  runtime rt{{.concurrency = 1}};
  processor<int, parcel> p{rt, [](parcel&) {}};
  std::vector<std::pair<int, parcel>> bulk;
  bulk.emplace_back(1, parcel(1));
  p.close();
  struct {
    std::vector<std::pair<int, parcel>>& all;
    auto begin() const { return std::make_move_iterator(all.begin()); }
    auto end() const { return std::make_move_iterator(all.end()); }
  } const moving{bulk};
  EXPECT_EQ(p.submit_bulk(moving).accepted, 0u);
  EXPECT_TRUE(bulk[0].second.is_intact());
}

TEST(keyed_executor_without_memory, does_not_take_the_callable) {
  runtime rt{{.concurrency = 2}};
  convoy::keyed_executor<std::string> ex{rt};
  const std::string key(100, 'k');
  std::vector<int> called;
  called.reserve(200);
  std::uint64_t failures = 0;
  for (int i = 0; i < 200; ++i) {
    const std::array<int, 50> large{i}; // a callable that does not fit into a task
    failures += fails_cleanly([&] {
      ASSERT_EQ(ex.submit(key, [&called, large] { called.push_back(large[0]); }),
                submit_status::accepted);
    });
  }
  EXPECT_GE(failures, 2u * 200);
  ex.drain();
  expect_counts_up(called, 200);
}

} // namespace
