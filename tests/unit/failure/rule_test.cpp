#include "gate.hpp"

#include <algorithm>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <gmock/gmock.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

// The one rule for what a handler throws, for every form of handler, wherever it runs, and whoever is told.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::failure_policy;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int messages_of_key_1 = 6, bad_message = 2;
constexpr int slow = 100, purged = 101;

enum class where { straight_from_the_ring, in_its_lane, in_a_lane_with_trouble };
enum class told { nobody, on_error, on_error_and_the_sink };

/// What a test asks for, and what happened then.
struct scene {
  where runs = where::in_its_lane;
  told who = told::on_error_and_the_sink;
  std::optional<failure_policy> policy = std::nullopt;
  bool says_retry = false; // instead of throwing, in its first call
  int good_from = 1'000;   // so many calls of the bad message fail

  std::vector<std::vector<int>> calls = {}; // the messages of each
  int bad_calls = 0;
  int errors = 0;
  std::vector<int> dead = {}; // as the sink saw them
  std::vector<unsigned> attempts = {};
  std::vector<death> why = {};
  std::string lines = {}; // on stderr
  convoy::account account = {};

  outcome handle(int m) {
    if (m == slow)
      std::this_thread::sleep_for(2ms);
    if (m != bad_message || ++bad_calls > good_from)
      return outcome::done;
    if (says_retry && bad_calls == 1)
      return outcome::retry;
    throw std::runtime_error("bad");
  }

  template <class Options>
  [[nodiscard]] Options options() {
    Options all;
    all.capacity = 64;
    all.partitions = 1;
    all.failure = policy;
    if (who != told::nobody)
      all.on_error = [this](const int& key, const std::exception_ptr&) {
        EXPECT_EQ(key, 1);
        ++errors;
      };
    return all;
  }
  template <class Letter>
  void bury(const Letter& letter, int number) {
    dead.push_back(number);
    attempts.push_back(letter.attempts);
    why.push_back(letter.why);
  }

  /// `submit(key, message)`. One worker, which is held until all are there.
  template <class Processor, class Submit>
  void play(runtime& rt, Processor& p, Submit submit) {
    testing::internal::CaptureStderr();
    gate held;
    {
      processor<int, int> other{rt, [&](int&) { held.pass(); }};
      ASSERT_EQ(other.submit(1, 1), submit_status::accepted);
      held.await_visitors();
      if (runs == where::in_its_lane) // the visits after these are staged
        for (int key = 2; key < 6; ++key)
          submit(key, slow);
      if (runs == where::in_a_lane_with_trouble) {
        p.pause(1);
        submit(1, purged);
        p.purge(1);
      }
      for (int m = 0; m < messages_of_key_1; ++m)
        submit(1, m);
      p.resume(1);
      held.open();
    }
    p.drain();
    account = p.account();
    lines = testing::internal::GetCapturedStderr();
  }
};

using row = std::pair<std::string, std::function<void(scene&)>>;

template <class State, class Result>
struct forms {
  using processor_type = processor<int, int, State>;

  static Result result_of(const outcome& said) {
    if constexpr (!std::is_void_v<Result>)
      return said;
    else
      EXPECT_EQ(said.what(), outcome::kind::done);
  }
  static Result one(scene& s, int& m) {
    s.calls.push_back({m});
    return result_of(s.handle(m));
  }
  static Result all(scene& s, std::span<int> span) {
    s.calls.emplace_back(span.begin(), span.end());
    for (std::size_t i = 0; i < span.size(); ++i)
      if (const auto said = s.handle(span[i]); said.what() != outcome::kind::done)
        return result_of(said.at(i));
    return result_of(outcome::done);
  }

  template <class... Parameters, class Call>
  static row make(const std::string& form, Call call) {
    const auto name = form + (std::is_void_v<State> ? "" : "_and_state") +
                      (std::is_void_v<Result> ? "" : "_with_an_outcome");
    return {
        name, [call](scene& s) {
          runtime rt{{.concurrency = 1}};
          auto options = s.options<typename processor_type::options>();
          if (s.who == told::on_error_and_the_sink)
            options.dead_letters = [&s](auto& letter) { s.bury(letter, letter.message); };
          processor_type p{
              rt, [call, &s](Parameters... given) -> Result { return call(s, given...); }, options};
          s.play(rt, p,
                 [&p](int key, int m) { ASSERT_EQ(p.submit(key, m), submit_status::accepted); });
        }};
  }

  template <class... MaybeState>
  static void add(std::vector<row>& rows) {
    using context = typename processor_type::context;
    rows.push_back(
        make<int&, MaybeState...>("message", [](scene& s, int& m, auto&...) { return one(s, m); }));
    rows.push_back(make<const int&, int&, MaybeState...>(
        "key_and_message", [](scene& s, const int&, int& m, auto&...) { return one(s, m); }));
    rows.push_back(make<const int&, std::span<int>, MaybeState...>(
        "key_and_span",
        [](scene& s, const int&, std::span<int> span, auto&...) { return all(s, span); }));
    rows.push_back(make<context&, int&>("context_and_message",
                                        [](scene& s, context&, int& m) { return one(s, m); }));
    rows.push_back(make<context&, std::span<int>>(
        "context_and_span", [](scene& s, context&, std::span<int> span) { return all(s, span); }));
  }
};

row executor() {
  return {"keyed_executor", [](scene& s) {
            using executor_type = convoy::keyed_executor<int>;
            runtime rt{{.concurrency = 1}};
            auto options = s.options<executor_type::options>();
            if (s.who == told::on_error_and_the_sink)
              options.dead_letters = [&s](auto& letter) {
                s.bury(letter, letter.why == death::purged ? purged : bad_message);
              };
            executor_type ex{rt, options};
            s.play(rt, ex.tasks(), [&](int key, int m) {
              ASSERT_EQ(ex.submit(key,
                                  [&s, m] {
                                    s.calls.push_back({m});
                                    (void)s.handle(m);
                                  }),
                        submit_status::accepted);
            });
          }};
}

std::vector<row> forms_with_outcomes() {
  std::vector<row> rows;
  forms<void, outcome>::add<>(rows);
  forms<int, outcome>::add<int&>(rows);
  return rows;
}
std::vector<row> all_forms() {
  auto rows = forms_with_outcomes();
  forms<void, void>::add<>(rows);
  forms<int, void>::add<int&>(rows);
  rows.push_back(executor());
  return rows;
}

class what_a_handler_throws : public testing::TestWithParam<row> {
protected:
  /// Wherever it may run.
  template <class Check>
  static void play(const scene& first, Check check) {
    for (const auto place :
         {where::straight_from_the_ring, where::in_its_lane, where::in_a_lane_with_trouble}) {
      SCOPED_TRACE("place " + std::to_string(static_cast<int>(place)));
      scene s = first;
      s.runs = place;
      GetParam().second(s);
      EXPECT_TRUE(s.account.balanced());
      if (place == where::in_a_lane_with_trouble) { // it is none of what is tested
        --s.account.dead_letters;
        --s.account.accepted;
        if (s.who == told::on_error_and_the_sink) {
          ASSERT_FALSE(s.dead.empty());
          EXPECT_EQ(s.dead.front(), purged);
          s.dead.erase(s.dead.begin());
          s.attempts.erase(s.attempts.begin());
          s.why.erase(s.why.begin());
        }
      }
      check(s);
    }
  }

  /// The messages that were in a call with the bad one.
  static std::vector<int> failed(const scene& s) {
    for (const auto& call : s.calls)
      if (std::find(call.begin(), call.end(), bad_message) != call.end())
        return call;
    return {};
  }

  /// Each message in one call, in their order.
  static void expect_one_call_each(const scene& s) {
    std::vector<int> called;
    for (const auto& call : s.calls)
      for (const int m : call)
        if (m < messages_of_key_1)
          called.push_back(m);
    EXPECT_THAT(called, ElementsAre(0, 1, 2, 3, 4, 5));
  }
};

TEST_P(what_a_handler_throws, makes_dead_letters_after_one_attempt) {
  for (const auto who : {told::nobody, told::on_error, told::on_error_and_the_sink}) {
    SCOPED_TRACE("told " + std::to_string(static_cast<int>(who)));
    play({.who = who}, [who](const scene& s) {
      expect_one_call_each(s);
      EXPECT_EQ(s.bad_calls, 1);
      const auto expected = failed(s);
      EXPECT_EQ(s.account.dead_letters, expected.size());
      EXPECT_EQ(s.errors, who == told::nobody ? 0 : 1);
      if (who == told::on_error_and_the_sink) {
        EXPECT_EQ(s.dead, expected);
        EXPECT_THAT(s.attempts, Each(1u));
        EXPECT_THAT(s.why, Each(death::failed));
      }
      if (who == told::nobody) {
        EXPECT_THAT(s.lines, HasSubstr("a handler threw: bad"));
        EXPECT_EQ(std::ranges::count(s.lines, '\n'), 1) << s.lines;
      } else {
        EXPECT_THAT(s.lines, IsEmpty());
      }
    });
  }
}

TEST_P(what_a_handler_throws, is_tried_again_if_a_policy_asks_for_it) {
  play({.policy = failure_policy{.attempts = 3, .backoff = 0ms}, .good_from = 2},
       [](const scene& s) {
         EXPECT_EQ(s.bad_calls, 3);
         EXPECT_EQ(s.errors, 2);
         EXPECT_EQ(s.account.dead_letters, 0u);
       });
}

TEST_P(what_a_handler_throws, is_dead_when_the_attempts_of_a_policy_are_used_up) {
  play({.policy = failure_policy{.attempts = 3, .backoff = 0ms}}, [](const scene& s) {
    EXPECT_THAT(s.dead, ElementsAre(bad_message));
    EXPECT_THAT(s.attempts, ElementsAre(3u));
    EXPECT_EQ(s.account.dead_letters, 1u);
  });
}

INSTANTIATE_TEST_SUITE_P(each_form, what_a_handler_throws, testing::ValuesIn(all_forms()),
                         [](const auto& tested) { return tested.param.first; });

using a_handler_that_returns_outcomes = what_a_handler_throws;

TEST_P(a_handler_that_returns_outcomes, throws_once_also_after_a_retry_that_it_asked_for) {
  play({.says_retry = true}, [](const scene& s) {
    EXPECT_EQ(s.bad_calls, 2);
    EXPECT_EQ(s.errors, 1);
    ASSERT_FALSE(s.dead.empty());
    EXPECT_EQ(s.dead.front(), bad_message);
    EXPECT_EQ(s.attempts.front(), 2u);
  });
}

INSTANTIATE_TEST_SUITE_P(each_form, a_handler_that_returns_outcomes,
                         testing::ValuesIn(forms_with_outcomes()),
                         [](const auto& tested) { return tested.param.first; });

} // namespace
