#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <future>
#include <gmock/gmock.h>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// What options say about messages, handlers, lane state and limits: what a user sees of each.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;
using testing::IsEmpty;

using clock = std::chrono::steady_clock;
using numbers = processor<int, int>;

void stands_still(numbers& p, int key) {
  std::promise<void> stands;
  p.pause(key, [&] { stands.set_value(); });
  stands.get_future().wait();
}

TEST(duplicates, are_refused) {
  using message = convoy::envelope<int, int>;
  runtime rt{{.concurrency = 1}};
  std::atomic<int> handled{0};
  processor<int, message> p{rt, [&](message&) { ++handled; }, {.duplicates = convoy::duplicates{}}};
  ASSERT_EQ(p.submit(1, {.message = 1, .id = 7}), submit_status::accepted);
  p.drain(); // the window survives the lane
  EXPECT_EQ(p.submit(1, {.message = 2, .id = 7}), submit_status::duplicate);
  ASSERT_EQ(p.submit(2, {.message = 2, .id = 7}), submit_status::accepted); // another key's
  p.drain();
  EXPECT_EQ(handled, 2);
  EXPECT_THROW((numbers{rt, [](int&) {}, {.duplicates = convoy::duplicates{}}}),
               std::invalid_argument);
}

TEST(deadlines, that_have_passed_bury_the_message_unhandled) {
  using message = convoy::envelope<int>;
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen, dead;
  processor<int, message> p{
      rt, [&](message& m) { seen.push_back(m.message); }, {.dead_letters = [&](auto& letter) {
        EXPECT_EQ(letter.why, death::expired);
        dead.push_back(letter.message.message);
      }}};
  ASSERT_EQ(p.submit(1, {.message = 1, .deadline = clock::now() - 1ms}), submit_status::accepted);
  ASSERT_EQ(p.submit(1, {.message = 2, .deadline = clock::now() + 1h}), submit_status::accepted);
  ASSERT_EQ(p.submit(1, {.message = 3}), submit_status::accepted);
  p.drain();
  EXPECT_THAT(dead, ElementsAre(1));
  EXPECT_THAT(seen, ElementsAre(2, 3));
}

TEST(rates, refuse_what_is_too_much_and_submit_waits) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> handled{0};
  numbers p{rt, [&](int&) { ++handled; }, {.rate = {.per_second = 100, .burst = 3}}};
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(p.try_submit(1, i), submit_status::accepted);
  EXPECT_EQ(p.try_submit(1, 3), submit_status::key_rate);
  EXPECT_EQ(p.try_submit(2, 3), submit_status::accepted);
  const auto begin = clock::now();
  EXPECT_EQ(p.submit(1, 3), submit_status::accepted);
  EXPECT_GT(clock::now() - begin, 1ms);
  p.drain();
  EXPECT_EQ(handled, 5);
}

TEST(linger, collects_batches) {
  runtime rt{{.concurrency = 1}};
  std::vector<std::size_t> sizes;
  numbers p{rt,
            [&](const int&, std::span<int> all) { sizes.push_back(all.size()); },
            {.batch_limit = 4, .linger = 20ms}};
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
  p.drain();
  EXPECT_THAT(sizes, ElementsAre(4, 4, 2));
  EXPECT_THROW((numbers{rt, [](int&) {}, {.linger = 1ms}}), std::invalid_argument);
}

TEST(lane_state, is_made_by_its_factory_and_goes_when_its_key_is_idle) {
  runtime rt{{.concurrency = 1}};
  std::mutex mutex;
  std::vector<std::string> evicted;
  processor<int, int, std::string> p{
      rt,
      [](int& m, std::string& state) { state += std::to_string(m); },
      {.state = {.make = [](const int& key) { return "key " + std::to_string(key) + ": "; },
                 .idle = 5ms,
                 .on_evict =
                     [&](const int&, std::string& state) {
                       const std::lock_guard lock(mutex);
                       evicted.push_back(state);
                     }}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_EQ(p.submit(1, 2), submit_status::accepted);
  for (bool gone = false; !gone; std::this_thread::sleep_for(1ms)) {
    const std::lock_guard lock(mutex);
    gone = !evicted.empty();
  }
  EXPECT_THAT(evicted, ElementsAre("key 1: 12"));
}

TEST(context, knows_what_a_handler_may_ask) {
  runtime rt{{.concurrency = 1}};
  std::vector<unsigned> attempts;
  std::atomic<bool> stopped{false};
  numbers p{rt,
            [&](numbers::context& c, int& m) -> outcome {
              attempts.push_back(c.attempt());
              if (c.attempt() == 1)
                throw std::runtime_error("once");
              EXPECT_NE(c.first_error(), nullptr);
              const auto stop = c.limit(1ms);
              while (!stop.stop_requested())
                std::this_thread::yield();
              stopped = true;
              if (m == 1) {
                EXPECT_EQ(c.owner().submit(2, 2), submit_status::accepted);
              }
              return outcome::done;
            },
            {.on_error = [](const int&, const std::exception_ptr&) {},
             .failure = convoy::failure_policy{}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  while (p.account().completed < 2)
    std::this_thread::sleep_for(1ms);
  p.drain(); // the account is only counted
  EXPECT_THAT(attempts, ElementsAre(1u, 2u, 1u, 2u));
  EXPECT_TRUE(stopped);
}

TEST(context, has_a_stop_token_of_its_own) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> stopped{0};
  numbers p{rt, [&](numbers::context& c, int& m) {
              const auto stop = m == 0 ? c.limit(0ns) : c.stop_token();
              if (m == 0) {
                EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
              }
              stopped += stop.stop_requested();
            }};
  for (int m = 0; m < 3; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.drain();
  EXPECT_EQ(stopped, 1);
}

TEST(watchdog, reports_a_handler_that_has_run_for_long) {
  runtime rt{{.concurrency = 1}};
  std::promise<int> reported;
  std::atomic<bool> told{false};
  numbers p{rt,
            [&](int&) {
              while (!told)
                std::this_thread::yield();
            },
            {.watchdog = {.threshold = 2ms, .report = [&](const auto& stuck) {
                            if (!told.exchange(true))
                              reported.set_value(stuck.key);
                          }}}};
  ASSERT_EQ(p.submit(7, 1), submit_status::accepted);
  EXPECT_EQ(reported.get_future().get(), 7);
}

/// The destructor drained first, and waited for a report last: what that asked for was left to workers that were
/// busy with another processor, and came when there was none any more.
TEST(watchdog, may_ask_for_something_while_its_processor_ends) {
  runtime rt{{.concurrency = 1}};
  numbers busy{rt, [](int&) { std::this_thread::sleep_for(3ms); }};
  for (int round = 0; round < 8; ++round) {
    std::atomic<bool> reports{false}, gone{false}, called{false};
    std::thread load;
    {
      numbers* self = nullptr;
      numbers p{rt,
                [&](int&) {
                  while (!reports)
                    std::this_thread::sleep_for(1ms);
                },
                {.watchdog = {.threshold = 2ms, .report = [&](const auto& stuck) {
                                if (reports.exchange(true))
                                  return;
                                std::this_thread::sleep_for(30ms);
                                self->fence(stuck.key, [&] {
                                  EXPECT_FALSE(gone);
                                  called = true;
                                });
                              }}}};
      self = &p;
      ASSERT_EQ(p.submit(7, 1), submit_status::accepted);
      while (!reports)
        std::this_thread::sleep_for(1ms);
      load = std::thread([&] {
        std::this_thread::sleep_for(15ms);
        for (int key = 0; key < 10; ++key)
          EXPECT_EQ(busy.submit(key, 1), submit_status::accepted);
      });
    }
    gone = true;
    EXPECT_TRUE(called);
    load.join();
    busy.drain();
  }
}

TEST(exceptions, may_have_policies_of_their_own) {
  runtime rt{{.concurrency = 1}};
  std::vector<unsigned> attempts;
  numbers p{rt,
            [](int& m) {
              if (m == 1)
                throw std::invalid_argument("hopeless");
              throw std::runtime_error("perhaps later");
            },
            {.on_error = [](const int&, const std::exception_ptr&) {},
             .failure = convoy::failure_policy{.attempts = 3, .backoff = 1ms},
             .dead_letters = [&](auto& letter) { attempts.push_back(letter.attempts); },
             .exceptions = {convoy::on_exception<std::invalid_argument>({.attempts = 1})}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_EQ(p.submit(1, 2), submit_status::accepted);
  p.drain();
  EXPECT_THAT(attempts, ElementsAre(1u, 3u));
}

TEST(fail_rest, ends_before_the_marker) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen, dead;
  numbers p{rt,
            [&](int& m) {
              if (m == 1)
                return outcome::fail_rest;
              seen.push_back(m);
              return outcome::done;
            },
            {.dead_letters = [&](auto& letter) { dead.push_back(letter.message); },
             .marker = [](const int& m) { return m == 10; }}};
  stands_still(p, 1);
  for (const int m : {1, 2, 3, 10, 11})
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.resume(1);
  p.drain();
  EXPECT_THAT(dead, ElementsAre(1, 2, 3));
  EXPECT_THAT(seen, ElementsAre(10, 11));
}

} // namespace
