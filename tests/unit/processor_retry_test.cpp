#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// When a message is tried again, what it costs others, and what misuse gets told.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::exhausted;
using convoy::failure_policy;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;
using testing::HasSubstr;
using clock = std::chrono::steady_clock;

TEST(retries, wait_for_the_backoff_which_grows_up_to_the_ceiling) {
  runtime rt{{.concurrency = 1}};
  std::vector<clock::time_point> calls;
  processor<int, int> p{
      rt,
      [&](int&) {
        calls.push_back(clock::now());
        return outcome::retry;
      },
      {.failure = failure_policy{
           .attempts = 5, .backoff = 5ms, .factor = 3, .ceiling = 20ms, .jitter = false}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  ASSERT_EQ(calls.size(), 5u);
  const clock::duration least[] = {5ms, 15ms, 20ms, 20ms};
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_GE(calls[i + 1] - calls[i], least[i]) << i;
}

TEST(retries, are_not_made_later_than_max_block) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> calls{0};
  unsigned attempts = 0;
  processor<int, int> p{
      rt,
      [&](int&) {
        ++calls;
        return outcome::retry;
      },
      {.failure =
           failure_policy{
               .attempts = 1'000, .backoff = 10ms, .factor = 1, .jitter = false, .max_block = 35ms},
       .dead_letters = [&](auto& letter) { attempts = letter.attempts; }}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_GE(calls, 2);
  EXPECT_LE(calls, 4);
  EXPECT_EQ(attempts, static_cast<unsigned>(calls));
}

TEST(retries, hold_no_worker_while_they_wait) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen; // one worker: no lock needed
  processor<int, int> p{rt, [&](const int& key, int&) {
                          seen.push_back(key);
                          return key == 1 && std::ranges::count(seen, 1) == 1
                                     ? outcome::retry_after(100ms)
                                     : outcome::done;
                        }};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(p.submit(2, i), submit_status::accepted);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(1, 2, 2, 2, 2, 2, 1));
}

TEST(retries, keep_the_lane_and_its_state) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> counts;
  processor<std::string, int, int> p{rt,
                                     [&](int& m, int& calls) {
                                       ++calls;
                                       if (calls % 3 != 0)
                                         throw std::runtime_error("not yet");
                                       counts.push_back(100 * m + calls);
                                     },
                                     {.on_error = [](const std::string&, const auto&) {},
                                      .failure = failure_policy{.attempts = 3, .backoff = 1ms}}};
  for (int m = 0; m < 3; ++m)
    ASSERT_EQ(p.submit("key", m), submit_status::accepted);
  p.drain();
  EXPECT_THAT(counts, ElementsAre(3, 106, 209));
  EXPECT_EQ(p.dead_letters(), 0u);
}

TEST(retries, begin_anew_when_a_parked_key_is_resumed) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> calls{0};
  processor<int, int> p{
      rt,
      [&](int&) { return ++calls < 6 ? outcome::retry : outcome::done; },
      {.failure = failure_policy{.attempts = 3, .backoff = 1ms, .then = exhausted::park}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  EXPECT_EQ(calls, 3);
  p.resume(2); // nothing is parked there
  p.resume(1);
  p.drain();
  EXPECT_EQ(calls, 6);
  EXPECT_EQ(p.parked(), 0u);
  EXPECT_EQ(p.dead_letters(), 0u);
}

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

TEST(outcome_at, beyond_the_span_is_an_error_of_its_first_message) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen;
  std::atomic<int> errors{0};
  processor<int, int> p{rt,
                        [&](const int&, std::span<int> all) {
                          if (errors == 0)
                            return outcome::skip.at(all.size());
                          seen.insert(seen.end(), all.begin(), all.end());
                          return outcome::done;
                        },
                        {.on_error = [&](const int&, const auto&) { ++errors; },
                         .failure = failure_policy{.attempts = 2, .backoff = 0ms}}};
  for (int m = 0; m < 5; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.drain();
  EXPECT_EQ(errors, 1);
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4));
}

TEST(outcome_at, of_done_leaves_the_rest_in_line) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> seen;
  processor<int, int> p{rt, [&](const int&, std::span<int> all) {
                          seen.push_back(all[0]);
                          return outcome::done.at(0);
                        }};
  for (int m = 0; m < 20; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.drain();
  std::vector<int> all(20);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(seen, all);
}

TEST(outcome, may_be_returned_as_its_kind) {
  runtime rt{{.concurrency = 1}};
  processor<int, int> p{rt, [](int&) { return outcome::kind::skip; }};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_EQ(p.dead_letters(), 1u);
}

TEST(backoff, stays_what_it_is_after_thousands_of_attempts) {
  using failures = convoy::detail::failures<int, int>;
  failures none({.backoff = 0ns, .jitter = false}, {});
  EXPECT_EQ(none.backoff(5'000), 0ns);
  failures longest({.backoff = 1s, .ceiling = std::chrono::nanoseconds::max(), .jitter = false},
                   {});
  EXPECT_GT(longest.backoff(5'000), std::chrono::hours(24 * 365));
}

TEST(failure_policy, that_makes_no_sense_is_refused) {
  runtime rt{{.concurrency = 1}};
  const auto handler = [](int&) {};
  const auto refuses = [&](failure_policy policy, const std::string& member) {
    try {
      processor<int, int> p{rt, handler, {.failure = policy}};
      ADD_FAILURE() << "accepted, with a bad " << member;
    } catch (const std::invalid_argument& e) {
      EXPECT_THAT(e.what(), HasSubstr(member));
    }
  };
  refuses({.attempts = 0}, "attempts");
  refuses({.backoff = -1ms}, "backoff");
  refuses({.backoff = 2s, .ceiling = 1s}, "ceiling");
  refuses({.factor = 0.5}, "factor");
  refuses({.max_block = -1ms}, "max_block");
  EXPECT_THROW((void)outcome::retry_after(-1ms), std::invalid_argument);
}

TEST(resume, where_nothing_parks_is_an_error) {
  runtime rt{{.concurrency = 1}};
  processor<int, int> p{rt, [](int&) {}};
  EXPECT_THROW(p.resume(1), std::logic_error);
  EXPECT_EQ(p.parked(), 0u);
}

TEST(jitter, is_within_the_backoff_and_follows_its_seed) {
  using failures = convoy::detail::failures<int, int>;
  failures one({.backoff = 100us, .ceiling = 1ms, .seed = 1}, {});
  failures same({.backoff = 100us, .ceiling = 1ms, .seed = 1}, {});
  failures other({.backoff = 100us, .ceiling = 1ms, .seed = 2}, {});
  int differ = 0;
  std::chrono::nanoseconds most{0};
  for (unsigned i = 0; i < 1'000; ++i) {
    const auto attempts = 1 + i % 8;
    const auto delay = one.backoff(attempts);
    EXPECT_GE(delay, 0ns);
    EXPECT_LE(delay, std::min<std::chrono::nanoseconds>(1ms, (1 << (attempts - 1)) * 100us));
    EXPECT_EQ(delay, same.backoff(attempts));
    differ += delay != other.backoff(attempts);
    most = std::max(most, delay);
  }
  EXPECT_GT(differ, 990);
  EXPECT_GT(most, 900us);
}

} // namespace
