#include "desk.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using convoy::task;
using testing::ElementsAre;

struct stopping : testing::Test {
  convoy::runtime rt{{.concurrency = 2}};
  desk waiting;
  std::vector<std::string> told; // of one key

  /// Letters of key 1.
  auto letters() {
    return [this](auto& letter) {
      if (letter.key == 1)
        told.push_back(std::to_string(letter.message) + " " + to_string(letter.why));
    };
  }
};

TEST_F(stopping, shutdown_cancels_what_waits_and_keeps_the_order) {
  std::optional<numbers_that_wait> p;
  p.emplace(
      rt,
      [&](auto&, int& m) -> task {
        told.push_back("begins " + std::to_string(m));
        try {
          (void)co_await wait_at(waiting);
        } catch (const convoy::cancelled&) {
          told.push_back("cancelled " + std::to_string(m));
          throw;
        }
      },
      numbers::options{.dead_letters = letters()});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(p->submit(1, int{i}), submit_status::accepted);
  auto late = waiting.await_one();
  const auto account = p->shutdown(1ms);
  EXPECT_EQ(account.dead_letters, 3);
  EXPECT_TRUE(account.balanced());
  EXPECT_THAT(told,
              ElementsAre("begins 0", "cancelled 0", "0 shutdown", "1 shutdown", "2 shutdown"));
  p.reset();
  late(1); // long after all that it could touch
}

TEST_F(stopping, a_handler_that_ends_well_when_it_is_cancelled_has_handled_its_message) {
  numbers_that_wait p{rt,
                      [&](auto&, int&) -> task {
                        try {
                          co_await convoy::sleep(1h);
                        } catch (const convoy::cancelled&) { // NOLINT(bugprone-empty-catch)
                        }
                      },
                      {.dead_letters = letters()}};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  EXPECT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_TRUE(is_suspended(p, 1));
  const auto account = p.shutdown(1ms);
  EXPECT_EQ(account.completed, 1);
  EXPECT_THAT(told, ElementsAre("1 shutdown"));
}

TEST_F(stopping, what_is_awaited_after_the_end_is_cancelled_at_once) {
  int cancelled = 0;
  numbers_that_wait p{rt, [&](auto&, int&) -> task {
                        for (int i = 0; i < 10; ++i)
                          try {
                            if (i % 2 == 0)
                              co_await convoy::sleep(1h);
                            else
                              (void)co_await wait_at(waiting);
                          } catch (const convoy::cancelled&) {
                            ++cancelled;
                          }
                      }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  ASSERT_TRUE(is_suspended(p, 1));
  EXPECT_TRUE(p.shutdown(1ms).balanced());
  EXPECT_EQ(cancelled, 10);
  EXPECT_EQ(waiting.size(), 0);
}

TEST_F(stopping, what_was_completed_by_the_deadline_goes_on) {
  numbers_that_wait p{rt, [&](auto&, int& m) -> task {
                        co_await convoy::sleep(2ms);
                        told.push_back(std::to_string(m));
                      }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  EXPECT_EQ(p.shutdown(1min).completed, 1);
  EXPECT_THAT(told, ElementsAre("0"));
}

TEST_F(stopping, the_stop_token_stays_the_same_and_is_told) {
  using processor = numbers_that_wait;
  std::atomic<bool> stopped = false;
  processor p{rt, [&](auto& c, int&) -> task {
                const auto token = c.stop_token();
                co_await convoy::sleep(0ms);
                const std::stop_callback tell(token, [&] {
                  stopped = true;
                  waiting.await_one()(
                      7); // completes what it waits for, which is then not cancelled
                });
                EXPECT_EQ(co_await wait_at(waiting), 7);
                EXPECT_TRUE(token.stop_requested());
              }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return waiting.size() == 1; }));
  EXPECT_EQ(p.shutdown(1ms).completed, 1);
  EXPECT_TRUE(stopped);
}

TEST_F(stopping, a_limit_of_the_handlers_own_stops_it_while_it_waits) {
  using processor = numbers_that_wait;
  processor p{rt,
              [&](auto& c, int&) -> task {
                const auto token = c.limit(5ms);
                co_await convoy::sleep(0ms);
                EXPECT_FALSE(token.stop_requested() && false);
                EXPECT_THROW(co_await convoy::sleep(1h), convoy::cancelled);
                told.push_back(token.stop_requested() ? "stopped" : "not stopped");
              },
              {}};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  EXPECT_THAT(told, ElementsAre("stopped"));
}

TEST_F(stopping, a_limit_of_the_processor_is_a_failure_that_is_tried_again) {
  numbers_that_wait p{rt,
                      [&](auto&, int& m) -> task {
                        told.push_back("begins " + std::to_string(m));
                        (void)co_await wait_at(waiting);
                      },
                      {.on_error = [](const int&, const std::exception_ptr&) {},
                       .failure = convoy::failure_policy{.attempts = 2, .backoff = 0ms},
                       .dead_letters = letters(),
                       .suspended = {.limit = 3ms}}};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  EXPECT_THAT(told, ElementsAre("begins 0", "begins 0", "0 failed"));
  for (auto& each : waiting.await(2))
    each(1); // late: nothing waits for it
}

/// Of what it can't cancel it waits for the end.
struct of_others {
  desk_of<int>& where;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const {
    others.push_back(h);
    ++count;
  }
  void await_resume() const noexcept {}
  static inline std::vector<std::coroutine_handle<>> others;
  static inline std::atomic<int> count = 0;
};

TEST_F(stopping, what_is_not_ours_is_waited_for) {
  std::atomic<bool> over = false;
  numbers_that_wait p{rt, [&](auto&, int&) -> task {
                        co_await of_others{waiting};
                        over = true;
                      }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return of_others::count == 1; }));
  std::thread later([&] {
    std::this_thread::sleep_for(10ms);
    EXPECT_FALSE(over);
    of_others::others.at(0).resume();
  });
  EXPECT_EQ(p.shutdown(1ms).completed, 1);
  EXPECT_TRUE(over);
  later.join();
  of_others::others.clear();
  of_others::count = 0;
}

// Each key's messages wait for one permit after the other; some are stopped while they are handed it.
TEST_F(stopping, a_cancelled_waiter_does_not_disturb_the_order_of_others) {
  constexpr int keys = 8, messages = 40;
  std::mutex mutex;
  std::vector<std::vector<int>> ended(keys);
  int cancelled = 0;
  {
    numbers_that_wait p{rt,
                        [&](auto& c, int& m) -> task {
                          const int key = c.key();
                          try {
                            EXPECT_EQ(co_await wait_at(waiting), 1);
                          } catch (const convoy::cancelled&) {
                            const std::lock_guard lock(mutex);
                            ++cancelled;
                          }
                          const std::lock_guard lock(mutex);
                          ended[static_cast<std::size_t>(key)].push_back(m);
                        },
                        {.suspended = {.limit = 400us}}};
    for (int i = 0; i < messages; ++i)
      for (int key = 0; key < keys; ++key)
        EXPECT_EQ(p.submit(key, int{i}), submit_status::accepted);
    std::atomic<bool> over = false;
    std::thread completer([&] { // now and then: as many are late as in time
      while (!over) {
        std::this_thread::sleep_for(300us);
        if (waiting.size() != 0)
          for (auto& each : waiting.await(1))
            each(1);
      }
    });
    p.drain();
    EXPECT_EQ(p.account().completed, keys * messages);
    over = true;
    completer.join();
  }
  for (const auto& each : ended) {
    EXPECT_EQ(each.size(), messages);
    EXPECT_TRUE(std::ranges::is_sorted(each));
  }
}

TEST_F(stopping, as_many_keys_are_suspended_as_may) {
  std::atomic<int> now = 0, most = 0;
  numbers_that_wait p{rt,
                      [&](auto&, int&) -> task {
                        const int n = ++now;
                        for (int seen = most; seen < n && !most.compare_exchange_weak(seen, n);) {
                        }
                        (void)co_await wait_at(waiting);
                        --now;
                      },
                      {.suspended = {.most = 3}}};
  for (int key = 0; key < 20; ++key)
    EXPECT_EQ(p.submit(key, 0), submit_status::accepted);
  auto first = waiting.await(3);
  EXPECT_TRUE(eventually([&] {
    int waits = 0;
    for (int key = 0; key < 20; ++key)
      waits += p.explain(key).state == convoy::key_state::no_place;
    return waits == 17;
  }));
  EXPECT_EQ(waiting.size(), 0);
  int done = 0;
  for (; done + 3 < 20; ++done) { // each place goes to another one
    first.back()(0);
    first.pop_back();
    first.push_back(waiting.await_one());
  }
  for (auto& each : first)
    each(0);
  p.drain();
  EXPECT_EQ(most, 3);
  EXPECT_EQ(p.account().completed, 20);
}

TEST_F(stopping, shutdown_ends_those_that_wait_for_a_place) {
  numbers_that_wait p{rt,
                      [&](auto&, int&) -> task { (void)co_await wait_at(waiting); },
                      {.dead_letters = [](auto&) {}, .suspended = {.most = 1}}};
  for (int key = 0; key < 20; ++key)
    EXPECT_EQ(p.submit(key, 0), submit_status::accepted);
  (void)waiting.await(1); // dropped: no_answer
  const auto account = p.shutdown(1ms);
  EXPECT_EQ(account.dead_letters, 20);
  EXPECT_TRUE(account.balanced());
}

TEST_F(stopping, the_watchdog_counts_running_time_only) {
  std::atomic<int> reports = 0;
  numbers_that_wait p{rt,
                      [&](auto&, int&) -> task {
                        for (int i = 0; i < 20; ++i)
                          co_await convoy::sleep(5ms);
                      },
                      {.watchdog = {.threshold = 80ms, .report = [&](const auto&) { ++reports; }}}};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(reports, 0);
}

TEST_F(stopping, options_out_of_range_are_refused) {
  using processor = numbers_that_wait;
  const auto handles = [](auto&, int&) -> task { co_return; };
  EXPECT_THROW((processor{rt, handles, {.suspended = {.most = std::size_t{1} << 32}}}),
               std::invalid_argument);
  EXPECT_THROW((processor{rt, handles, {.suspended = {.limit = 0s}}}), std::invalid_argument);
  using numbers_that_do_not = convoy::processor<int, int>;
  const auto never_waits = [](int&) {};
  EXPECT_THROW((numbers_that_do_not{rt, never_waits, {.suspended = {.most = 3}}}),
               std::invalid_argument);
  EXPECT_THROW((numbers_that_do_not{rt, never_waits, {.suspended = {.limit = 1s}}}),
               std::invalid_argument);
}

} // namespace
