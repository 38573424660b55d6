#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What a processor tells while it works.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::hold_reason;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

/// What was told, by key.
class told {
public:
  void add(int key, std::string what) {
    const std::lock_guard lock(mutex_);
    of_[key].push_back(std::move(what));
  }
  [[nodiscard]] std::vector<std::string> of(int key) {
    const std::lock_guard lock(mutex_);
    return of_[key];
  }
  [[nodiscard]] convoy::observer<int, int> observer() {
    return {.started = [this](int key, int m) { add(key, "started " + std::to_string(m)); },
            .finished = [this](int key, int m) { add(key, "finished " + std::to_string(m)); },
            .held =
                [this](int key, hold_reason why) {
                  add(key, std::string("held ") + convoy::to_string(why));
                },
            .resumed = [this](int key) { add(key, "resumed"); },
            .dead =
                [this](int key, int m, death why) {
                  add(key, "dead " + std::to_string(m) + ' ' + convoy::to_string(why));
                }};
  }

private:
  std::mutex mutex_;
  std::map<int, std::vector<std::string>> of_;
};

using list = std::vector<std::string>;

TEST(observer, is_told_what_becomes_of_a_message) {
  told all;
  runtime rt{{.concurrency = 2}};
  {
    processor<int, int> p{
        rt,
        [](const int& key, int& m) {
          if (key == 2 && m == 1)
            throw std::runtime_error("no");
        },
        {.on_error = [](int, const std::exception_ptr&) {}, .observe = all.observer()}};
    for (int m = 0; m < 2; ++m)
      for (int key = 1; key <= 2; ++key)
        ASSERT_EQ(p.submit(key, m), submit_status::accepted);
  }
  EXPECT_EQ(all.of(1), (list{"started 0", "finished 0", "started 1", "finished 1"}));
  EXPECT_EQ(all.of(2), (list{"started 0", "finished 0", "started 1", "dead 1 failed"}));
}

TEST(observer, is_told_why_a_key_stands_still) {
  told all;
  runtime rt{{.concurrency = 2}};
  std::atomic<int> tries{0};
  processor<int, int> p{rt,
                        [&](const int& key, int&) -> convoy::outcome {
                          if (key == 1 && ++tries < 3)
                            return convoy::outcome::retry;
                          if (key == 2)
                            return convoy::outcome::park;
                          return convoy::outcome::done;
                        },
                        {.failure = convoy::failure_policy{.attempts = 5, .backoff = 1ms},
                         .observe = all.observer()}};
  ASSERT_EQ(p.submit(1, 7), submit_status::accepted);
  ASSERT_EQ(p.submit(2, 8), submit_status::accepted);
  p.pause(3);
  ASSERT_EQ(p.submit(3, 9), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return all.of(2).size() == 2 && all.of(1).size() == 8; }));
  p.resume(3);
  p.purge(2);
  ASSERT_TRUE(eventually([&] { return all.of(3).size() == 4 && all.of(2).size() == 4; }));
  EXPECT_EQ(all.of(1), (list{"started 7", "held retry", "resumed", "started 7", "held retry",
                             "resumed", "started 7", "finished 7"}));
  EXPECT_EQ(all.of(2), (list{"started 8", "held parked", "resumed", "dead 8 purged"}));
  EXPECT_EQ(all.of(3), (list{"held paused", "resumed", "started 9", "finished 9"}));
}

TEST(observer, is_told_of_each_message_of_a_span) {
  told all;
  runtime rt{{.concurrency = 1}};
  gate held;
  {
    processor<int, int> p{rt,
                          [&](const int& key, std::span<int> messages) -> convoy::outcome {
                            if (key == 0)
                              held.pass();
                            else if (messages.size() == 4)
                              return convoy::outcome(convoy::outcome::park).at(2);
                            return convoy::outcome::done;
                          },
                          {.observe = all.observer()}};
    ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
    held.await_visitors();
    for (int m = 1; m <= 4; ++m)
      ASSERT_EQ(p.submit(1, m), submit_status::accepted);
    held.open();
    ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  } // and the others are dead
  EXPECT_EQ(all.of(1),
            (list{"started 1", "started 2", "started 3", "started 4", "finished 1", "finished 2",
                  "held parked", "resumed", "dead 3 shutdown", "dead 4 shutdown"}));
}

TEST(observer, that_throws_is_reported_and_goes_on) {
  std::atomic<int> calls{0};
  runtime rt{{.concurrency = 2}};
  testing::internal::CaptureStderr();
  {
    processor<int, int> p{rt, [](int&) {}, {.observe = {.finished = [&](int, int) {
                                              ++calls;
                                              throw std::runtime_error("full");
                                            }}}};
    for (int m = 0; m < 3; ++m)
      ASSERT_EQ(p.submit(m, m), submit_status::accepted);
  }
  EXPECT_EQ(calls, 3);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("an observer"), std::string::npos);
}

/// Each message is told of once in the end, whatever happens to it.
TEST(observer, counts_every_message_once) {
  std::atomic<int> started{0}, finished{0}, dead{0};
  runtime rt{{.concurrency = 4}};
  constexpr int messages = 20'000;
  {
    processor<int, int> p{rt,
                          [](const int&, int& m) -> convoy::outcome {
                            if (m % 97 == 0)
                              throw std::runtime_error("no");
                            if (m % 101 == 0)
                              return convoy::outcome::fail_rest;
                            if (m % 103 == 0)
                              return convoy::outcome::skip;
                            return convoy::outcome::done;
                          },
                          {.on_error = [](int, const std::exception_ptr&) {},
                           .failure = convoy::failure_policy{.attempts = 2, .backoff = 10us},
                           .observe = {.started = [&](int, int) { ++started; },
                                       .finished = [&](int, int) { ++finished; },
                                       .dead = [&](int, int, death) { ++dead; }}}};
    for (int m = 0; m < messages; ++m)
      ASSERT_EQ(p.submit(m % 50, m), submit_status::accepted);
    const auto is = p.shutdown(10s);
    EXPECT_EQ(is.completed, static_cast<std::uint64_t>(finished.load()));
    EXPECT_EQ(is.dead_letters, static_cast<std::uint64_t>(dead.load()));
  }
  EXPECT_EQ(finished + dead, messages);
  EXPECT_GE(started, finished);
  EXPECT_GT(dead, 0);
}

} // namespace
