#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <exception>
#include <functional>
#include <gmock/gmock.h>
#include <memory>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

// What the rule for failures means in some corners. The rule itself is in failure_rule_test.cpp.

namespace {

using namespace std::chrono_literals;
using convoy::failure_policy;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::Each;
using testing::ElementsAre;

constexpr int messages_of_span = 6;

/// What is dead already is buried, though the key is paused; nothing else of it is handled.
TEST(pause, holds_behind_a_span_that_has_failed_together) {
  gate held;
  std::atomic<int> calls{0};
  std::atomic<bool> stands_still{false};
  std::atomic<int> dead{0};
  runtime rt{{.concurrency = 1}};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](const int& key, std::span<int> some) {
                          if (key == 0)
                            return held.pass();
                          if (calls.fetch_add(1) != 0)
                            return;
                          EXPECT_EQ(some.size(), 254u) << "more than a quantum";
                          self->pause(1, [&] { stands_still = true; });
                          throw std::runtime_error("all of them");
                        },
                        {.batch_limit = 254, .dead_letters = [&](auto&) { dead.fetch_add(1); }}};
  self = &p;
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  held.await_visitors();
  for (int i = 0; i < 500; ++i)
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
  held.open();
  ASSERT_TRUE(eventually([&] { return stands_still.load() && dead.load() == 254; }));
  ASSERT_EQ(p.submit(2, 0), submit_status::accepted);
  p.drain(2);
  EXPECT_EQ(calls.load(), 2) << "key 2's, and the first of key 1";
  p.resume(1);
  p.drain();
  EXPECT_EQ(dead.load(), 254);
}

// ---- what asks for a retry without a policy ----

TEST(outcome_retry, without_a_policy_follows_the_default_one) {
  runtime rt{{.concurrency = 1}};
  unsigned attempts = 0;
  processor<int, int> p{rt,
                        [](int&) { return outcome::retry_after(0ms); },
                        {.dead_letters = [&](auto& letter) { attempts = letter.attempts; }}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_EQ(attempts, failure_policy{}.attempts);
}

TEST(exceptions, with_policies_of_their_own_leave_the_others_their_one_attempt) {
  runtime rt{{.concurrency = 1}};
  std::vector<unsigned> attempts;
  processor<int, int> p{rt,
                        [](int& m) {
                          if (m == 1)
                            throw std::invalid_argument("may be right later");
                          throw std::runtime_error("no");
                        },
                        {.on_error = [](const int&, const std::exception_ptr&) {},
                         .dead_letters = [&](auto& letter) { attempts.push_back(letter.attempts); },
                         .exceptions = {convoy::on_exception<std::invalid_argument>(
                             {.attempts = 3, .backoff = 0ms})}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_EQ(p.submit(1, 2), submit_status::accepted);
  p.drain();
  EXPECT_THAT(attempts, ElementsAre(3u, 1u));
}

// ---- spans of which nobody knows which message failed ----

TEST(a_span_that_throws, is_parked_as_a_whole_and_handled_when_its_key_is_resumed) {
  runtime rt{{.concurrency = 1}};
  std::atomic<bool> mended{false};
  std::vector<int> seen;
  processor<int, int> p{
      rt,
      [&](const int&, std::span<int> all) {
        if (!mended)
          throw std::runtime_error("not yet");
        seen.insert(seen.end(), all.begin(), all.end());
      },
      {.on_error = [](const int&, const std::exception_ptr&) {},
       .failure = failure_policy{.attempts = 1, .then = convoy::exhausted::park}}};
  for (int m = 0; m < messages_of_span; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  mended = true;
  p.resume(1);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(p.dead_letters(), 0u);
}

TEST(a_span_that_throws, has_all_its_letters_offered_again_by_a_sink_that_refuses) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::vector<int> dead;
  std::vector<unsigned> attempts;
  int offered = 0;
  processor<int, int> p{rt,
                        [&](const int&, std::span<int>) {
                          held.pass();
                          throw std::runtime_error("bad");
                        },
                        {.on_error = [](const int&, const std::exception_ptr&) {},
                         .dead_letters =
                             [&](auto& letter) {
                               if (++offered % 2 != 0)
                                 throw convoy::dead_letter_refused("not now");
                               dead.push_back(letter.message);
                               attempts.push_back(letter.attempts);
                               EXPECT_NE(letter.last_error, nullptr);
                             }}};
  for (int m = 0; m < messages_of_span; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  held.open();
  p.drain();
  EXPECT_THAT(dead, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(attempts, Each(1u));
}

// ---- locks ----

/// It was destroyed under the lock of the pool that gives failing lanes their memory.
TEST(an_exception, may_take_its_time_to_go) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0}, dead{0};
  std::atomic<bool> in_time{false};
  struct lasting : std::runtime_error {
    explicit lasting(std::function<void()> last_wish)
        : runtime_error("not yet"),
          held(new std::function<void()>(std::move(last_wish)), [](std::function<void()>* f) {
            (*f)();
            delete f;
          }) {}
    std::shared_ptr<std::function<void()>> held;
  };
  processor<int, int>* mine = nullptr;
  processor<int, int> p{
      rt,
      [&](const int& key, int&) -> outcome {
        if (key == 2)
          return outcome::skip;
        if (++calls > 1)
          return outcome::done;
        throw lasting(
            [&] { // when the message is done: another key of the partition fails meanwhile
              EXPECT_EQ(mine->submit(2, 2), submit_status::accepted);
              const auto until = std::chrono::steady_clock::now() + 5s;
              while (!in_time && std::chrono::steady_clock::now() < until) {
                in_time = dead != 0;
                std::this_thread::sleep_for(1ms);
              }
            });
      },
      {.partitions = 1,
       .on_error = [](const int&, const std::exception_ptr&) {},
       .failure = failure_policy{.backoff = 1ms},
       .dead_letters = [&](auto&) { ++dead; }}};
  mine = &p;
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_TRUE(in_time);
}

} // namespace
