#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <tbb/parallel_for.h>
#include <thread>
#include <vector>

// What a handler may do: submit anywhere, and use oneTBB.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

TEST(handler, may_submit_to_its_own_key) {
  constexpr int last = 10'000;
  runtime rt{{.concurrency = 2}};
  std::vector<int> handled;
  std::atomic<bool> finished{false};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt, [&](int& m) {
                          handled.push_back(m);
                          if (m == last)
                            finished = true;
                          else
                            ASSERT_EQ(self->submit(1, m + 1), submit_status::accepted);
                        }};
  self = &p;
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return finished.load(); }));
  p.drain();
  EXPECT_EQ(handled.size(), last + 1u);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

TEST(handler, may_submit_to_other_keys) {
  constexpr int keys = 1'000;
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt, [&](const int& key, int& m) {
                          ++handled;
                          for (int i = 1; m > 0 && i <= 2; ++i) // a binary tree of messages
                            ASSERT_EQ(self->submit((2 * key + i) % keys, m - 1),
                                      submit_status::accepted);
                        }};
  self = &p;
  ASSERT_EQ(p.submit(0, 14), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return handled == (1 << 15) - 1; }));
}

TEST(handler, may_submit_to_a_processor_of_its_own_or_of_another_runtime) {
  constexpr int messages = 20'000;
  runtime one{{.concurrency = 2}};
  runtime other{{.concurrency = 1}};
  std::vector<int> handled;
  processor<int, int> third{other, [&](int& m) { handled.push_back(m); }};
  const auto pass_on_to = [](processor<int, int>& next) {
    return [&](const int& key, int& m) { ASSERT_EQ(next.submit(key, m), submit_status::accepted); };
  };
  processor<int, int> second{one, pass_on_to(third)};
  processor<int, int> first{one, pass_on_to(second)};
  for (int i = 0; i < messages; ++i)
    ASSERT_EQ(first.submit(1, i), submit_status::accepted);
  first.drain();
  second.drain();
  third.drain();
  EXPECT_EQ(handled.size(), static_cast<std::size_t>(messages));
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

/// A handler submits something when all other workers have long gone away, and goes on.
template <class Submit>
void expect_that_what_it_submits_runs_beside_it(runtime& rt, std::atomic<bool>& handled,
                                                Submit&& submit) {
  gate idle;
  bool in_time = false;
  std::atomic<bool> finished{false};
  processor<int, int> p{rt, [&](int&) {
                          idle.pass();
                          submit();
                          in_time = eventually([&] { return handled.load(); });
                          finished = true;
                        }};
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  idle.await_visitors();
  std::this_thread::sleep_for(std::chrono::milliseconds(250)); // the other workers go away
  idle.open();
  while (!finished) // nothing that could wake a worker
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(in_time);
}

TEST(handler, does_not_hold_up_what_it_submits) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> handled{false};
  processor<int, int> next{rt, [&](int&) { handled = true; }};
  expect_that_what_it_submits_runs_beside_it(
      rt, handled, [&] { EXPECT_EQ(next.submit(1, 1), submit_status::accepted); });
}

TEST(handler, does_not_hold_up_what_it_submits_in_a_parallel_loop) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> handled{false};
  processor<int, int> next{rt, [&](int&) { handled = true; }};
  expect_that_what_it_submits_runs_beside_it(rt, handled, [&] {
    tbb::parallel_for(0, 4, [&](int i) { EXPECT_EQ(next.submit(i, i), submit_status::accepted); });
  });
}

TEST(handler, may_run_parallel_loops_without_another_handler_on_top_of_it) {
  constexpr int keys = 50;
  constexpr int messages = 1'000;
  runtime rt{{.concurrency = 3}};
  int inside[keys]{}; // plain: order per key protects it
  long sums[keys]{};
  std::atomic<int> overlaps{0};
  thread_local bool handling = false;
  std::atomic<int> nested{0};
  processor<int, int> p{rt, [&](const int& key, int&) {
                          overlaps += inside[key]++ != 0;
                          nested += handling;
                          handling = true;
                          std::atomic<long> sum{0};
                          tbb::parallel_for(0, 200, [&](int i) { sum += i; });
                          sums[key] += sum;
                          handling = false;
                          --inside[key];
                        }};
  for (int i = 0; i < messages; ++i)
    ASSERT_EQ(p.submit(i % keys, i), submit_status::accepted);
  p.drain();
  EXPECT_EQ(overlaps, 0);
  EXPECT_EQ(nested, 0);
  EXPECT_THAT(sums, testing::Each(messages / keys * 199L * 100));
}

TEST(handler, is_refused_at_once_in_a_parallel_loop_when_full) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> arrived{0};
  std::atomic<int> refused{0};
  std::atomic<bool> finished{false};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](int&) {
                          const auto body = [&](int i) {
                            ++arrived;
                            EXPECT_TRUE(eventually([&] { return arrived == 2; })); // two threads
                            refused += self->submit(i, i) == submit_status::full;
                          };
                          tbb::parallel_for(0, 2, body, tbb::simple_partitioner{});
                          finished = true;
                        },
                        {.capacity = 1}};
  self = &p;
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return finished.load(); }));
  p.close(); // frees a submit that waits all the same
  p.drain();
  EXPECT_EQ(refused, 2);
}

} // namespace
