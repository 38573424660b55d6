#include "desk.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <coroutine>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using convoy::task;
using convoy::task_of;
using testing::ElementsAre;

struct await : testing::Test {
  convoy::runtime rt{{.concurrency = 2}};
  desk waiting;
  std::vector<int> seen; // of one key
};

TEST_F(await, a_suspended_key_holds_no_worker_and_no_other_key) {
  numbers_that_wait p{rt, [&](auto& c, int& m) -> task {
                        const int key = c.key();
                        if (key < 8)
                          (void)co_await wait_at(waiting);
                        else
                          seen.push_back(m);
                      }};
  for (int key = 0; key < 8; ++key)
    EXPECT_EQ(p.submit(key, 0), submit_status::accepted);
  auto completions = waiting.await(8);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(p.submit(8, i), submit_status::accepted);
  p.drain(8);
  EXPECT_EQ(seen.size(), 100);
  EXPECT_TRUE(eventually([&] { return p.account().completed == 100; })); // it comes a moment late
  for (auto& each : completions)
    each(1);
  p.drain();
  EXPECT_EQ(p.account().completed, 108);
}

TEST_F(await, what_comes_behind_a_suspended_message_waits_for_its_end) {
  numbers_that_wait p{rt, [&](auto&, int& m) -> task {
                        seen.push_back(m);
                        const int more = co_await wait_at(waiting);
                        seen.push_back(m + more);
                      }};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(p.submit(1, 10 * i), submit_status::accepted);
  for (int i = 0; i < 3; ++i)
    waiting.await_one()(i + 1);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(0, 1, 10, 12, 20, 23));
}

TEST_F(await, it_goes_on_on_a_worker_not_on_the_thread_that_completes) {
  std::thread::id before, after;
  numbers_that_wait p{rt, [&](auto&, int&) -> task {
                        before = std::this_thread::get_id();
                        (void)co_await wait_at(waiting);
                        after = std::this_thread::get_id();
                      }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  waiting.await_one()(1);
  p.drain();
  EXPECT_NE(after, std::this_thread::get_id());
  EXPECT_NE(before, std::this_thread::get_id());
}

TEST_F(await, what_completes_while_it_is_begun_does_not_suspend) {
  numbers_that_wait p{rt, [&](auto&, int& m) -> task {
                        seen.push_back(
                            co_await convoy::callback<int>([&](auto done) { done(m + 1); }));
                      }};
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(p.submit(1, i), submit_status::accepted);
  p.drain();
  ASSERT_EQ(seen.size(), 100);
  EXPECT_EQ(seen.back(), 100);
}

TEST_F(await, errors_come_out_of_the_await) {
  std::vector<std::string> errors;
  numbers_that_wait p{rt, [&](auto&, int& m) -> task {
                        try {
                          if (m == 0)
                            co_await convoy::callback([](auto done) {
                              done.fail(std::make_exception_ptr(std::runtime_error("failed")));
                            });
                          else if (m == 1)
                            co_await convoy::callback(
                                [](auto) { throw std::runtime_error("not begun"); });
                          else
                            co_await convoy::callback([](auto) {});
                        } catch (const std::exception& e) {
                          errors.emplace_back(e.what());
                        }
                      }};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(p.submit(1, i), submit_status::accepted);
  p.drain();
  EXPECT_THAT(errors,
              ElementsAre("failed", "not begun", testing::HasSubstr("nobody will complete")));
  EXPECT_EQ(p.account().completed, 3);
}

TEST_F(await, the_first_call_of_a_completion_counts) {
  numbers_that_wait p{rt, [&](auto&, int&) -> task { seen.push_back(co_await wait_at(waiting)); }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  auto done = waiting.await_one();
  EXPECT_TRUE(static_cast<bool>(done));
  done(1);
  EXPECT_FALSE(static_cast<bool>(done));
  done(2);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(1));
}

TEST_F(await, a_completion_goes_through_a_pointer_of_an_api_of_c) {
  std::atomic<void*> kept = nullptr;
  std::string answer;
  numbers_that_wait p{rt, [&](auto&, int&) -> task {
                        answer = co_await convoy::callback<std::string>(
                            [&](convoy::completion<std::string> done) { kept = done.release(); });
                      }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return kept != nullptr; }));
  convoy::completion<std::string>::adopt(kept)("from C");
  p.drain();
  EXPECT_EQ(answer, "from C");
}

TEST_F(await, sleep_takes_at_least_so_long) {
  std::atomic<int> early = 0;
  numbers_that_wait p{rt, [&](auto&, int&) -> task {
                        const auto begin = std::chrono::steady_clock::now();
                        co_await convoy::sleep(3ms);
                        early += std::chrono::steady_clock::now() - begin < 3ms;
                        co_await convoy::sleep(0ms);
                      }};
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(p.submit(i, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(early, 0);
  EXPECT_THROW((void)convoy::sleep(-1ms), std::invalid_argument);
}

task_of<int> twice(desk& where, int levels) {
  if (levels == 0)
    co_return co_await wait_at(where);
  co_return 2 * co_await twice(where, levels - 1);
}
task throwing() {
  co_await convoy::sleep(0ms);
  throw std::runtime_error("inside");
}

TEST_F(await, coroutines_await_coroutines) {
  std::string error;
  numbers_that_wait p{rt, [&](auto&, int&) -> task {
                        seen.push_back(co_await twice(waiting, 5));
                        try {
                          co_await throwing();
                        } catch (const std::exception& e) {
                          error = e.what();
                        }
                      }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  waiting.await_one()(3);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(96));
  EXPECT_EQ(error, "inside");
}

/// Another library's: goes on with what it was given on a thread of its own.
struct thread_await {
  std::vector<std::thread>& threads;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const {
    threads.emplace_back([h] { h.resume(); });
  }
  [[nodiscard]] std::thread::id await_resume() const noexcept { return std::this_thread::get_id(); }
};
struct ready_await {
  bool suspends;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> h) const {
    if (suspends)
      h.resume();
    return suspends;
  }
  [[nodiscard]] int await_resume() const noexcept { return 7; }
};
struct has_operator {
  [[nodiscard]] ready_await operator co_await() const noexcept { return {true}; }
};

TEST_F(await, what_other_libraries_await_goes_on_on_a_worker_too) {
  std::vector<std::thread> threads;
  std::thread::id resumed_on;
  numbers_that_wait p{rt, [&](auto&, int&) -> task {
                        resumed_on = co_await thread_await{threads};
                        seen.push_back(co_await ready_await{false});
                        seen.push_back(co_await ready_await{true});
                        seen.push_back(co_await has_operator{});
                      }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  ASSERT_EQ(threads.size(), 1);
  EXPECT_NE(threads[0].get_id(), resumed_on);
  threads[0].join();
  EXPECT_THAT(seen, ElementsAre(7, 7, 7));
}

TEST_F(await, context_and_state_last_until_the_end) {
  using with_state = convoy::processor<std::string, int, std::vector<int>>;
  std::uint64_t sequences = 0;
  with_state p{rt, [&](with_state::context& c, int& m) -> task {
                 auto& mine = c.state();
                 const auto sequence = c.sequence();
                 mine.push_back(m);
                 (void)co_await wait_at(waiting);
                 EXPECT_EQ(c.sequence(), sequence);
                 EXPECT_EQ(c.key(), "a key that is not short enough to be kept inside");
                 c.state().push_back(m);
                 ++sequences;
                 seen = mine;
               }};
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(p.submit("a key that is not short enough to be kept inside", i),
              submit_status::accepted);
  waiting.await_one()(0);
  waiting.await_one()(0);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(sequences, 2);
}

TEST_F(await, each_outcome_does_what_it_does_for_others) {
  std::vector<std::string> dead;
  convoy::processor<int, int> p{rt,
                                [&](const int&, int& m) -> task_of<outcome> {
                                  seen.push_back(m);
                                  co_await convoy::sleep(0ms);
                                  if (m == 1)
                                    co_return outcome::skip.because("no good");
                                  if (m == 2 && std::ranges::count(seen, 2) < 3)
                                    co_return outcome::retry;
                                  if (m == 3 && std::ranges::count(seen, 3) < 2)
                                    throw std::runtime_error("again");
                                  if (m == 4 && std::ranges::count(seen, 4) < 2)
                                    co_return outcome::park;
                                  co_return m == 5 ? outcome::fail_rest : outcome::done;
                                },
                                {.on_error = [](const int&, const std::exception_ptr&) {},
                                 .failure = convoy::failure_policy{.attempts = 3, .backoff = 0ms},
                                 .dead_letters =
                                     [&](auto& letter) {
                                       dead.emplace_back(std::to_string(letter.message) + " " +
                                                         to_string(letter.why) + " " +
                                                         std::string(letter.reason));
                                     }}};
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(p.submit(1, int{i}), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  p.resume(1);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 2, 2, 3, 3, 4, 4, 5));
  EXPECT_THAT(dead,
              ElementsAre("1 failed no good", "5 failed ", "6 failed_rest ", "7 failed_rest "));
  EXPECT_TRUE(p.account().balanced());
}

TEST_F(await, control_of_a_suspended_key_waits_for_the_handlers_end) {
  std::atomic<int> told = 0;
  numbers_that_wait p{rt, [&](auto&, int& m) -> task {
                        seen.push_back(m);
                        (void)co_await wait_at(waiting);
                        seen.push_back(m);
                      }};
  EXPECT_EQ(p.submit(1, 1), submit_status::accepted);
  auto first = waiting.await_one();
  ASSERT_TRUE(is_suspended(p, 1));
  EXPECT_EQ(p.submit(1, 2), submit_status::accepted);
  p.purge(1, [&] { ++told; }); // the second
  p.pause(1, [&] { ++told; });
  EXPECT_EQ(p.submit(1, 3), submit_status::accepted);
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(p.explain(1).state, convoy::key_state::suspended);
  first(0);
  ASSERT_TRUE(eventually([&] { return told == 2; }));
  EXPECT_EQ(p.explain(1).state, convoy::key_state::paused);
  p.resume(1);
  waiting.await_one()(0);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(1, 1, 3, 3));
  EXPECT_EQ(p.dead_letters(), 1);
}

TEST_F(await, what_is_put_before_others_comes_behind_a_suspended_message) {
  numbers_that_wait p{rt, [&](auto&, int& m) -> task {
                        seen.push_back(m);
                        (void)co_await wait_at(waiting);
                        seen.push_back(m);
                      }};
  EXPECT_EQ(p.submit(1, 1), submit_status::accepted);
  auto first = waiting.await_one();
  ASSERT_TRUE(is_suspended(p, 1));
  EXPECT_EQ(p.submit(1, 2), submit_status::accepted);
  std::vector<int> before{-1};
  EXPECT_EQ(p.resubmit(1, before, convoy::place::before).accepted, 1);
  ASSERT_TRUE(eventually([&] { return p.explain(1).depth == 3; }));
  first(0);
  waiting.await_one()(0);
  waiting.await_one()(0);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(1, 1, -1, -1, 2, 2));
}

TEST_F(await, a_suspended_key_is_told_of) {
  std::vector<std::string> told;
  numbers_that_wait p{
      rt,
      [&](auto&, int&) -> task { (void)co_await wait_at(waiting); },
      {.name = "p",
       .insight = {.top = 4, .window = 10ms, .label = convoy::plain},
       .observe = {.held = [&](const int&, auto why) { told.emplace_back(to_string(why)); },
                   .resumed = [&](const int&) { told.emplace_back("resumed"); }}}};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  auto first = waiting.await_one();
  ASSERT_TRUE(is_suspended(p, 1));
  EXPECT_EQ(p.explain(1).depth, 2);
  EXPECT_NE(to_string(p.explain(1)).find("without a worker"), std::string::npos);
  EXPECT_TRUE(eventually([&] {
    const auto s = p.snapshot();
    return s.lanes.suspended == 1 && s.lanes.running == 0 && s.lanes.waiting == 0 &&
           s.held.size() == 1 && s.held[0].why == convoy::hold_reason::suspended;
  }));
  first(0);
  auto second = waiting.await_one();
  ASSERT_TRUE(is_suspended(p, 1)); // completed before, it would go on without
  second(0);
  p.drain();
  EXPECT_THAT(told, ElementsAre("suspended", "resumed", "suspended", "resumed"));
}

} // namespace
