#include "control/refusal_of.hpp"
#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <functional>
#include <gmock/gmock.h>
#include <limits>
#include <optional>
#include <ratio>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Durations and times at the ends of their range: what does not fit is the end, and what makes no sense is
// refused by its name.

namespace {

using namespace std::chrono;
using namespace std::chrono_literals;
using convoy::failure_policy;
using convoy::moment;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::time_span;
using testing::AllOf;
using testing::HasSubstr;

using clock = steady_clock;
using real_seconds = duration<double>;

constexpr auto infinity = std::numeric_limits<double>::infinity();
constexpr auto nan = std::numeric_limits<double>::quiet_NaN();

const std::vector<time_span>& for_ever() {
  static const std::vector<time_span> all{nanoseconds::max(),    microseconds::max(),
                                          milliseconds::max(),   seconds::max(),
                                          minutes::max(),        hours::max(),
                                          hours(24 * 365 * 300), real_seconds(infinity),
                                          real_seconds::max(),   nanoseconds::max() - 1ns};
  return all;
}

TEST(times_at_their_ends, of_shutdown) {
  runtime rt{{.concurrency = 1}};
  const auto ends = [&rt](auto within) {
    std::atomic<int> handled{0};
    processor<int, int> p{rt, [&](int&) { ++handled; }};
    EXPECT_EQ(p.submit(1, 1), submit_status::accepted);
    const auto account = p.shutdown(within);
    EXPECT_TRUE(account.balanced());
    return account.completed;
  };
  for (const auto within : for_ever())
    EXPECT_EQ(ends(within), 1u);
  EXPECT_EQ(ends(seconds::max()), 1u); // as a user writes it
  EXPECT_EQ(ends(hours::max()), 1u);
  EXPECT_EQ(ends(hours(24 * 365 * 300)), 1u);
  EXPECT_EQ(ends(real_seconds(infinity)), 1u);
  EXPECT_EQ(ends(clock::time_point::max()), 1u);
  EXPECT_EQ(ends(time_point<clock, hours>::max()), 1u);
  EXPECT_LE(ends(clock::time_point::min()), 1u);
  EXPECT_LE(ends(time_point<clock, hours>::min()), 1u);
  EXPECT_LE(ends(0s), 1u);
  processor<int, int> p{rt, [](int&) {}};
  EXPECT_THAT(refusal_of([&] { (void)p.shutdown(-5s); }),
              AllOf(HasSubstr("shutdown"), HasSubstr("-5s")));
  EXPECT_THAT(refusal_of([&] { (void)p.shutdown(hours::min()); }), HasSubstr("shutdown"));
  EXPECT_THAT(refusal_of([&] { (void)p.shutdown(real_seconds(nan)); }),
              AllOf(HasSubstr("shutdown"), HasSubstr("NaN")));
  EXPECT_EQ(p.submit(1, 1), submit_status::accepted); // a refused one has closed nothing
}

TEST(times_at_their_ends, of_schedules) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  std::uint64_t later = 0;
  for (const auto delay : for_ever()) {
    EXPECT_EQ(p.submit_after(1, delay, 1).status(), submit_status::accepted);
    EXPECT_EQ(p.scheduled_messages(), ++later);
  }
  EXPECT_EQ(p.submit_after(1, seconds::max(), 1).status(), submit_status::accepted);
  EXPECT_EQ(p.submit_after(1, hours::max(), 1).status(), submit_status::accepted);
  EXPECT_EQ(p.submit_at(1, clock::time_point::max(), 1).status(), submit_status::accepted);
  EXPECT_EQ((p.submit_at(1, time_point<clock, hours>::max(), 1).status()), submit_status::accepted);
  later += 4;
  EXPECT_EQ(p.submit_at(1, clock::time_point::min(), 1).status(), submit_status::accepted);
  EXPECT_EQ((p.submit_at(1, time_point<clock, hours>::min(), 1).status()), submit_status::accepted);
  EXPECT_EQ(p.submit_at(1, {}, 1).status(), submit_status::accepted);
  EXPECT_EQ(p.submit_after(1, 0s, 1).status(), submit_status::accepted);
  EXPECT_EQ(p.submit_after(1, real_seconds(1e-300), 1).status(), submit_status::accepted);
  p.drain();
  EXPECT_EQ(handled, 5);
  EXPECT_EQ(p.scheduled_messages(), later);
  for (const time_span bad : {time_span(-1ns), time_span(seconds::min()), time_span(hours::min()),
                              time_span(nanoseconds::min()), time_span(real_seconds(-infinity))})
    EXPECT_THAT(refusal_of([&] { (void)p.submit_after(1, bad, 1); }),
                AllOf(HasSubstr("submit_after"), HasSubstr("0 or more, and is -")));
  EXPECT_THAT(refusal_of([&] { (void)p.submit_after(1, real_seconds(nan), 1); }),
              AllOf(HasSubstr("submit_after"), HasSubstr("NaN")));
  EXPECT_EQ(p.scheduled_messages(), later);
  EXPECT_TRUE(p.shutdown(0s).balanced());
}

TEST(times_at_their_ends, of_deadlines) {
  using message = convoy::envelope<int>;
  runtime rt{{.concurrency = 1}};
  std::atomic<int> handled{0}, expired{0};
  processor<int, message> p{
      rt, [&](message&) { ++handled; }, {.dead_letters = [&](auto&) { ++expired; }}};
  for (const moment deadline :
       {moment(clock::time_point::max()), moment(time_point<clock, hours>::max()),
        moment(clock::time_point::max() - 1ns)})
    ASSERT_EQ(p.submit(1, {.message = 1, .deadline = deadline}), submit_status::accepted);
  ASSERT_EQ(p.submit(1, {.message = 1, .deadline = time_point<clock, seconds>::max()}),
            submit_status::accepted);
  for (const moment deadline :
       {moment(clock::time_point::min()), moment(time_point<clock, hours>::min()),
        moment(clock::time_point{})})
    ASSERT_EQ(p.submit(1, {.message = 1, .deadline = deadline}), submit_status::accepted);
  p.drain();
  EXPECT_EQ(handled, 4);
  EXPECT_EQ(expired, 3);
}

struct coarse {
  time_point<clock, hours> until;
};

} // namespace

template <>
struct convoy::message_traits<coarse> {
  static auto deadline(const coarse& m) noexcept { return m.until; }
};

namespace {

TEST(times_at_their_ends, of_deadlines_of_a_users_own) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> handled{0}, expired{0};
  using tested = processor<int, coarse>;
  tested p{rt,
           [&](tested::context& c, coarse&) {
             EXPECT_EQ(c.deadline(), clock::time_point::max());
             ++handled;
           },
           {.dead_letters = [&](auto&) { ++expired; }}};
  ASSERT_EQ(p.submit(1, {time_point<clock, hours>::max()}), submit_status::accepted);
  ASSERT_EQ(p.submit(1, {time_point<clock, hours>::min()}), submit_status::accepted);
  p.drain();
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(expired, 1);
}

TEST(times_at_their_ends, of_retries_and_limits) {
  runtime rt{{.concurrency = 1}};
  for (const auto span : for_ever()) {
    std::atomic<int> tried{0};
    using tested = processor<int, int>;
    tested p{rt,
             [&](tested::context& c, int&) -> outcome {
               EXPECT_FALSE(c.limit(span).stop_requested());
               ++tried;
               return outcome::retry_after(span);
             },
             {.failure = failure_policy{
                  .backoff = span, .ceiling = span, .jitter = false, .max_block = span}}};
    ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
    EXPECT_TRUE(eventually([&] { return tried == 1; }));
    EXPECT_TRUE(p.shutdown(0s).balanced());
    EXPECT_EQ(tried, 1);
  }
  for (const time_span bad :
       {time_span(-1ms), time_span(hours::min()), time_span(real_seconds(nan))})
    EXPECT_THAT(refusal_of([&] { (void)outcome::retry_after(bad); }),
                AllOf(HasSubstr("retry_after"), HasSubstr("0 or more, and is")));
  std::string limit;
  using tested = processor<int, int>;
  tested p{rt, [&](tested::context& c, int&) {
             limit = refusal_of([&] { (void)c.limit(real_seconds(nan)); });
           }};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
  EXPECT_THAT(limit, AllOf(HasSubstr("limit"), HasSubstr("NaN")));
}

TEST(times_at_their_ends, of_backoffs) {
  const failure_policy longest{.backoff = hours::max(), .ceiling = hours::max(), .jitter = false};
  convoy::detail::failure_rules<int, int> any(longest, {}, {});
  EXPECT_GE(any.backoff(longest, 1), hours(24 * 365 * 100));
  EXPECT_GE(any.backoff(longest, ~0u), hours(24 * 365 * 100));
}

struct session {
  int messages = 0;
};
struct with_id {
  int id;
};

} // namespace

template <>
struct convoy::message_traits<with_id> {
  static std::optional<int> id(const with_id& m) noexcept { return m.id; }
};

namespace {

using everything = processor<int, with_id, session>;

/// The options that take a time, one by one.
const std::vector<std::pair<const char*, void (*)(everything::options&, time_span)>>& options() {
  static const std::vector<std::pair<const char*, void (*)(everything::options&, time_span)>> all{
      {"linger", [](everything::options& o, time_span t) { o.linger = t; }},
      {"state.idle", [](everything::options& o, time_span t) { o.state.idle = t; }},
      {"duplicates.window",
       [](everything::options& o, time_span t) { o.duplicates = convoy::duplicates{.window = t}; }},
      {"watchdog.threshold",
       [](everything::options& o, time_span t) {
         o.watchdog = {.threshold = t, .report = [](const auto&) {}};
       }},
      {"failure.backoff",
       [](everything::options& o, time_span t) {
         o.failure = failure_policy{.backoff = t, .ceiling = nanoseconds::max()};
       }},
      {"failure.ceiling",
       [](everything::options& o, time_span t) {
         o.failure = failure_policy{.backoff = 0s, .ceiling = t};
       }},
      {"failure.max_block",
       [](everything::options& o, time_span t) { o.failure = failure_policy{.max_block = t}; }},
      {"exceptions[0].policy.backoff", [](everything::options& o, time_span t) {
         o.exceptions = {convoy::on_exception<std::runtime_error>(
             {.backoff = t, .ceiling = nanoseconds::max()})};
       }}};
  return all;
}

TEST(times_at_their_ends, of_options) {
  runtime rt{{.concurrency = 1}};
  for (const auto& [name, set] : options()) {
    for (const auto span : for_ever()) {
      if (name == std::string("watchdog.threshold") && span == nanoseconds::max())
        continue;
      everything::options wanted;
      set(wanted, span);
      std::atomic<int> handled{0};
      everything p{rt,
                   [&](const int&, std::span<with_id> all, session&) {
                     handled += static_cast<int>(all.size());
                   },
                   wanted};
      EXPECT_EQ(p.submit(1, {1}), submit_status::accepted);
      const auto account = p.shutdown(1h);
      EXPECT_EQ(account.completed, 1u) << name;
      EXPECT_EQ(handled, 1) << name;
    }
    for (const auto& [bad, text] : {std::pair(time_span(-1500us), "-1500us"),
                                    std::pair(time_span(hours::min()), "-9223372036854775807ns"),
                                    std::pair(time_span(real_seconds(nan)), "NaN")}) {
      everything::options wanted;
      set(wanted, bad);
      EXPECT_THAT(refusal_of([&] {
                    const everything p{rt, [](const int&, std::span<with_id>, session&) {}, wanted};
                  }),
                  AllOf(HasSubstr(name), HasSubstr(text)));
    }
  }
}

TEST(times_at_their_ends, of_what_must_not_be_zero) {
  runtime rt{{.concurrency = 1}};
  for (const auto& [name, set] : options()) {
    everything::options wanted;
    set(wanted, duration<std::int64_t, std::pico>(1)); // less than a nanosecond
    const auto refusal = refusal_of([&] {
      const everything p{rt, [](const int&, std::span<with_id>, session&) {}, wanted};
    });
    const std::string option = name;
    if (option == "state.idle" || option == "duplicates.window" || option == "watchdog.threshold")
      EXPECT_THAT(refusal, AllOf(HasSubstr(option), HasSubstr("more than 0, and is 0s")));
    else
      EXPECT_EQ(refusal, "accepted") << option;
  }
}

TEST(times_at_their_ends, of_a_watchdog_without_a_threshold) {
  runtime rt{{.concurrency = 1}};
  for (const time_span for_ever : {time_span(nanoseconds::max()), time_span(hours::max())})
    EXPECT_THAT(
        refusal_of([&] {
          const processor<int, int> p{
              rt, [](int&) {}, {.watchdog = {.threshold = for_ever, .report = [](auto&) {}}}};
        }),
        HasSubstr("watchdog.threshold"));
}

TEST(times_at_their_ends, of_a_quantum) {
  runtime rt{{.concurrency = 1}};
  for (const time_span quantum : {time_span(hours::max()), time_span(-1s), time_span(0s),
                                  time_span(hours::min()), time_span(real_seconds(infinity))}) {
    processor<int, int> p{rt, [](int&) {}, {.quantum_time = quantum}};
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(p.submit(1, i), submit_status::accepted);
    EXPECT_EQ(p.shutdown(1h).completed, 100u);
  }
  EXPECT_THAT(refusal_of([&] {
                const processor<int, int> p{rt, [](int&) {}, {.quantum_time = real_seconds(nan)}};
              }),
              AllOf(HasSubstr("quantum_time"), HasSubstr("NaN")));
}

TEST(times_at_their_ends, of_rates) {
  runtime rt{{.concurrency = 1}};
  const auto refusal = [&](convoy::key_rate rate) {
    return refusal_of([&] { const processor<int, int> p{rt, [](int&) {}, {.rate = rate}}; });
  };
  for (const double bad : {nan, 0.0, -1.0, -infinity})
    EXPECT_THAT(refusal({.per_second = bad}),
                AllOf(HasSubstr("rate.per_second"), HasSubstr("and is")));
  for (const double bad : {nan, 0.5, -infinity})
    EXPECT_THAT(refusal({.per_second = 1, .burst = bad}),
                AllOf(HasSubstr("rate.burst"), HasSubstr("and is")));
  for (const double rate : {5e-324, 1e-18, 1.0, 1e308, infinity})
    for (const double burst : {1.0, 1e308, infinity}) {
      processor<int, int> p{rt, [](int&) {}, {.rate = {.per_second = rate, .burst = burst}}};
      EXPECT_EQ(p.try_submit(1, 1), submit_status::accepted);
      p.drain();
    }
  for (const double bad : {nan, 0.5, infinity})
    EXPECT_THAT(
        refusal_of([&] {
          const processor<int, int> p{rt, [](int&) {}, {.failure = failure_policy{.factor = bad}}};
        }),
        AllOf(HasSubstr("failure.factor"), HasSubstr("and is")));
}

} // namespace
