#include "desk.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using convoy::submit_status;
using convoy::task;
using convoy::task_of;
using testing::ElementsAre;

struct question {
  std::vector<std::string> way; // who is asked next
  convoy::completion<int> answer = {};
};
using asked = convoy::processor<std::string, question>;

struct asking : testing::Test {
  convoy::runtime rt{{.concurrency = 2}};
  desk waiting;
  std::vector<std::string> told;
};

TEST_F(asking, the_answer_of_another_key_comes_back) {
  asked stock{rt, [](question& q) { q.answer(42); }};
  using processor = numbers_that_wait;
  std::vector<int> answers;
  processor p{
      rt, [&](auto& c, int&) -> task { answers.push_back(co_await stock.ask(c, "apples", {})); }};
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(answers, std::vector<int>(10, 42));
}

TEST_F(asking, keys_ask_keys_and_what_they_return_is_the_answer) {
  asked p{rt, [](asked::context& c, question& q) -> task_of<int> {
            if (q.way.empty())
              co_return 1;
            auto next = q.way.back();
            q.way.pop_back();
            question further{.way = q.way};
            co_return 2 * co_await c.owner().ask(c, next, std::move(further));
          }};
  using processor = numbers_that_wait;
  int answer = 0;
  processor asks{rt, [&](auto& c, int&) -> task {
                   question first{.way = {"d", "c", "b"}};
                   answer = co_await p.ask(c, "a", std::move(first));
                 }};
  EXPECT_EQ(asks.submit(1, 0), submit_status::accepted);
  asks.drain();
  EXPECT_EQ(answer, 8);
  EXPECT_EQ(p.submit("a", {}), submit_status::accepted); // nobody asks
  p.drain();
  EXPECT_EQ(p.account().completed, 5);
}

TEST_F(asking, its_own_key_would_wait_for_itself) {
  std::string text;
  asked p{rt,
          [&](asked::context& c, question&) -> task {
            try {
              (void)co_await c.owner().ask(c, c.key(), {});
            } catch (const convoy::would_deadlock& e) {
              text = e.what();
              told = e.keys();
            }
          },
          {.name = "stock"}};
  EXPECT_EQ(p.submit("a", {}), submit_status::accepted);
  p.drain();
  EXPECT_THAT(told, ElementsAre("stock/a", "stock/a"));
  EXPECT_NE(text.find("stock/a -> stock/a"), std::string::npos) << text;
  EXPECT_EQ(p.account().completed, 1);
}

TEST_F(asking, a_cycle_is_refused_and_names_its_keys) {
  asked p{rt,
          [&](asked::context& c, question& q) -> task_of<int> {
            if (q.way.empty())
              co_return 1;
            auto next = q.way.back();
            q.way.pop_back();
            question further{.way = q.way};
            co_return co_await c.owner().ask(c, next, std::move(further));
          },
          {.on_error = [&](const std::string& key, const std::exception_ptr& error) {
            try {
              std::rethrow_exception(error);
            } catch (const convoy::would_deadlock& e) {
              told.push_back(key + ": " + e.what());
            } catch (const convoy::no_answer&) { // those that asked it
            }
          }}};
  EXPECT_EQ(p.submit("a", {.way = {"a", "c", "b"}}), submit_status::accepted);
  p.drain();
  EXPECT_THAT(told, ElementsAre(testing::AllOf(testing::StartsWith("c: "),
                                               testing::HasSubstr("c -> a -> b -> c"))));
  EXPECT_EQ(p.account().dead_letters, 3);
}

TEST_F(asking, who_has_answered_may_ask_who_asked) {
  std::atomic<int> sum = 0;
  asked p{rt, [&](asked::context& c, question& q) -> task {
            if (q.way.empty()) {
              q.answer(1);
              co_return;
            }
            if (q.way.size() == 2) { // a
              question next;         // GCC 12 takes no list in such an expression
              next.way.assign(1, "x");
              sum += co_await c.owner().ask(c, "b", std::move(next));
              co_return;
            }
            q.answer(10); // b: from here on a does not wait
            sum += co_await c.owner().ask(c, "a", {});
          }};
  EXPECT_EQ(p.submit("a", {.way = {"x", "y"}}), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return sum == 11; })) << sum; // drain() waits for the first a alone
}

TEST_F(asking, what_is_not_answered_is_told) {
  asked silent{rt, [](question&) {}};
  asked dead{rt,
             [](question&) { throw std::runtime_error("no"); },
             {.on_error = [](const std::string&, const std::exception_ptr&) {}}};
  asked full{rt, [&](question&) -> task { (void)co_await wait_at(waiting); }, {.capacity = 1}};
  EXPECT_EQ(full.submit("x", {}), submit_status::accepted);
  using processor = numbers_that_wait;
  processor p{rt, [&](auto& c, int&) -> task {
                const std::array all{&silent, &dead, &full};
                for (auto* each : all)
                  try {
                    (void)co_await each->ask(c, "a", {});
                  } catch (const convoy::refused& e) {
                    told.emplace_back(to_string(e.status()));
                  } catch (const convoy::no_answer&) {
                    told.emplace_back("no answer");
                  }
              }};
  EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  EXPECT_THAT(told, ElementsAre("no answer", "no answer", "full"));
  waiting.await_one()(0);
}

TEST_F(asking, who_is_stopped_does_not_wait_for_its_answer) {
  asked slow{rt, [&](question& q) -> task {
               const int value = co_await wait_at(waiting);
               q.answer(value);
             }};
  using processor = numbers_that_wait;
  {
    processor p{rt,
                [&](auto& c, int&) -> task { (void)co_await slow.ask(c, "a", {}); },
                {.dead_letters = [&](auto& letter) { told.emplace_back(to_string(letter.why)); }}};
    EXPECT_EQ(p.submit(1, 0), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return waiting.size() == 1; }));
    EXPECT_TRUE(p.shutdown(1ms).balanced());
  }
  EXPECT_THAT(told, ElementsAre("shutdown"));
  waiting.await_one()(0); // its answer is nobody's
  slow.drain();
  EXPECT_EQ(slow.account().completed, 1);
}

// cats-effect#3564: waiters stood in line for a mutex, and one of them was cancelled. The next one was moved to the end
// of the line.
TEST_F(asking, a_waiter_that_is_cancelled_does_not_move_those_behind_it) {
  asked mutex{rt, [&](question& q) -> task {
                told.push_back(q.way.at(0));
                if (q.way.at(0) == "holder")
                  (void)co_await wait_at(waiting);
                q.answer(1);
              }};
  std::atomic<int> locked = 0;
  const auto waits = [&](auto& c, int& m) -> task {
    question q;
    q.way.push_back(std::to_string(m));
    locked += co_await mutex.ask(c, "a", std::move(q));
  };
  question holder;
  holder.way.emplace_back("holder");
  EXPECT_EQ(mutex.submit("a", std::move(holder)), submit_status::accepted);
  numbers_that_wait first{rt, waits, {.dead_letters = [](auto&) {}}};
  numbers_that_wait others{rt, waits};
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ((i == 0 ? first : others).submit(i, int{i}), submit_status::accepted);
    ASSERT_TRUE(
        eventually([&] { return mutex.account().accepted == static_cast<std::uint64_t>(2 + i); }));
  }
  EXPECT_EQ(first.shutdown(0ms).dead_letters, 1);
  waiting.await_one()(0);
  others.drain();
  mutex.drain();
  EXPECT_THAT(told, ElementsAre("holder", "0", "1", "2", "3", "4", "5"));
  EXPECT_EQ(locked, 5);
}

struct by_traits {
  int n;
  std::unique_ptr<convoy::completion<std::string>> to =
      std::make_unique<convoy::completion<std::string>>();
};

} // namespace

template <>
struct convoy::message_traits<by_traits> {
  static convoy::completion<std::string>& answer(by_traits& m) noexcept { return *m.to; }
};

namespace {

TEST_F(asking, traits_say_where_the_answer_goes) {
  convoy::processor<int, by_traits> p{
      rt, [](by_traits& m) -> task_of<std::string> { co_return std::to_string(m.n); }};
  using processor = numbers_that_wait;
  processor asks{rt, [&](auto& c, int&) -> task {
                   by_traits m{.n = 5}; // GCC 12 destroys it twice in the expression that awaits
                   told.push_back(co_await p.ask(c, 1, std::move(m)));
                 }};
  EXPECT_EQ(asks.submit(1, 0), submit_status::accepted);
  asks.drain();
  EXPECT_THAT(told, ElementsAre("5"));
}

} // namespace
