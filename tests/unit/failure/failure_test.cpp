#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gmock/gmock.h>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

// Exceptions: of handlers, of on_error, and of copying what is submitted.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;
using testing::HasSubstr;

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "no std::exception";
  }
}

TEST(handler_that_throws, reports_its_key_and_exception_and_its_lane_goes_on_in_order) {
  runtime rt{{.concurrency = 2}};
  std::vector<std::string> errors;
  std::vector<int> handled;
  processor<std::string, int> p{rt,
                                [&](const std::string&, int& m) {
                                  if (m % 3 == 1)
                                    throw std::runtime_error("number " + std::to_string(m));
                                  handled.push_back(m);
                                },
                                {.on_error = [&](const std::string& key, std::exception_ptr error) {
                                  errors.push_back(key + ": " + text_of(error));
                                }}};
  for (int i = 0; i < 6; ++i)
    ASSERT_EQ(p.submit("key", i), submit_status::accepted);
  p.drain();
  EXPECT_THAT(handled, ElementsAre(0, 2, 3, 5));
  EXPECT_THAT(errors, ElementsAre("key: number 1", "key: number 4"));
}

TEST(handler_that_throws, loses_nothing_under_load) {
  constexpr int messages = 50'000;
  runtime rt{{.concurrency = 2}};
  std::atomic<int> errors{0};
  int next[100]{};
  std::atomic<int> out_of_order{0};
  processor<int, int> p{
      rt,
      [&](const int& key, int& m) {
        if (next[key]++ != m)
          ++out_of_order;
        throw key;
      },
      {.capacity = 1'000, .on_error = [&](const int& key, std::exception_ptr error) {
         try {
           std::rethrow_exception(std::move(error));
         } catch (int thrown) {
           errors += thrown == key;
         }
       }}};
  for (int i = 0; i < messages; ++i)
    ASSERT_EQ(p.submit(i % 100, i / 100), submit_status::accepted);
  p.drain();
  EXPECT_EQ(errors, messages);
  EXPECT_EQ(out_of_order, 0);
  EXPECT_EQ(p.dead_letters(), std::uint64_t{messages});
  EXPECT_EQ(p.account().completed, 0u);
}

TEST(handler_that_throws, is_reported_on_stderr_by_default) {
  testing::internal::CaptureStderr();
  {
    runtime rt{{.concurrency = 1}};
    int handled = 0;
    processor<int, int> p{rt, [&](int& m) {
                            if (m == 0)
                              throw std::runtime_error("out of paper");
                            if (m == 1)
                              throw 5;
                            ++handled;
                          }};
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(p.submit(1, i), submit_status::accepted);
    p.drain();
    EXPECT_EQ(handled, 1);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::AllOf(HasSubstr("out of paper"), HasSubstr("no std::exception")));
}

TEST(handler_that_throws, ends_up_on_stderr_with_the_exception_of_an_on_error_that_throws) {
  testing::internal::CaptureStderr();
  {
    runtime rt{{.concurrency = 1}};
    int handled = 0;
    processor<int, int> p{rt,
                          [&](int& m) {
                            if (m == 0)
                              throw std::runtime_error("of the handler");
                            ++handled;
                          },
                          {.on_error = [](const int&, std::exception_ptr) {
                            throw std::runtime_error("of the callback");
                          }}};
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(p.submit(1, i), submit_status::accepted);
    p.drain();
    EXPECT_EQ(handled, 2);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::AllOf(HasSubstr("of the handler"), HasSubstr("of the callback")));
}

TEST(handler_that_throws, ends_its_whole_span_and_the_next_span_follows) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> seen;
  int errors = 0;
  processor<int, int> p{
      rt,
      [&](const int&, std::span<int> all) {
        seen.insert(seen.end(), all.begin(), all.end());
        throw std::runtime_error("no");
      },
      {.batch_limit = 8, .on_error = [&](const int&, std::exception_ptr) { ++errors; }}};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
  p.drain();
  ASSERT_EQ(seen.size(), 1'000u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_GE(errors, 1'000 / 8);
}

// ---- copies

/// Copying throws while told to; moving never does.
template <bool& Throws>
struct fragile {
  explicit fragile(int n) : number(n) {}
  fragile(const fragile& other) : number(other.number) {
    if (Throws)
      throw std::runtime_error("copy");
  }
  fragile(fragile&&) noexcept = default;
  friend bool operator==(const fragile& a, const fragile& b) { return a.number == b.number; }
  int number;
};

bool message_throws = false;
bool key_throws = false;
using fragile_message = fragile<message_throws>;
using fragile_key = fragile<key_throws>;

struct hash_number {
  std::size_t operator()(const fragile_key& k) const { return std::hash<int>{}(k.number); }
};

TEST(copy_that_throws, submits_nothing_and_later_messages_are_handled) {
  for (const std::size_t key_capacity : {std::size_t{0}, std::size_t{4}}) {
    runtime rt{{.concurrency = 2}};
    std::vector<int> handled;
    processor<fragile_key, fragile_message, void, hash_number> p{
        rt,
        [&](fragile_message& m) { handled.push_back(m.number); },
        {.capacity = 4, .key_capacity = key_capacity}};
    const fragile_key key(1);
    for (int i = 0; i < 100; ++i) { // more than the capacity: nothing of it may leak
      const fragile_message message(i);
      message_throws = i % 3 == 1;
      key_throws = i % 3 == 2;
      if (i % 3 != 0)
        EXPECT_THROW((void)p.submit(key, message), std::runtime_error);
      else
        EXPECT_EQ(p.submit(key, message), submit_status::accepted);
      message_throws = key_throws = false;
    }
    p.drain();
    EXPECT_EQ(handled.size(), 34u);
    EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
  }
}

TEST(copy_that_throws, in_a_bulk_submits_what_stands_before_it) {
  for (const std::size_t key_capacity : {std::size_t{0}, std::size_t{1'000}}) {
    runtime rt{{.concurrency = 2}};
    static std::vector<int> handled;
    handled.clear();
    struct throws_at_50 {
      explicit throws_at_50(int n) : number(n) {}
      throws_at_50(const throws_at_50& other) : number(other.number) {
        if (number == 50)
          throw std::runtime_error("copy");
      }
      throws_at_50(throws_at_50&&) noexcept = default;
      int number;
    };
    processor<int, throws_at_50> p{rt,
                                   [](throws_at_50& m) { handled.push_back(m.number); },
                                   {.capacity = 1'000, .key_capacity = key_capacity}};
    std::vector<std::pair<int, throws_at_50>> all;
    all.reserve(100);
    for (int i = 0; i < 100; ++i)
      all.emplace_back(0, throws_at_50(i));
    EXPECT_THROW((void)p.submit_bulk(all), convoy::bulk_interrupted);
    ASSERT_EQ(p.submit(0, throws_at_50(100)), submit_status::accepted);
    p.drain();
    ASSERT_EQ(handled.size(), 51u);
    EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
    EXPECT_EQ(handled.back(), 100);
    for (int i = 0; i < 3'000; ++i) // no room has leaked
      ASSERT_EQ(p.submit(0, throws_at_50(0)), submit_status::accepted);
  }
}

TEST(handler_that_throws, keeps_to_its_quantum) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::vector<int> handled; // keys: with one worker nothing runs beside it
  processor<int, int> p{
      rt,
      [&](const int& key, int&) {
        if (key < 0)
          return held.pass();
        handled.push_back(key);
        if (key != 0)
          return;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        throw std::runtime_error("on purpose");
      },
      {.partitions = 1, .on_error = [](const int&, const std::exception_ptr&) {}}};
  ASSERT_EQ(p.submit(-1, 0), submit_status::accepted);
  held.await_visitors();
  for (int i = 0; i < 64; ++i) {
    if (i == 8) {
      ASSERT_EQ(p.submit(1, 0), submit_status::accepted); // it waits for those before it at most
    }
    ASSERT_EQ(p.submit(0, i), submit_status::accepted);
  }
  held.open();
  p.drain();
  EXPECT_LE(std::find(handled.begin(), handled.end(), 1) - handled.begin(), 16);
}

} // namespace
