#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <exception>
#include <gmock/gmock.h>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What is not handled becomes a dead letter: which, in what order, and what it tells.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::failure_policy;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(dead_letters, tell_what_happened) {
  runtime rt{{.concurrency = 2}};
  int calls = 0;
  std::vector<std::uint64_t> sequences;
  std::vector<std::string> errors;
  processor<std::string, std::string> p{
      rt,
      [&](std::string&) { throw std::runtime_error("number " + std::to_string(++calls)); },
      {.failure = failure_policy{.attempts = 2, .backoff = 0ms}, .dead_letters = [&](auto& letter) {
         sequences.push_back(letter.sequence);
         EXPECT_EQ(letter.key, "key");
         EXPECT_EQ(letter.attempts, 2u);
         EXPECT_EQ(letter.why, death::failed);
         EXPECT_LE(letter.first_failed, letter.died);
         for (const auto& error : {letter.first_error, letter.last_error})
           try {
             std::rethrow_exception(error);
           } catch (const std::exception& e) {
             errors.emplace_back(e.what());
           }
         errors.push_back(std::move(letter.message));
       }}};
  for (const char* message : {"a", "b"}) {
    ASSERT_EQ(p.submit("key", message), submit_status::accepted);
    p.drain(); // the lane is gone in between
  }
  EXPECT_THAT(errors, ElementsAre("number 1", "number 2", "a", "number 3", "number 4", "b"));
  ASSERT_EQ(sequences.size(), 2u);
  EXPECT_LT(sequences[0], sequences[1]);
  EXPECT_EQ(p.dead_letters(), 2u);
}

/// Knows whether it lives, also where its memory has not been used again.
struct mortal {
  explicit mortal(int of) noexcept : number(of) {}
  mortal(mortal&& other) noexcept : number(other.number) { EXPECT_TRUE(other.alive); }
  ~mortal() { alive = false; }
  int number;
  volatile bool alive = true;
};

TEST(dead_letters, come_out_of_the_midst_of_a_span) {
  constexpr int messages = 500; // spans of 64 lie in several chunks
  runtime rt{{.concurrency = 2}};
  gate all_are_submitted;
  std::vector<int> seen;
  std::vector<std::pair<int, std::uint64_t>> letters;
  processor<int, mortal> p{rt,
                           [&](const int&, std::span<mortal> all) {
                             all_are_submitted.pass();
                             for (std::size_t i = 0; i < all.size(); ++i) {
                               EXPECT_TRUE(all[i].alive);
                               seen.push_back(all[i].number);
                               if (all[i].number % 50 == 49)
                                 return outcome::skip.at(i);
                             }
                             return outcome::done;
                           },
                           {.dead_letters = [&](auto& letter) {
                             EXPECT_TRUE(letter.message.alive);
                             letters.emplace_back(letter.message.number, letter.sequence);
                           }}};
  for (int m = 0; m < messages; ++m)
    ASSERT_EQ(p.submit(1, mortal(m)), submit_status::accepted);
  all_are_submitted.open();
  p.drain();
  std::vector<int> all(messages);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(seen, all);
  ASSERT_EQ(letters.size(), 10u);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    EXPECT_EQ(letters[i].first, 50 * static_cast<int>(i) + 49);
    EXPECT_EQ(letters[i].second - letters[0].second, 50 * i);
  }
}

TEST(dead_letters, are_what_is_parked_when_the_processor_ends) {
  runtime rt{{.concurrency = 2}};
  std::vector<std::pair<int, death>> letters;
  {
    processor<int, int> p{
        rt,
        [](int& m) { return m == 1 ? outcome::park : outcome::done; },
        {.dead_letters = [&](auto& letter) { letters.emplace_back(letter.message, letter.why); }}};
    for (int m = 0; m < 4; ++m)
      ASSERT_EQ(p.submit(7, m), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  }
  using pair = std::pair<int, death>;
  EXPECT_THAT(letters, ElementsAre(pair(1, death::shutdown), pair(2, death::shutdown),
                                   pair(3, death::shutdown)));
}

TEST(dead_letters, whose_sink_throws_are_reported) {
  runtime rt{{.concurrency = 1}};
  testing::internal::CaptureStderr();
  {
    processor<int, int> p{rt, [](int&) { return outcome::skip; }, {.dead_letters = [](auto&) {
                            throw std::runtime_error("sink");
                          }}};
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    p.drain();
    EXPECT_EQ(p.dead_letters(), 1u);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("sink"));
}

TEST(dead_letters, are_a_line_on_stderr_by_default) {
  runtime rt{{.concurrency = 1}};
  testing::internal::CaptureStderr();
  {
    processor<int, int> p{rt,
                          [](int&) { throw std::runtime_error("the reason"); },
                          {.failure = failure_policy{.attempts = 3, .backoff = 0ms}}};
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    p.drain();
  }
  const auto lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1) << lines;
  EXPECT_THAT(lines, HasSubstr("the reason"));
}

TEST(dead_letters, are_all_that_wait_behind_a_parked_message_at_the_end) {
  constexpr int messages = 5'000; // most of them still in the ring
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0};
  std::vector<int> letters;
  {
    processor<int, int> p{rt,
                          [&](int&) {
                            ++calls;
                            return outcome::park;
                          },
                          {.dead_letters = [&](auto& letter) {
                            EXPECT_EQ(letter.why, death::shutdown);
                            letters.push_back(letter.message);
                          }}};
    for (int m = 0; m < messages; ++m)
      ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  }
  EXPECT_LE(calls, 1); // if it was parked before the end came
  std::vector<int> all(messages);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(letters, all);
}

/// Whose copy waits, so that its producer holds a ticket that it has not published.
struct slow_to_copy {
  explicit slow_to_copy(int of, gate* where = nullptr) noexcept : number(of), waits(where) {}
  slow_to_copy(const slow_to_copy& other) : number(other.number) {
    if (other.waits != nullptr)
      other.waits->pass();
  }
  slow_to_copy(slow_to_copy&&) noexcept = default;
  int number;
  gate* waits = nullptr;
};

TEST(dead_letters, are_numbered_by_ticket_while_a_lane_waits_for_the_rest) {
  runtime rt{{.concurrency = 2}};
  gate in_handler, in_copy;
  std::vector<std::pair<int, std::uint64_t>> letters;
  processor<int, slow_to_copy> p{rt,
                                 [&](const int& key, slow_to_copy&) {
                                   if (key != 1)
                                     return outcome::done;
                                   in_handler.pass();
                                   return outcome::fail_rest;
                                 },
                                 {.partitions = 1, .dead_letters = [&](auto& letter) {
                                    letters.emplace_back(letter.message.number, letter.sequence);
                                  }}};
  ASSERT_EQ(p.submit(1, slow_to_copy(10)), submit_status::accepted); // ticket 0
  in_handler.await_visitors();
  const slow_to_copy waits(20, &in_copy);
  std::thread other([&] { EXPECT_EQ(p.submit(2, waits), submit_status::accepted); }); // ticket 1
  in_copy.await_visitors();
  in_handler.open(); // the lane waits for ticket 1, without a message
  ASSERT_TRUE(eventually([&] { return p.dead_letters() == 1; }));
  ASSERT_EQ(p.submit(1, slow_to_copy(11)), submit_status::accepted); // ticket 2
  in_copy.open();
  other.join();
  p.drain();
  using pair = std::pair<int, std::uint64_t>;
  EXPECT_THAT(letters, ElementsAre(pair(10, 0), pair(11, 2)));
}

} // namespace
