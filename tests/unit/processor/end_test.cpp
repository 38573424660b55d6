#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <exception>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

// How a processor ends: in time, whatever is asked of it meanwhile, and without burying what could be
// handled. A test whose processor does not end ends by ctest's time limit.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using numbers = convoy::processor<int, int>;
using then = convoy::dead_letter_refused::then;

class refusing_sink : public testing::TestWithParam<then> {};

TEST_P(refusing_sink, is_asked_again_until_the_deadline) {
  constexpr int keys = 20;
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> asked{0};
  numbers p{rt,
            [](int&) { return outcome::skip; },
            {.on_error = [](const int&, const std::exception_ptr&) {},
             .dead_letters =
                 [&](auto&) {
                   ++asked;
                   throw convoy::dead_letter_refused("full", GetParam());
                 }}};
  for (int i = 0; i < keys; ++i)
    ASSERT_EQ(p.submit(i, 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return asked >= keys; }));
  const int before = asked;
  testing::internal::CaptureStderr(); // of the letters that are discarded in the end
  const auto account = p.shutdown(300ms);
  (void)testing::internal::GetCapturedStderr();
  EXPECT_EQ(account.discarded, std::uint64_t{keys});
  EXPECT_TRUE(account.balanced());
  if (GetParam() == then::park) {
    EXPECT_EQ(asked - before, keys); // nobody has resumed them: only at the deadline
  } else {
    EXPECT_GT(asked - before, keys);      // it may have room again
    EXPECT_LT(asked - before, 20 * keys); // 10 ms, 20, 40, …
  }
}

TEST(refusing_sink, is_asked_ever_more_rarely) {
  convoy::runtime rt{{.concurrency = 1}};
  std::atomic<int> asked{0};
  numbers p{rt, [](int&) { return outcome::skip; }, {.dead_letters = [&](auto&) {
              if (++asked < 5)
                throw convoy::dead_letter_refused("full");
            }}};
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 150ms); // 10 + 20 + 40 + 80
  EXPECT_EQ(p.dead_letters(), 1u);
}

INSTANTIATE_TEST_SUITE_P(each, refusing_sink, testing::Values(then::offer_again, then::park),
                         [](const auto& way) {
                           return way.param == then::park ? "parks" : "offers_again";
                         });

// ---- lanes that wait for more messages ----

class lingering : public testing::Test {
protected:
  const std::function<void(const int&, std::span<int>)> collect =
      [this](const int&, std::span<int> batch) { handled += static_cast<int>(batch.size()); };
  const numbers::options options{.dead_letters = [this](auto&) { ++dead; }, .linger = 1h};
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0}, dead{0};

  static void submit_and_wait(numbers& p) {
    for (int i = 0; i < 3; ++i)
      ASSERT_EQ(p.submit(i, i), submit_status::accepted);
    std::this_thread::sleep_for(20ms);
  }
};

TEST_F(lingering, lanes_are_handled_at_once_when_the_processor_is_destroyed) {
  {
    numbers p{rt, collect, options};
    submit_and_wait(p);
    EXPECT_EQ(handled, 0);
  }
  EXPECT_EQ(handled, 3);
  EXPECT_EQ(dead, 0);
}

TEST_F(lingering, lanes_are_handled_at_once_when_it_is_shut_down) {
  numbers p{rt, collect, options};
  submit_and_wait(p);
  EXPECT_EQ(p.shutdown(1h).completed, 3u);
}

TEST_F(lingering, lanes_are_handled_when_somebody_waits_for_them) {
  numbers p{rt, collect, options};
  submit_and_wait(p);
  p.drain();
  EXPECT_EQ(handled, 3);
}

TEST_F(lingering, lanes_are_handled_when_somebody_waits_for_one) {
  numbers p{rt, collect, options};
  submit_and_wait(p);
  p.drain(1);
  EXPECT_EQ(handled, 1);
}

TEST_F(lingering, lanes_go_on_by_themselves_when_it_is_time_and_not_before) {
  auto for_a_while = options;
  for_a_while.linger = 30ms;
  std::vector<std::chrono::steady_clock::time_point> submitted(5), ended(5);
  numbers p{rt,
            [&](const int& key, std::span<int>) {
              ended[static_cast<std::size_t>(key)] = std::chrono::steady_clock::now();
            },
            for_a_while};
  for (int i = 0; i < 5; ++i) {
    submitted[static_cast<std::size_t>(i)] = std::chrono::steady_clock::now();
    ASSERT_EQ(p.submit(i, i), submit_status::accepted);
    std::this_thread::sleep_for(2ms);
  }
  ASSERT_TRUE(eventually([&] { return p.account().completed == 5; }));
  p.drain();
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_GE(ended[i] - submitted[i], 30ms);
}

// ---- what is asked for again and again ----

TEST(a_processor_that_is_destroyed, does_not_wait_for_a_key_that_is_always_resumed) {
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> dead{0};
  numbers* mine = nullptr;
  {
    numbers p{rt,
              [](int&) { return outcome::park; },
              {.dead_letters = [&](auto&) { ++dead; },
               .on_parked = [&](const int& key, const std::exception_ptr&) { mine->resume(key); }}};
    mine = &p;
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(dead, 1);
}

TEST(a_processor_that_is_destroyed, does_not_wait_for_a_key_whose_handler_resumes_and_parks) {
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> dead{0};
  numbers* mine = nullptr;
  {
    numbers p{rt,
              [&](const int& key, int&) {
                mine->resume(key);
                return outcome::park;
              },
              {.dead_letters = [&](auto&) { ++dead; }}};
    mine = &p;
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(dead, 1);
}

TEST(a_processor_that_is_destroyed, does_not_wait_for_callbacks_that_ask_for_themselves) {
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> called{0}, called_for_key{0};
  numbers* mine = nullptr;
  std::function<void()> beat = [&] {
    ++called;
    mine->fence(beat);
  };
  std::function<void()> beat_of_key = [&] {
    ++called_for_key;
    mine->fence(1, beat_of_key);
  };
  {
    numbers p{rt, [](int&) {}};
    mine = &p;
    p.fence(beat);
    p.fence(1, beat_of_key);
    ASSERT_TRUE(eventually([&] { return called > 10 && called_for_key > 10; }));
  }
  const int until_it_ended = called + called_for_key;
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(called + called_for_key, until_it_ended);
}

// ---- the timer thread ----

/// It waited for room, and so did the retry that would have made some.
TEST(a_watchdogs_report, that_submits_to_a_full_processor_is_refused) {
  convoy::runtime rt{{.concurrency = 1}};
  numbers* mine = nullptr;
  std::atomic<int> calls{0};
  std::atomic<bool> reported{false};
  std::atomic<submit_status> status{submit_status::accepted};
  numbers p{rt,
            [&](int&) {
              if (++calls > 1)
                return outcome::done;
              while (!reported)
                std::this_thread::sleep_for(1ms);
              return outcome::retry_after(1ms);
            },
            {.capacity = 1,
             .failure = convoy::failure_policy{},
             .watchdog = {.threshold = 5ms, .report = [&](const auto&) {
                            if (reported)
                              return;
                            status.store(mine->submit(2, 1));
                            EXPECT_THROW(mine->drain(), std::logic_error);
                            reported = true;
                          }}}};
  mine = &p;
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_EQ(status, submit_status::full);
  EXPECT_EQ(calls, 2);
}

/// What a callback holds was destroyed when it no longer counted, perhaps after its processor.
TEST(a_processor_that_is_destroyed, is_there_until_what_its_callbacks_hold_is_gone) {
  struct asks_as_it_goes {
    numbers& p;
    std::atomic<int>& gone;
    asks_as_it_goes(numbers& where, std::atomic<int>& count) : p(where), gone(count) {}
    ~asks_as_it_goes() {
      std::this_thread::sleep_for(2ms);
      p.fence([] {});
      p.resume(1);
      ++gone;
    }
  };
  for (int round = 0; round < 20; ++round) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> gone{0};
    {
      numbers p{rt, [](int&) {}};
      p.fence([held = std::make_shared<asks_as_it_goes>(p, gone)] {});
      p.fence(1, [held = std::make_shared<asks_as_it_goes>(p, gone)] {});
    }
    EXPECT_EQ(gone, 2);
  }
}

TEST(shutdown, does_not_wait_for_what_others_go_on_asking_for) {
  for (int round = 0; round < 5; ++round) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> handled{0};
    std::atomic<bool> over{false};
    numbers p{rt, [&](int&) { ++handled; }, {.request_capacity = 64, .partitions = 2}};
    std::vector<std::thread> asking;
    for (int t = 0; t < 3; ++t)
      asking.emplace_back([&, t] {
        for (int i = 0; !over; ++i)
          switch ((i + t) % 4) {
          case 0:
            p.resume(i % 10);
            break;
          case 1:
            p.fence(i % 10, [] {});
            break;
          case 2:
            p.fence([] {});
            break;
          default:
            p.purge(1'000 + i % 10);
          }
      });
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(p.submit(i % 10, i), submit_status::accepted);
    const auto account = p.shutdown(1h);
    EXPECT_EQ(account.completed, 100u);
    over = true;
    for (auto& each : asking)
      each.join();
    EXPECT_EQ(handled, 100);
  }
}

/// It was handled: a pause() whose turn came when the end had begun did nothing.
TEST(shutdown, finds_a_key_paused_that_was_paused_before) {
  for (int round = 0; round < 200; ++round) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> handled{0};
    numbers p{rt, [&](int& m) { handled += m; }, {.dead_letters = [](auto&) {}}};
    ASSERT_EQ(p.submit(2, 0), submit_status::accepted);
    p.pause(1);
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    const auto account = p.shutdown(1ms);
    EXPECT_GE(account.dead_letters, 1u); // perhaps key 2's as well: it has but a millisecond
    EXPECT_EQ(handled, 0);
  }
}

TEST(a_processor_that_is_destroyed, finds_a_key_paused_that_was_paused_before) {
  for (int round = 0; round < 200; ++round) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> handled{0};
    {
      numbers p{rt, [&](int&) { ++handled; }, {.dead_letters = [](auto&) {}}};
      p.pause(1);
      ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    }
    EXPECT_EQ(handled, 0);
  }
}

TEST(shutdown, waits_for_callbacks_that_were_asked_for_before) {
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> called{0};
  numbers p{rt, [](int&) {}};
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(p.submit(i, i), submit_status::accepted);
    p.fence(i, [&] {
      std::this_thread::sleep_for(1ms);
      ++called;
    });
  }
  p.shutdown(1h);
  EXPECT_EQ(called, 20);
}

} // namespace
