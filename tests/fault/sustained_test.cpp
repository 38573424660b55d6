#include "failing_memory.hpp"
#include "oracle.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <thread>
#include <vector>

// What goes on for long must not take more and more memory: overload, and keys that come once and never again.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::effort;
using convoy::test::live_bytes;
using convoy::test::parcel;

/// Offers two messages for each that was handled. The processor takes what it can and refuses the rest. The
/// backlog that there would be without that takes several times the bound.
TEST(overload, by_two_is_refused_and_takes_no_more_memory_than_the_capacity) {
  constexpr std::uint64_t capacity = 1'000;
  constexpr std::size_t length = 300;
  constexpr std::size_t bound =
      capacity * 2 * length + (1 << 20) + (1 << 18); // with what is kept as spare
  const std::uint64_t all = 30'000 * effort();
  static_assert(30'000 * length > 4 * bound);
  std::atomic<std::uint64_t> handled{0};
  runtime rt{{.concurrency = 2}};
  const auto before = live_bytes();
  processor<std::uint64_t, std::string> p{rt,
                                          [&](std::string&) {
                                            std::this_thread::sleep_for(1us); // 60, mostly
                                            handled.fetch_add(1, std::memory_order_relaxed);
                                          },
                                          {.capacity = capacity}};
  std::uint64_t accepted = 0, refused = 0;
  const std::string message(length, 'm');
  while (handled < all) {
    const auto until = 2 * handled + 2 * capacity;
    while (accepted + refused < until) {
      const auto status = p.try_submit((accepted + refused) % 200, message);
      ASSERT_TRUE(status == submit_status::accepted || status == submit_status::full);
      ++(status == submit_status::accepted ? accepted : refused);
    }
    ASSERT_LT(live_bytes(), before + bound);
    std::this_thread::sleep_for(100us);
  }
  EXPECT_GT(refused, accepted / 2);
  p.drain();
  EXPECT_EQ(handled, accepted);
}

/// `submit(key)` for many keys, drained now and then: what is kept in the end is about what was kept after the
/// first tenth of them.
template <class Processor, class Submit>
void expect_constant_memory(Processor& p, Submit&& submit) {
  const std::uint64_t all = effort() >= 30 ? 10'000'000 : 300'000;
  constexpr std::uint64_t warm = 30'000;
  constexpr std::size_t tolerance = 1'000'000; // tables grow and shrink; a key takes at least 128
  static_assert(tolerance < (300'000 - warm) * 128 / 8);
  std::size_t in_the_beginning = 0;
  for (std::uint64_t key = 0; key < all; ++key) {
    submit(key);
    if (key % warm == warm - 1) {
      p.drain();
      if (key == warm - 1)
        in_the_beginning = live_bytes();
      else
        ASSERT_TRUE(eventually([&] { return live_bytes() < in_the_beginning + tolerance; }))
            << live_bytes() - in_the_beginning << " bytes more after " << key << " keys";
    }
  }
}

TEST(short_lived_keys, leave_nothing_behind) {
  runtime rt{{.concurrency = 2}};
  processor<std::string, parcel> p{rt, [](parcel&) {}, {.capacity = 1'000}};
  expect_constant_memory(p, [&](std::uint64_t key) {
    ASSERT_EQ(p.submit("key number " + std::to_string(key), parcel(1)), submit_status::accepted);
  });
}

TEST(short_lived_keys, leave_nothing_behind_with_limits) {
  runtime rt{{.concurrency = 2}};
  using message = convoy::envelope<parcel, std::uint64_t>;
  processor<std::uint64_t, message> p{rt,
                                      [](message&) {},
                                      {.capacity = 1'000,
                                       .key_capacity = 3,
                                       .rate = {.per_second = 1e6, .burst = 2},
                                       .duplicates = convoy::duplicates{.window = 1ms, .most = 4}}};
  expect_constant_memory(p, [&](std::uint64_t key) {
    ASSERT_EQ(p.submit(key, {.message = parcel(1), .id = key}), submit_status::accepted);
  });
}

TEST(short_lived_keys, leave_nothing_behind_with_state_that_goes) {
  runtime rt{{.concurrency = 2}};
  processor<std::uint64_t, parcel, std::string> p{
      rt, [](parcel&, std::string& state) { state.assign(100, 's'); }, {.state = {.idle = 1ms}}};
  expect_constant_memory(
      p, [&](std::uint64_t key) { ASSERT_EQ(p.submit(key, parcel(1)), submit_status::accepted); });
}

TEST(short_lived_keys, leave_nothing_behind_when_they_fail) {
  runtime rt{{.concurrency = 2}};
  using careful = processor<std::uint64_t, parcel>;
  careful p{rt,
            [](const std::uint64_t& key, parcel&) {
              return key % 4 == 0 ? convoy::outcome::retry : convoy::outcome::done;
            },
            {.capacity = 1'000,
             .failure = convoy::failure_policy{.attempts = 2, .backoff = 1us},
             .dead_letters = [](careful::dead_letter&) {}}};
  expect_constant_memory(
      p, [&](std::uint64_t key) { ASSERT_EQ(p.submit(key, parcel(1)), submit_status::accepted); });
}

} // namespace
