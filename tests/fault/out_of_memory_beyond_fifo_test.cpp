#include "failing_memory.hpp"
#include "failing_workers.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <gtest/gtest.h>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

// There is no memory for what is beyond FIFO: records of joint messages and the lanes of those that stop, siblings
// of shared messages, what conflation makes longer, the frames and the questions of coroutines.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::busy_workers;
using convoy::test::expect_exact_account;
using convoy::test::failing_allocation;
using convoy::test::fails_cleanly;
using convoy::test::for_each_allocation;
using convoy::test::for_each_failure_on_workers;
using convoy::test::memory;
using convoy::test::own_memory;
using convoy::test::parcel;
using convoy::test::whose;

constexpr int twice_failing_keys = 60;

/// In the order of their numbers for each key.
struct numbers_seen {
  std::array<int, twice_failing_keys> last{};
  std::atomic<int> disorder{0};

  void see(int key, int number) noexcept {
    disorder += std::exchange(last.at(static_cast<std::size_t>(key)), number) >= number;
  }
};

TEST(submit_joint_without_memory, changes_nothing) {
  constexpr int all = 150;
  runtime rt{{.concurrency = 1}};
  std::vector<int> handled;
  handled.reserve(2 * all);
  const auto write_down = [&](parcel& m) { handled.push_back(m.number()); };
  processor<std::string, parcel> p{
      rt, write_down, {.partitions = 4, .joint = [&](convoy::joint<std::string>&, parcel& m) {
                         write_down(m);
                       }}};
  std::vector<std::string> keys; // copying them allocates
  for (const char name : {'a', 'b', 'c', 'a'})
    keys.emplace_back(100, name);
  std::uint64_t failures = 0;
  {
    busy_workers busy(rt); // records are not given back meanwhile
    for (int i = 0; i < all; ++i) {
      parcel message(i);
      failures += fails_cleanly(
          [&] {
            ASSERT_EQ(p.submit_joint(std::span<const std::string>(keys), std::move(message)),
                      submit_status::accepted);
          },
          [&] { ASSERT_TRUE(message.is_intact()); });
      ASSERT_FALSE(message.is_intact());
    }
    busy.go_on();
  }
  EXPECT_GE(failures, 3u * all); // keys; and the record, unless one came back
  p.drain();
  ASSERT_EQ(handled.size(), static_cast<std::size_t>(all));
  for (int i = 0; i < all; ++i)
    EXPECT_EQ(handled.at(static_cast<std::size_t>(i)), i);
  expect_exact_account(p, all);
}

/// Each third one stops in a lane of its own, and each fifth becomes a dead letter.
TEST(workers_without_memory, lose_no_joint_message) {
  runtime rt{{.concurrency = 2}};
  for_each_failure_on_workers(twice_failing_keys, [&](memory& memory) {
    numbers_seen seen;
    std::atomic<int> dead{0};
    std::array<int, 3 * twice_failing_keys + 1> calls{};
    busy_workers busy(rt);
    using numbers = processor<int, int>;
    numbers p{rt,
              [&](const int& key, int& m) { seen.see(key, m); },
              {.partitions = 2,
               .on_error = [](const int&, const std::exception_ptr&) {},
               .failure = convoy::failure_policy{.attempts = 2, .backoff = 1us, .jitter = false},
               .dead_letters =
                   [&](numbers::dead_letter& letter) {
                     for (const auto* key : letter.keys)
                       seen.see(*key, letter.message);
                     ++dead;
                   },
               .joint = [&](convoy::joint<int>& keys, int& m) -> outcome {
                 const auto call = calls.at(static_cast<std::size_t>(m))++;
                 if (m % 5 == 0)
                   throw std::bad_alloc();
                 if (m % 3 == 0 && call == 0)
                   return outcome::retry;
                 for (std::size_t i = 0; i < keys.size(); ++i)
                   seen.see(keys.key(i), m);
                 return outcome::done;
               }}};
    for (int m = 1; m <= 3 * twice_failing_keys; ++m) {
      const int key = m % twice_failing_keys;
      ASSERT_EQ(m % 4 == 0 ? p.submit(key, m)
                           : p.submit_joint({key, (7 * key + 1) % twice_failing_keys}, m),
                submit_status::accepted);
    }
    memory.goes();
    busy.go_on();
    memory.comes_back();
    p.drain();
    ASSERT_EQ(seen.disorder, 0);
    ASSERT_EQ(dead, 27); // 36, of which 9 are not joint
    expect_exact_account(p, 3 * twice_failing_keys);
  });
}

struct seen_message {
  int number;
  [[nodiscard]] bool is_shared() const { return number % 4 != 0; }
};

} // namespace

template <>
struct convoy::message_traits<seen_message> {
  static convoy::access access(const seen_message& m) noexcept {
    return m.is_shared() ? access::shared : access::exclusive;
  }
};

namespace {

TEST(workers_without_memory, lose_no_shared_message) {
  constexpr int each = 12;
  runtime rt{{.concurrency = 2}};
  for_each_failure_on_workers(twice_failing_keys, [&](memory& memory) {
    numbers_seen seen; // exclusive ones
    std::array<std::array<int, each + 1>, twice_failing_keys> calls{};
    std::atomic<int> handled{0};
    busy_workers busy(rt);
    processor<int, seen_message> p{
        rt,
        [&](const int& key, seen_message& m) {
          auto& mine = calls.at(static_cast<std::size_t>(key));
          const auto call = mine.at(static_cast<std::size_t>(m.number))++;
          if (call == 0 && m.number % 3 == 0)
            return outcome::retry;
          if (m.is_shared())
            seen.disorder += seen.last.at(static_cast<std::size_t>(key)) > m.number;
          else
            seen.see(key, m.number);
          ++handled;
          return outcome::done;
        },
        {.partitions = 1,
         .failure = convoy::failure_policy{.attempts = 2, .backoff = 1us, .jitter = false}}};
    for (int m = 1; m <= each; ++m)
      for (int key = 0; key < twice_failing_keys; ++key)
        ASSERT_EQ(p.submit(key, seen_message{m}), submit_status::accepted);
    memory.goes();
    busy.go_on();
    memory.comes_back();
    p.drain();
    ASSERT_EQ(handled, each * twice_failing_keys);
    ASSERT_EQ(seen.disorder, 0);
    expect_exact_account(p, each * twice_failing_keys);
  });
}

struct joined_text {
  int last = 0;
  std::string numbers = {};
};

/// If conflate() itself has no memory both messages are handled.
TEST(workers_without_memory, lose_nothing_that_is_conflated) {
  constexpr int each = 20;
  std::uint64_t conflated = 0;
  runtime rt{{.concurrency = 2}};
  for_each_failure_on_workers(twice_failing_keys, [&](memory& memory) {
    std::array<int, twice_failing_keys> next{};
    std::atomic<int> disorder{0};
    busy_workers busy(rt);
    processor<int, joined_text> p{
        rt,
        [&](const int& key, joined_text& m) {
          for (const char number : m.numbers)
            disorder += next.at(static_cast<std::size_t>(key))++ != number;
        },
        {.partitions = 1,
         .on_error = [](const int&, const std::exception_ptr&) {},
         .conflate = [](joined_text& waiting,
                        joined_text& more) { waiting.numbers += more.numbers; }}};
    for (int key = 0; key < twice_failing_keys; ++key)
      for (int m = 0; m < each; ++m)
        ASSERT_EQ(p.submit(key, joined_text{m, std::string(1, static_cast<char>(m))}),
                  submit_status::accepted);
    memory.goes();
    busy.go_on();
    memory.comes_back();
    p.drain();
    ASSERT_EQ(disorder, 0);
    for (const int numbers : next)
      ASSERT_EQ(numbers, each);
    EXPECT_TRUE(eventually([&] { return p.account().balanced(); }));
    const auto is = p.account();
    EXPECT_EQ(is.accepted, static_cast<std::uint64_t>(each * twice_failing_keys));
    EXPECT_EQ(is.accepted, is.completed + is.conflated);
    conflated += is.conflated;
  });
  EXPECT_GT(conflated, 0u);
}

struct asked_message {
  int number = 0;
  convoy::completion<int> answer = {};
};

constexpr int askers = 6, asked = 100; // keys

/// What an ask throws has asked nothing: each question that is tried again is handled once.
TEST(waiting_handlers, without_memory_ask_once) {
  const auto failed = for_each_allocation([](std::uint64_t n) {
    std::atomic<int> answered{0}, questions{0}, others{0};
    bool happened = false;
    {
      runtime rt{{.concurrency = 1}};
      using asking = processor<int, asked_message>;
      const auto handle = [&](asking::context& c, asked_message& m) -> convoy::task {
        if (c.key() == asked) {
          ++questions;
          m.answer(m.number);
          co_return;
        }
        asked_message question;
        question.number = m.number;
        answered += co_await c.owner().ask(c, asked, std::move(question)) == m.number;
      };
      asking p{rt,
               handle,
               {.partitions = 1,
                .on_error =
                    [&](const int&, const std::exception_ptr& error) {
                      try {
                        std::rethrow_exception(error);
                      } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch)
                      } catch (...) {
                        ++others;
                      }
                    },
                .failure = convoy::failure_policy{.attempts = 10, .backoff = 0ms}}};
      failing_allocation failing(n, whose::other_threads);
      {
        const own_memory ours;
        for (int key = 0; key < askers; ++key) {
          asked_message m;
          m.number = 1 + key;
          EXPECT_EQ(p.submit(key, std::move(m)), submit_status::accepted);
        }
        p.drain();
      }
      happened = failing.happened();
      expect_exact_account(p, 2 * askers);
    }
    EXPECT_EQ(answered, int{askers});
    EXPECT_EQ(questions, int{askers});
    EXPECT_EQ(others, 0);
    return happened;
  });
  EXPECT_GT(failed, 8u);
}

} // namespace
