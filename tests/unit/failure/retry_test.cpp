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
#include <vector>

// When a message is tried again, what it costs others, and what misuse gets told.

namespace {

using namespace std::chrono_literals;
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

TEST(backoff, stays_what_it_is_after_thousands_of_attempts) {
  const failure_policy none{.backoff = 0ns, .jitter = false};
  convoy::detail::failure_rules<int, int> any(none, {}, {});
  EXPECT_EQ(any.backoff(none, 5'000), 0ns);
  const failure_policy longest{
      .backoff = 1s, .ceiling = std::chrono::nanoseconds::max(), .jitter = false};
  EXPECT_GT(any.backoff(longest, 5'000), std::chrono::hours(24 * 365));
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
  refuses({.attempts = 0}, "failure.attempts must be at least 1, and is 0");
  refuses({.backoff = -1ms}, "failure.backoff must be 0 or more, and is -1ms");
  refuses({.backoff = 2s, .ceiling = 1s},
          "failure.ceiling must be at least the backoff of 2s, and is 1s");
  refuses({.factor = 0.5}, "failure.factor must be at least 1, and finite, and is 0.5");
  refuses({.max_block = -1ms}, "failure.max_block must be 0 or more, and is -1ms");
  EXPECT_THROW((void)outcome::retry_after(-1ms), std::invalid_argument);
}

TEST(resume, where_nothing_parks_does_nothing) {
  runtime rt{{.concurrency = 1}};
  processor<int, int> p{rt, [](int&) {}};
  p.resume(1);
  p.drain();
  EXPECT_EQ(p.parked(), 0u);
}

TEST(jitter, is_within_the_backoff_and_follows_its_seed) {
  using failures = convoy::detail::failure_rules<int, int>;
  const failure_policy policy{.backoff = 100us, .ceiling = 1ms, .seed = 1};
  auto other_seed = policy;
  other_seed.seed = 2;
  failures one(policy, {}, {});
  failures same(policy, {}, {});
  failures other(other_seed, {}, {});
  int differ = 0;
  std::chrono::nanoseconds most{0};
  for (unsigned i = 0; i < 1'000; ++i) {
    const auto attempts = 1 + i % 8;
    const auto delay = one.backoff(policy, attempts);
    EXPECT_GE(delay, 0ns);
    EXPECT_LE(delay, std::min<std::chrono::nanoseconds>(1ms, (1 << (attempts - 1)) * 100us));
    EXPECT_EQ(delay, same.backoff(policy, attempts));
    differ += delay != other.backoff(policy, attempts);
    most = std::max(most, delay);
  }
  EXPECT_GT(differ, 990);
  EXPECT_GT(most, 900us);
}

} // namespace
