#include "gate.hpp"
#include "runtime/at_once.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <optional>
#include <set>
#include <string>
#include <tbb/parallel_for.h>
#include <thread>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

TEST(runtime, has_a_worker_for_each_core_unless_told_otherwise) {
  EXPECT_EQ(runtime{}.concurrency(), std::thread::hardware_concurrency());
  EXPECT_EQ((runtime{{.concurrency = 7}}.concurrency()), 7u);
}

TEST(runtime, refuses_a_concurrency_out_of_range_with_words) {
  try {
    const runtime rt{{.concurrency = 4096}};
    FAIL() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("concurrency"));
  }
}

TEST(runtime, runs_as_many_handlers_at_once_as_it_has_workers) {
  for (const unsigned concurrency : {1u, 2u, 5u, 16u}) {
    runtime rt{{.concurrency = concurrency}};
    expect_so_many_at_once(rt, concurrency);
  }
}

TEST(runtime, runs_no_more_handlers_at_once_than_it_has_workers) {
  runtime rt{{.concurrency = 3}};
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  processor<int, int> p{rt, [&](int&) {
                          const int now = ++at_once;
                          for (int seen = most;
                               seen < now && !most.compare_exchange_weak(seen, now);)
                            ;
                          std::this_thread::yield();
                          --at_once;
                        }};
  for (int i = 0; i < 20'000; ++i)
    ASSERT_EQ(p.submit(i, i), submit_status::accepted);
  p.drain();
  EXPECT_LE(most, 3);
}

TEST(runtime, serves_several_processors) {
  runtime rt{{.concurrency = 2}};
  std::vector<int> numbers;
  processor<int, int> one{rt, [&](int& m) { numbers.push_back(m); }};
  std::string text;
  processor<std::string, char> other{rt, [&](char& m) { text.push_back(m); }};
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(one.submit(1, i), submit_status::accepted);
    ASSERT_EQ(other.submit("key", static_cast<char>('a' + i % 26)), submit_status::accepted);
  }
  one.drain();
  other.drain();
  EXPECT_EQ(numbers.size(), 1'000u);
  EXPECT_EQ(text.size(), 1'000u);
  EXPECT_EQ(text.substr(0, 3), "abc");
}

TEST(runtime, survives_its_processors_coming_and_going) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        processor<int, int> p{rt, [&](int&) { ++handled; }};
        for (int key = 0; key < 10; ++key)
          ASSERT_EQ(p.submit(key, i), submit_status::accepted);
      }
    });
  threads.clear();
  EXPECT_EQ(handled, 3 * 300 * 10);
}

TEST(runtime, lives_beside_others_of_another_concurrency) {
  runtime one{{.concurrency = 1}};
  runtime four{{.concurrency = 4}};
  expect_so_many_at_once(one, 1);
  expect_so_many_at_once(four, 4);
  {
    runtime two{{.concurrency = 2}};
    expect_so_many_at_once(two, 2);
  }
  expect_so_many_at_once(four, 4); // two's end has taken nothing from it
}

TEST(runtime, starts_again_after_its_threads_have_gone) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  for (int round = 1; round <= 3; ++round) {
    ASSERT_EQ(p.submit(round, round), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return handled == round; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(150)); // longer than a worker waits
  }
}

TEST(runtime, wakes_up_for_every_message_of_a_thin_stream) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt, [&](int&) { ++handled; }};
  for (int i = 0; i < 20'000; ++i) { // a message that is missed once is missed for ever
    ASSERT_EQ(p.submit(i % 7, i), submit_status::accepted);
    while (handled <= i)
      std::this_thread::yield();
  }
}

TEST(runtime, leaves_no_mark_on_threads_when_it_is_gone) {
  { // TBB's threads have worked for it and live on
    runtime rt{{.concurrency = 4}};
    processor<int, int> p{rt,
                          [](int&) { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }};
    for (int i = 0; i < 16; ++i)
      ASSERT_EQ(p.submit(i, i), submit_status::accepted);
    p.drain();
  }
  runtime rt{{.concurrency = 1}};
  processor<int, int> p{rt, [](int&) {}};
  tbb::parallel_for(0, 32, [&](int) {
    EXPECT_NO_THROW(p.drain());
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  });
}

} // namespace
