#include "gate.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <future>
#include <gmock/gmock.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using convoy::keyed_executor;
using convoy::runtime;
using convoy::submit_status;

TEST(keyed_executor, runs_the_callables_of_a_key_in_order) {
  constexpr int keys = 20;
  runtime rt{{.concurrency = 3}};
  std::vector<int> ran[keys]; // plain: order per key protects them
  keyed_executor<int> ex{rt};
  for (int i = 0; i < 1'000; ++i)
    for (int key = 0; key < keys; ++key)
      ASSERT_EQ(ex.submit(key, [&ran, key, i] { ran[key].push_back(i); }), submit_status::accepted);
  ex.drain();
  for (const auto& of_key : ran) {
    EXPECT_EQ(of_key.size(), 1'000u);
    EXPECT_TRUE(std::is_sorted(of_key.begin(), of_key.end()));
  }
}

TEST(keyed_executor, runs_other_keys_while_one_is_stuck) {
  runtime rt{{.concurrency = 2}};
  gate held;
  keyed_executor<std::string> ex{rt};
  ASSERT_EQ(ex.submit("stuck", [&] { held.pass(); }), submit_status::accepted);
  std::atomic<bool> ran{false};
  ASSERT_EQ(ex.try_submit("other", [&] { ran = true; }), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return ran.load(); }));
  held.open();
}

TEST(keyed_executor, takes_callables_that_only_move) {
  runtime rt{{.concurrency = 1}};
  keyed_executor<int> ex{rt};
  int got = 0;
  ASSERT_EQ(ex.submit(1, [&got, owned = std::make_unique<int>(42)] { got = *owned; }),
            submit_status::accepted);
  ex.drain();
  EXPECT_EQ(got, 42);
}

TEST(keyed_executor, takes_callables_of_any_size_and_alignment) {
  struct alignas(128) over_aligned {
    char content[128];
  };
  runtime rt{{.concurrency = 1}};
  keyed_executor<int> ex{rt};
  std::vector<int> sums;
  bool misplaced = false;
  std::array<int, 10> forty{};
  forty.back() = 1;
  std::array<int, 1'000> large{};
  large.back() = 2;
  const over_aligned block{};
  ASSERT_EQ(ex.submit(1, [&sums, forty] { sums.push_back(forty.back()); }),
            submit_status::accepted);
  ASSERT_EQ(ex.submit(1, [&sums, large] { sums.push_back(large.back()); }),
            submit_status::accepted);
  ASSERT_EQ(
      ex.submit(1, [&misplaced,
                    block] { misplaced = reinterpret_cast<std::uintptr_t>(&block) % 128 != 0; }),
      submit_status::accepted);
  ex.drain();
  EXPECT_THAT(sums, testing::ElementsAre(1, 2));
  EXPECT_FALSE(misplaced);
}

TEST(keyed_executor, copies_a_callable_that_stays_the_callers) {
  runtime rt{{.concurrency = 1}};
  keyed_executor<int> ex{rt};
  int ran = 0;
  const auto function = [&ran, counted = std::make_shared<int>(7)] { ran += *counted; };
  ASSERT_EQ(ex.submit(1, function), submit_status::accepted);
  ASSERT_EQ(ex.submit(1, function), submit_status::accepted);
  ex.drain();
  EXPECT_EQ(ran, 14);
}

TEST(keyed_executor, leaves_a_callable_intact_that_it_refuses) {
  runtime rt{{.concurrency = 1}};
  gate held;
  keyed_executor<int> ex{rt, {.capacity = 1}};
  ASSERT_EQ(ex.submit(1, [&] { held.pass(); }), submit_status::accepted);
  int called = 0;
  auto function = [&called, owned = std::make_unique<int>(42)] { called = *owned; };
  EXPECT_EQ(ex.try_submit(1, std::move(function)), submit_status::full);
  function();
  EXPECT_EQ(std::exchange(called, 0), 42);
  ex.close();
  EXPECT_EQ(ex.submit(1, std::move(function)), submit_status::closed);
  function();
  EXPECT_EQ(called, 42);
  held.open();
}

TEST(keyed_executor, reports_what_a_callable_throws_and_goes_on) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> keys;
  keyed_executor<int> ex{
      rt, {.on_error = [&](const int& key, std::exception_ptr) { keys.push_back(key); }}};
  int ran = 0;
  ASSERT_EQ(ex.submit(7, [] { throw std::runtime_error("no"); }), submit_status::accepted);
  ASSERT_EQ(ex.submit(7, [&] { ++ran; }), submit_status::accepted);
  ex.drain();
  EXPECT_THAT(keys, testing::ElementsAre(7));
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(ex.tasks().account().completed, 1u);
  EXPECT_EQ(ex.tasks().dead_letters(), 1u);
}

TEST(keyed_executor, destroys_every_callable) {
  const auto alive = std::make_shared<int>();
  {
    runtime rt{{.concurrency = 2}};
    keyed_executor<int> ex{rt};
    for (int i = 0; i < 1'000; ++i) {
      ASSERT_EQ(ex.submit(i % 10, [alive] {}), submit_status::accepted);
      ASSERT_EQ(ex.submit(i % 10, [alive, large = std::array<char, 100>{}] { (void)large; }),
                submit_status::accepted);
    }
  }
  EXPECT_EQ(alive.use_count(), 1);
}

// ---- async

TEST(async, returns_the_result) {
  runtime rt{{.concurrency = 1}};
  keyed_executor<int> ex{rt};
  auto number = ex.async(1, [] { return 42; });
  auto owned = ex.async(1, [] { return std::make_unique<std::string>("text"); });
  int target = 0;
  auto reference = ex.async(1, [&]() -> int& { return target; });
  EXPECT_EQ(number.get(), 42);
  EXPECT_EQ(*owned.get(), "text");
  EXPECT_EQ(&reference.get(), &target);
}

TEST(async, completes_a_void_callable_that_only_moves) {
  runtime rt{{.concurrency = 1}};
  keyed_executor<int> ex{rt};
  int got = 0;
  std::future<void> done = ex.async(1, [&got, owned = std::make_unique<int>(5)] { got = *owned; });
  done.get();
  EXPECT_EQ(got, 5);
}

TEST(async, passes_on_what_the_callable_throws) {
  runtime rt{{.concurrency = 1}};
  bool on_error = false;
  keyed_executor<int> ex{rt,
                         {.on_error = [&](const int&, std::exception_ptr) { on_error = true; }}};
  auto result = ex.async(1, []() -> int { throw std::out_of_range("too far"); });
  EXPECT_THROW(result.get(), std::out_of_range);
  ex.drain();
  EXPECT_FALSE(on_error);
  EXPECT_EQ(ex.tasks().account().completed, 1u);
}

TEST(async, throws_refused_when_it_is_not_accepted) {
  runtime rt{{.concurrency = 1}};
  keyed_executor<int> ex{rt};
  ex.close();
  try {
    (void)ex.async(1, [] { return 42; });
    FAIL() << "accepted";
  } catch (const convoy::refused& e) {
    EXPECT_EQ(e.status(), submit_status::closed);
    EXPECT_THAT(e.what(), testing::HasSubstr("closed"));
  }
}

TEST(async, keeps_the_order_with_submit) {
  runtime rt{{.concurrency = 2}};
  keyed_executor<int> ex{rt};
  std::string ran;
  ASSERT_EQ(ex.submit(1, [&] { ran += 'a'; }), submit_status::accepted);
  auto b = ex.async(1, [&] { ran += 'b'; });
  ASSERT_EQ(ex.submit(1, [&] { ran += 'c'; }), submit_status::accepted);
  ex.drain();
  EXPECT_EQ(ran, "abc");
}

} // namespace
