#include "failing_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <gmock/gmock.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// What is thrown into the library's face: by handlers anything that can be thrown, by messages when they are
// copied, by hashes and equalities.

namespace {

using namespace std::chrono_literals;
using convoy::on_exception;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::expect_exact_account;
using testing::ElementsAre;

// ---- handlers

/// Who copies it learns something new: rethrowing must not.
struct throws_when_copied {
  throws_when_copied() = default;
  throws_when_copied(const throws_when_copied&) { throw std::logic_error("copied"); }
  throws_when_copied& operator=(const throws_when_copied&) = delete;
  ~throws_when_copied() = default;
};

struct plain_struct {
  int value;
};

constexpr int kinds = 6;
[[noreturn]] void throw_something(int kind) {
  switch (kind % kinds) {
  case 0:
    throw std::runtime_error("an exception");
  case 1:
    throw 42;
  case 2:
    throw "text";
  case 3:
    throw throws_when_copied();
  case 4:
    throw plain_struct{7};
  default:
    throw nullptr;
  }
}

/// Which kind it is; -1: none of them.
int kind_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::runtime_error&) {
    return 0;
  } catch (int) {
    return 1;
  } catch (std::nullptr_t) { // before a pointer, which would catch it
    return 5;
  } catch (const char*) {
    return 2;
  } catch (const throws_when_copied&) {
    return 3;
  } catch (const plain_struct&) {
    return 4;
  } catch (...) {
    return -1;
  }
}

constexpr int messages = 60;

/// Without a policy a message whose handler throws is dead after one attempt, whatever it throws.
template <class Handler>
void expect_all_reported(Handler&& throwing) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> reported;
  processor<int, int> p{
      rt,
      throwing,
      {.batch_limit = 1, .on_error = [&](const int&, const std::exception_ptr& error) {
         reported.push_back(kind_of(error));
       }}};
  for (int i = 0; i < messages; ++i)
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
  p.drain();
  ASSERT_EQ(reported.size(), messages);
  for (int i = 0; i < messages; ++i)
    ASSERT_EQ(reported[static_cast<std::size_t>(i)], i % kinds);
  expect_exact_account(p, messages);
  EXPECT_EQ(p.dead_letters(), std::uint64_t{messages});
}

TEST(handler_that_throws_anything, is_reported_with_what_it_threw) {
  expect_all_reported([](int& m) { throw_something(m); });
  expect_all_reported([](const int&, int& m) { throw_something(m); });
  expect_all_reported([](const int&, std::span<int> all) { throw_something(all[0]); });
}

TEST(handler_that_throws_anything, is_tried_again_and_its_last_error_is_in_the_dead_letter) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> attempts(messages);
  std::vector<int> order;
  using careful = processor<int, int>;
  careful p{rt,
            [&](int& m) { throw_something(m + attempts[static_cast<std::size_t>(m)]++); },
            {.on_error = [](const int&, const std::exception_ptr&) {},
             .failure = convoy::failure_policy{.attempts = 2, .backoff = 0ns},
             .dead_letters =
                 [&](careful::dead_letter& letter) {
                   order.push_back(letter.message);
                   EXPECT_EQ(kind_of(letter.first_error), letter.message % kinds);
                   EXPECT_EQ(kind_of(letter.last_error), (letter.message + 1) % kinds);
                 }}};
  for (int i = 0; i < messages; ++i)
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
  p.drain();
  ASSERT_EQ(order.size(), messages);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(attempts, std::vector<int>(messages, 2));
  expect_exact_account(p, messages);
}

TEST(handler_that_throws_anything, is_matched_by_policies_for_what_it_threw) {
  runtime rt{{.concurrency = 2}};
  std::array<int, kinds> attempts{};
  processor<int, int> p{
      rt,
      [&](int& m) {
        ++attempts[static_cast<std::size_t>(m)];
        throw_something(m);
      },
      {.on_error = [](const int&, const std::exception_ptr&) {},
       .failure = convoy::failure_policy{.attempts = 1},
       .exceptions = {on_exception<int>({.attempts = 2, .backoff = 0ns}),
                      on_exception<throws_when_copied>({.attempts = 3, .backoff = 0ns}),
                      on_exception<std::exception>({.attempts = 4, .backoff = 0ns})}}};
  for (int i = 0; i < kinds; ++i)
    ASSERT_EQ(p.submit(i, i), submit_status::accepted);
  p.drain();
  EXPECT_THAT(attempts, ElementsAre(4, 2, 1, 3, 1, 1));
  expect_exact_account(p, kinds);
}

TEST(callbacks_that_throw_anything, leave_everything_in_order) {
  runtime rt{{.concurrency = 2}};
  testing::internal::CaptureStderr(); // where their exceptions go
  std::vector<int> handled;
  using careful = processor<int, int>;
  {
    careful p{
        rt,
        [&](int& m) {
          handled.push_back(m);
          if (m % 2 == 0)
            throw_something(m);
        },
        {.on_error = [](const int&, const std::exception_ptr&) { throw_something(3); },
         .failure = convoy::failure_policy{.attempts = 1},
         .dead_letters = [](careful::dead_letter& letter) { throw_something(letter.message); }}};
    for (int i = 0; i < messages; ++i) {
      ASSERT_EQ(p.submit(1, i), submit_status::accepted);
      p.fence(1, [i] { throw_something(i); });
    }
    p.drain();
    EXPECT_EQ(p.dead_letters(), messages / 2u);
    expect_exact_account(p, messages);
  }
  (void)testing::internal::GetCapturedStderr();
  EXPECT_EQ(handled.size(), messages);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

// ---- copies

/// The n-th copy that the calling thread makes throws.
class counts_copies {
public:
  static inline thread_local int until_throw = 0;

  explicit counts_copies(int number) : number_(number) {}
  counts_copies(const counts_copies& other) : number_(other.number_) {
    if (until_throw != 0 && --until_throw == 0)
      throw throws_when_copied();
  }
  counts_copies(counts_copies&&) noexcept = default;
  counts_copies& operator=(const counts_copies&) = delete;
  ~counts_copies() = default;

  [[nodiscard]] int number() const noexcept { return number_; }
  bool operator==(const counts_copies&) const = default;

private:
  int number_;
};
struct hash_of_number {
  std::size_t operator()(const counts_copies& key) const noexcept {
    return static_cast<std::size_t>(key.number());
  }
};

TEST(copy_that_throws_anything, at_any_copy_of_key_or_message_submits_nothing) {
  using form = processor<counts_copies, counts_copies, void, hash_of_number>;
  runtime rt{{.concurrency = 2}};
  std::vector<int> handled;
  int fewest_failures = 2;
  for (const std::size_t key_capacity : {0u, 1'000u}) {
    handled.clear();
    form p{rt,
           [&](counts_copies& m) { handled.push_back(m.number()); },
           {.capacity = 8, .key_capacity = key_capacity}};
    const counts_copies key(5);
    for (int i = 0; i < 50; ++i) {
      const counts_copies message(i);
      const auto attempt = [&](int n) {
        counts_copies::until_throw = n;
        try {
          switch (i % 3) {
          case 0:
            EXPECT_EQ(p.submit(key, message), submit_status::accepted);
            break;
          case 1:
            EXPECT_EQ(p.submit_at(key, {}, message).status(), submit_status::accepted);
            break;
          default:
            EXPECT_EQ(p.submit_bulk(std::vector{std::pair(key, message)}).accepted, 1u);
          }
        } catch (const throws_when_copied&) {
          p.drain();
          return false;
        }
        counts_copies::until_throw = 0;
        return true;
      };
      int n = 1;
      while (!attempt(n))
        ++n;
      if (i % 3 == 0)
        fewest_failures = std::min(fewest_failures, n - 1);
    }
    p.drain();
    EXPECT_EQ(handled.size(), 50u);
    EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
    expect_exact_account(p, 50);
  }
  EXPECT_EQ(fewest_failures, 2); // the key and the message
}

// ---- hashes and equalities

struct key_type {
  int number;
};
struct hash_failed final {};
/// Throws as long as `fails`.
struct failing_hash {
  static inline std::atomic<bool> fails{false};
  std::size_t operator()(const key_type& key) const {
    if (fails)
      throw hash_failed();
    return static_cast<std::size_t>(key.number);
  }
};
struct failing_equal {
  static inline std::atomic<bool> fails{false};
  bool operator()(const key_type& a, const key_type& b) const {
    if (fails)
      throw hash_failed();
    return a.number == b.number;
  }
};
using fragile = processor<key_type, convoy::test::parcel, void, failing_hash, failing_equal>;

TEST(hash_that_throws, changes_nothing_whatever_is_called) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> handled;
  fragile p{rt, [&](convoy::test::parcel& m) { handled.push_back(m.number()); }, {.capacity = 2}};
  const key_type key{1};
  for (int i = 0; i < 100; ++i) {
    convoy::test::parcel message(i);
    std::vector<std::pair<key_type, convoy::test::parcel>> bulk;
    bulk.emplace_back(key, convoy::test::parcel(i));
    failing_hash::fails = true;
    EXPECT_THROW((void)p.submit(key, std::move(message)), hash_failed);
    EXPECT_THROW((void)p.try_submit(key, std::move(message)), hash_failed);
    EXPECT_THROW((void)p.submit_bulk(std::move(bulk)), hash_failed);
    EXPECT_THROW((void)p.submit_after(key, 1h, std::move(message)), hash_failed);
    EXPECT_THROW((void)p.resubmit(key, {&message, 1}), hash_failed);
    EXPECT_THROW((void)p.resubmit(key, {&message, 1}, convoy::place::before), hash_failed);
    EXPECT_THROW(p.pause(key), hash_failed);
    EXPECT_THROW(p.drain(key), hash_failed);
    failing_hash::fails = false;
    ASSERT_TRUE(message.is_intact());
    ASSERT_TRUE(bulk[0].second.is_intact());
    ASSERT_EQ(p.submit(key, std::move(message)), submit_status::accepted);
  }
  p.drain();
  ASSERT_EQ(handled.size(), 100u);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
  expect_exact_account(p, 100);
}

TEST(hash_that_throws, in_the_midst_of_a_bulk_submits_a_prefix) {
  runtime rt{{.concurrency = 2}};
  struct hash_of_positive {
    std::size_t operator()(int key) const {
      return key >= 0 ? static_cast<std::size_t>(key) : throw hash_failed();
    }
  };
  std::vector<int> handled;
  processor<int, convoy::test::parcel, void, hash_of_positive> p{
      rt, [&](convoy::test::parcel& m) { handled.push_back(m.number()); }};
  std::vector<std::pair<int, convoy::test::parcel>> bulk;
  for (int i = 0; i < 900; ++i)
    bulk.emplace_back(i == 700 ? -1 : 5, convoy::test::parcel(i));
  std::size_t accepted = 0;
  try {
    (void)p.submit_bulk(std::move(bulk));
  } catch (const convoy::bulk_interrupted& thrown) {
    accepted = thrown.accepted();
    EXPECT_THROW(thrown.rethrow_nested(), hash_failed);
  }
  p.drain();
  EXPECT_EQ(handled.size(), accepted);
  EXPECT_LE(handled.size(), 700u);
  EXPECT_GE(handled.size(), 512u); // chunks before the one in which it is
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
  for (std::size_t i = 0; i < bulk.size(); ++i)
    ASSERT_EQ(bulk[i].second.is_intact(), i >= handled.size());
  expect_exact_account(p, handled.size());
}

void throw_from_equality_on_a_worker() {
  runtime rt{{.concurrency = 1}};
  gate held;
  fragile p{rt,
            [&](const key_type&, std::span<convoy::test::parcel>) { held.pass(); },
            {.partitions = 1}};
  (void)p.submit({1}, convoy::test::parcel(1));
  held.await_visitors();
  failing_equal::fails = true;
  for (int i = 2; i < 5; ++i) // of the same key: all but the first find its lane
    (void)p.submit({1}, convoy::test::parcel(i));
  held.open();
  p.drain();
}

/// It must not, says processor: a drainer looks for the key's lane, and could tell nobody.
TEST(equality_that_throws_DeathTest, ends_the_process_with_a_message) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(throw_from_equality_on_a_worker(),
               "terminate called after throwing an instance of .*hash_failed");
}

} // namespace
