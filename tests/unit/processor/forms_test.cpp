#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/convoy.hpp>
#include <cstdlib>
#include <gmock/gmock.h>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

// The forms of a handler, each with and without State, and how long State lives.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::Each;
using testing::ElementsAre;

template <class Processor>
void submit_numbers(Processor& p, int key, int from, int to) {
  for (int i = from; i < to; ++i)
    ASSERT_EQ(p.submit(key, i), submit_status::accepted);
}

TEST(handler, takes_a_message) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> handled;
  processor<int, int> p{rt, [&](int& m) { handled.push_back(m); }};
  submit_numbers(p, 7, 0, 3);
  p.drain();
  EXPECT_THAT(handled, ElementsAre(0, 1, 2));
}

TEST(handler, takes_a_key_and_a_message) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> handled;
  processor<int, int> p{rt, [&](const int& key, int& m) { handled.push_back(10 * key + m); }};
  submit_numbers(p, 7, 0, 3);
  p.drain();
  EXPECT_THAT(handled, ElementsAre(70, 71, 72));
}

TEST(handler, takes_a_key_and_a_span_of_messages) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> handled;
  processor<int, int> p{rt, [&](const int& key, std::span<int> all) {
                          for (const int m : all)
                            handled.push_back(10 * key + m);
                        }};
  submit_numbers(p, 7, 0, 3);
  p.drain();
  EXPECT_THAT(handled, ElementsAre(70, 71, 72));
}

TEST(handler, takes_a_message_and_state) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> sums;
  processor<int, int, int> p{rt, [&](int& m, int& sum) { sums.push_back(sum += m); }};
  submit_numbers(p, 7, 1, 5);
  p.drain();
  EXPECT_THAT(sums, ElementsAre(1, 3, 6, 10));
}

TEST(handler, takes_a_key_a_message_and_state) {
  runtime rt{{.concurrency = 1}};
  std::vector<std::string> handled;
  processor<int, int, std::string> p{rt, [&](const int& key, int& m, std::string& so_far) {
                                       so_far += std::to_string(key + m);
                                       handled.push_back(so_far);
                                     }};
  submit_numbers(p, 1, 0, 2);
  submit_numbers(p, 5, 0, 2);
  p.drain();
  EXPECT_THAT(handled, testing::UnorderedElementsAre("1", "12", "5", "56"));
}

TEST(handler, takes_a_key_a_span_and_state) {
  runtime rt{{.concurrency = 1}};
  std::vector<int> sums;
  processor<int, int, int> p{rt, [&](const int&, std::span<int> all, int& sum) {
                               sums.push_back(sum = std::accumulate(all.begin(), all.end(), sum));
                             }};
  submit_numbers(p, 7, 0, 100);
  p.drain();
  ASSERT_FALSE(sums.empty());
  EXPECT_EQ(sums.back(), 99 * 100 / 2);
}

std::atomic<int> total{0};

void add_to_total(int& m) {
  total += m;
}

TEST(handler, may_be_a_function_or_a_mutable_lambda_that_only_moves) {
  runtime rt{{.concurrency = 1}};
  processor<int, int> by_function{rt, &add_to_total};
  total = 0;
  submit_numbers(by_function, 1, 0, 10);
  by_function.drain();
  EXPECT_EQ(total, 45);
  int last = 0;
  processor<int, int> by_lambda{rt,
                                [sum = std::make_unique<int>(), calls = 0, &last](int& m) mutable {
                                  *sum += m;
                                  last = 100 * *sum + ++calls;
                                }};
  submit_numbers(by_lambda, 1, 0, 10);
  by_lambda.drain();
  EXPECT_EQ(last, 4'510);
}

// ---- spans

/// Sizes of the spans that a handler gets when `waiting` messages wait behind a first one.
template <class Message = int>
std::vector<std::size_t> span_sizes(int waiting, unsigned batch_limit) {
  runtime rt{{.concurrency = 2}};
  gate held;
  std::vector<std::size_t> sizes;
  std::vector<Message> handled;
  std::atomic<bool> marker_handled{false};
  processor<int, Message> p{rt,
                            [&](const int& key, std::span<Message> all) {
                              if (key != 0) {
                                marker_handled = true;
                                return;
                              }
                              sizes.push_back(all.size());
                              handled.insert(handled.end(), all.begin(), all.end());
                              if (sizes.size() == 1)
                                held.pass();
                            },
                            {.partitions = 1, .batch_limit = batch_limit}};
  EXPECT_EQ(p.submit(0, Message{0}), submit_status::accepted);
  held.await_visitors();
  for (int i = 1; i <= waiting; ++i)
    EXPECT_EQ(p.submit(0, Message{i}), submit_status::accepted);
  EXPECT_EQ(p.submit(1, Message{0}), submit_status::accepted); // behind the others in the ring
  EXPECT_TRUE(eventually([&] { return marker_handled.load(); }));
  held.open();
  p.drain();
  EXPECT_EQ(handled.size(), static_cast<std::size_t>(waiting) + 1);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
  return sizes;
}

TEST(span, holds_all_that_waits) {
  EXPECT_THAT(span_sizes(3, 64), ElementsAre(1, 3));
  EXPECT_THAT(span_sizes(64, 64), ElementsAre(1, 64)); // more than a lane's chunks hold each
  EXPECT_THAT(span_sizes(200, 200), ElementsAre(1, 200));
}

TEST(span, holds_no_more_than_the_batch_limit) {
  EXPECT_THAT(span_sizes(10, 4), ElementsAre(1, 4, 4, 2));
  EXPECT_THAT(span_sizes(130, 64), ElementsAre(1, 64, 64, 2));
  EXPECT_THAT(span_sizes(3, 1), ElementsAre(1, 1, 1, 1));
}

TEST(span, holds_more_than_a_quantum_if_the_batch_limit_says_so) {
  EXPECT_THAT(span_sizes(1'000, 1'000), ElementsAre(1, 1'000));
}

struct large {
  explicit large(int n = 0) : number(n) {}
  friend bool operator<(const large& a, const large& b) { return a.number < b.number; }
  int number;
  std::byte rest[8188]{};
};

TEST(span, holds_large_messages_side_by_side) {
  EXPECT_THAT(span_sizes<large>(20, 16), ElementsAre(1, 16, 4));
}

TEST(span, holds_messages_that_only_move_and_lets_them_be_taken) {
  runtime rt{{.concurrency = 2}};
  std::vector<std::unique_ptr<int>> taken;
  processor<int, std::unique_ptr<int>> p{rt, [&](const int&, std::span<std::unique_ptr<int>> all) {
                                           for (auto& m : all)
                                             taken.push_back(std::move(m));
                                         }};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(1, std::make_unique<int>(i)), submit_status::accepted);
  p.drain();
  ASSERT_EQ(taken.size(), 1'000u);
  for (std::size_t i = 0; i < 1'000; ++i)
    ASSERT_EQ(*taken[i], static_cast<int>(i));
}

// ---- State

TEST(state, lives_on_while_its_key_is_idle) {
  constexpr int keys = 100;
  runtime rt{{.concurrency = 2}};
  int last[keys]{};
  processor<int, int, int> p{rt, [&](const int& key, int& m, int& sum) { last[key] = sum += m; }};
  for (int round = 1; round <= 3; ++round) {
    for (int key = 0; key < keys; ++key)
      ASSERT_EQ(p.submit(key, 1), submit_status::accepted);
    p.drain(); // all keys are idle
    EXPECT_THAT(last, Each(round));
  }
}

TEST(state, is_made_once_for_each_key_and_dies_with_the_processor) {
  static std::atomic<int> made;
  static std::atomic<int> alive;
  made = alive = 0;
  struct counted {
    counted() { ++made, ++alive; }
    counted(const counted&) = delete; // State need not move
    counted& operator=(const counted&) = delete;
    ~counted() { --alive; }
  };
  runtime rt{{.concurrency = 2}};
  {
    processor<int, int, counted> p{rt, [](int&, counted&) {}};
    for (int i = 0; i < 10'000; ++i)
      ASSERT_EQ(p.submit(i % 1'000, i), submit_status::accepted);
    p.drain();
    EXPECT_EQ(made, 1'000);
    EXPECT_EQ(alive, 1'000);
  }
  EXPECT_EQ(alive, 0);
}

TEST(state, whose_constructor_throws_meets_on_error_and_is_tried_again) {
  static int attempts; // one key: only its handler touches this
  attempts = 0;
  struct fragile {
    fragile() {
      if (++attempts < 3)
        throw std::runtime_error("attempt " + std::to_string(attempts));
    }
  };
  runtime rt{{.concurrency = 1}};
  std::vector<std::string> errors;
  std::vector<int> handled;
  processor<int, int, fragile> p{rt,
                                 [&](int& m, fragile&) { handled.push_back(m); },
                                 {.on_error = [&](const int& key, std::exception_ptr error) {
                                   try {
                                     std::rethrow_exception(error);
                                   } catch (const std::exception& e) {
                                     errors.push_back(std::to_string(key) + ": " + e.what());
                                   }
                                 }}};
  submit_numbers(p, 7, 0, 4);
  p.drain();
  EXPECT_THAT(errors, ElementsAre("7: attempt 1", "7: attempt 2"));
  EXPECT_THAT(handled, ElementsAre(2, 3));
}

/// Keys that can be called are no less keys.
TEST(key, may_be_a_function) {
  runtime rt;
  std::atomic<int> handled{0};
  processor<void (*)(), int> p{rt, [&](int&) { handled.fetch_add(1); }};
  ASSERT_EQ(p.submit(&std::abort, 1), submit_status::accepted);
  p.drain();
  EXPECT_EQ(handled.load(), 1);
}

} // namespace
