#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Why a key does not move, asked from outside: all that is known of it is text.

namespace {

using namespace std::chrono_literals;
using convoy::key_state;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

/// A key that cannot be read from a text.
struct account_number {
  int value = 0;
  bool operator==(const account_number&) const = default;
};
struct hash_of_account {
  std::size_t operator()(const account_number& key) const noexcept {
    return static_cast<std::size_t>(key.value);
  }
};

TEST(runtime_explain, takes_keys_as_they_are_written) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<std::string, int> p{rt, [&](int&) { held.pass(); }, with_insight(1h)};
  processor<long, int>::options wanted;
  wanted.name = "numbers";
  wanted.insight.top = 1;
  processor<long, int> numbers{rt, [&](int&) { held.pass(); }, wanted};
  ASSERT_EQ(p.submit("apple", 1), submit_status::accepted);
  ASSERT_EQ(numbers.submit(-7, 1), submit_status::accepted);
  held.await_visitors(2);
  const auto state_of = [&](const char* processor, const char* key) {
    const auto why = rt.explain(processor, key);
    return why ? std::optional(why->state) : std::nullopt;
  };
  EXPECT_TRUE(eventually([&] { return state_of("orders", "apple") == key_state::running; }));
  EXPECT_TRUE(eventually([&] { return state_of("numbers", "-7") == key_state::running; }));
  EXPECT_EQ(state_of("numbers", "-7x"), std::nullopt);
  EXPECT_EQ(state_of("numbers", ""), std::nullopt);
  EXPECT_EQ(state_of("nobody", "apple"), std::nullopt);
  held.open();
  EXPECT_TRUE(eventually([&] { return state_of("orders", "pear") == key_state::idle; }));
}

TEST(runtime_explain, takes_keys_as_snapshots_call_them) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<account_number, int, void, hash_of_account>::options wanted;
  wanted.name = "accounts";
  wanted.insight = {.top = 5, .window = 10ms}; // labels are hashes
  processor<account_number, int, void, hash_of_account> p{rt,
                                                          [&](const account_number& key, int&) {
                                                            if (key.value == 7)
                                                              held.pass();
                                                          },
                                                          wanted};
  ASSERT_EQ(p.submit({7}, 1), submit_status::accepted);
  ASSERT_EQ(p.submit({7}, 2), submit_status::accepted);
  convoy::snapshot is;
  ASSERT_TRUE(eventually([&] { return !(is = p.snapshot()).hottest.empty(); }));
  EXPECT_TRUE(eventually([&] {
    const auto why = rt.explain("accounts", is.hottest.front().label);
    return why && why->state == key_state::running && why->depth == 2;
  }));
  EXPECT_FALSE(rt.explain("accounts", "#somebody"));
  held.open();
}

TEST(runtime_explain, sees_limits_of_keys_in_the_lists_too) {
  runtime rt{{.concurrency = 2}};
  auto wanted = with_insight(10ms);
  wanted.rate = {.per_second = 0.001, .burst = 1};
  processor<std::string, int> p{rt, [](int&) {}, wanted};
  ASSERT_EQ(p.submit("limited", 1), submit_status::accepted);
  ASSERT_EQ(p.try_submit("limited", 1), submit_status::key_rate);
  ASSERT_TRUE(eventually([&] { return !p.snapshot().hottest.empty(); }));
  EXPECT_TRUE(
      eventually([&] { return rt.explain("orders", "limited")->state == key_state::limited; }));
}

/// Who polls keeps nobody from making another processor.
TEST(runtime_explain, holds_up_no_other_processor) {
  runtime rt{{.concurrency = 1}};
  gate held;
  processor<std::string, int> p{rt, [&](int&) { held.pass(); }, with_insight(1h)};
  ASSERT_EQ(p.submit("stuck", 1), submit_status::accepted);
  held.await_visitors();
  std::atomic<bool> over{false};
  std::vector<std::thread> pollers;
  for (int i = 0; i < 3; ++i)
    pollers.emplace_back([&] {
      while (!over)
        (void)rt.explain("orders", "other", 1h);
    });
  std::this_thread::sleep_for(5ms);
  processor<std::string, int> another{rt, [](int&) {}, with_insight(1h)};
  over = true;
  held.open();
  for (auto& each : pollers)
    each.join();
}

TEST(runtime_explain, refuses_on_a_worker) {
  runtime rt{{.concurrency = 1}};
  bool refused = false;
  processor<std::string, int> p{rt,
                                [&](int&) {
                                  try {
                                    (void)rt.explain("orders", "apple");
                                  } catch (const std::logic_error&) {
                                    refused = true;
                                  }
                                },
                                with_insight(1h)};
  ASSERT_EQ(p.submit("apple", 1), submit_status::accepted);
  p.drain();
  EXPECT_TRUE(refused);
}

} // namespace
