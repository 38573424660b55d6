#include "gate.hpp"
#include "runtime/at_once.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <fstream>
#include <gmock/gmock.h>
#include <memory>
#include <string>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <thread>

// TBB lends threads, and has none: a limit of the process, tasks of a higher priority, other runtimes.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

/// What the process allows TBB.
class limit {
public:
  explicit limit(std::size_t threads)
      : control_(tbb::global_control::max_allowed_parallelism, threads) {}

private:
  tbb::global_control control_;
};

/// A runtime of which one key is stuck, and what becomes of the others.
class with_a_stuck_key {
public:
  explicit with_a_stuck_key(unsigned concurrency) : runtime_({.concurrency = concurrency}) {
    EXPECT_EQ(processor_.submit(stuck, 0), submit_status::accepted);
    held_.await_visitors();
  }
  with_a_stuck_key(const with_a_stuck_key&) = delete;
  with_a_stuck_key& operator=(const with_a_stuck_key&) = delete;
  ~with_a_stuck_key() { held_.open(); }

  void expect_to_handle_others() {
    for (int key = 1; key <= 100; ++key)
      ASSERT_EQ(processor_.submit(key, 0), submit_status::accepted);
    EXPECT_TRUE(eventually([&] { return handled_ == 100; }));
  }

private:
  static constexpr int stuck = 0;

  gate held_;
  std::atomic<int> handled_{0};
  runtime runtime_;
  processor<int, int> processor_{runtime_, [this](const int& key, int&) {
                                   if (key == stuck)
                                     held_.pass();
                                   else
                                     ++handled_;
                                 }};
};

TEST(threads, come_where_a_limit_leaves_one) {
  const limit one(1);
  with_a_stuck_key rt(4);
  rt.expect_to_handle_others();
}

TEST(threads, come_for_each_of_several_runtimes) {
  const limit two(2);
  with_a_stuck_key first(2), second(2), third(2);
  for (auto* each : {&first, &second, &third})
    each->expect_to_handle_others();
}

TEST(threads, are_as_many_as_were_asked_for_where_a_limit_leaves_one) {
  const limit one(1);
  for (const unsigned concurrency : {1u, 2u, 5u, 16u}) {
    runtime rt{{.concurrency = concurrency}};
    expect_so_many_at_once(rt, concurrency);
    std::this_thread::sleep_for(150ms); // longer than a worker waits
    expect_so_many_at_once(rt, concurrency);
  }
}

/// With TBB's threads allowed again and again, and not.
TEST(threads, are_never_more_than_were_asked_for) {
  runtime rt{{.concurrency = 3}};
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  processor<int, int> p{rt, [&](int&) {
                          const int now = ++at_once;
                          for (int seen = most;
                               seen < now && !most.compare_exchange_weak(seen, now);)
                            ;
                          std::this_thread::sleep_for(100us);
                          --at_once;
                        }};
  for (int round = 0; round < 5; ++round) {
    auto one = std::make_unique<limit>(1);
    std::this_thread::sleep_for(120ms); // pumps have left
    for (int i = 0; i < 300; ++i) {
      ASSERT_EQ(p.submit(i, i), submit_status::accepted);
      if (i == 150)
        one.reset();
    }
    p.drain();
  }
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 2);
}

/// Was a bug: they hold all of TBB's threads while they wait for room, which nobody can make.
TEST(threads, come_beside_tasks_of_high_priority_that_wait_for_room) {
  constexpr int tasks = 500;
  for (const auto idle : {0ms, 150ms}) { // longer than a worker waits
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt, [](int&) {}, {.capacity = 16}};
    std::this_thread::sleep_for(idle);
    std::atomic<int> sent{0};
    tbb::task_arena urgent(16, 0, tbb::task_arena::priority::high);
    for (int i = 0; i < tasks; ++i)
      urgent.enqueue([&, i] {
        EXPECT_EQ(p.submit(i, i), submit_status::accepted);
        ++sent;
      });
    EXPECT_TRUE(eventually([&] { return sent == tasks; }));
    p.close(); // frees those that wait all the same
    EXPECT_TRUE(eventually([&] { return sent == tasks; }));
  }
}

/// A runtime ends though TBB has not begun what it was asked for.
TEST(threads, of_tbb_that_never_come_do_not_hold_up_the_end) {
  constexpr int tasks = 100;
  gate held;
  std::atomic<int> ended{0};
  tbb::task_arena urgent(16, 0, tbb::task_arena::priority::high);
  for (int i = 0; i < tasks; ++i)
    urgent.enqueue([&] {
      held.pass();
      ++ended;
    });
  {
    runtime rt{{.concurrency = 2}};
    expect_so_many_at_once(rt, 2);
  }
  { runtime unused{{.concurrency = 2}}; }
  held.open();
  EXPECT_TRUE(eventually([&] { return ended == tasks; }));
}

/// Of the process.
int threads() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Threads:"))
      return std::stoi(line.substr(8));
  return -1;
}

TEST(threads, of_an_idle_runtime_are_two_beside_those_of_tbb) {
  const limit one(1);
  { // TBB has what it may have
    runtime rt{{.concurrency = 4}};
    expect_so_many_at_once(rt, 1);
  }
  const int before = threads();
  int more = 0;
  for (int attempt = 0; attempt < 20 && more != 2;
       ++attempt) { // where TBB is late it has another one
    {
      runtime rt{{.concurrency = 4}};
      expect_so_many_at_once(rt, 1);
      for (int look = 0; look < 100 && more != 2; ++look) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        more = threads() - before;
      }
    }
    EXPECT_TRUE(eventually([&] { return threads() == before; })) << threads() - before;
  }
  EXPECT_EQ(more, 2);
}

TEST(threads, of_a_runtime_may_run_parallel_loops) {
  const limit one(1);
  runtime rt{{.concurrency = 3}};
  gate all;
  std::atomic<int> sum{0};
  std::atomic<int> refused{0};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](int&) {
                          all.pass(); // on three threads
                          tbb::parallel_for(0, 100, [&](int i) {
                            sum += i;
                            refused += self->submit(i, i) == submit_status::full;
                          });
                        },
                        {.capacity = 3}};
  self = &p;
  for (int key = 0; key < 3; ++key)
    ASSERT_EQ(p.submit(key, 0), submit_status::accepted);
  all.await_visitors(3);
  all.open();
  p.drain();
  EXPECT_GE(sum, 3 * 99 * 50);
  EXPECT_GT(refused, 0);
}

/// Was a bug: a handler's loop in an arena of its own waits for room in the handler's processor.
TEST(submit, in_a_handlers_own_arena_does_not_wait_for_ever) {
  runtime rt{{.concurrency = 1}};
  tbb::task_arena own(2);
  std::atomic<int> arrived{0};
  std::atomic<int> refused{0};
  std::atomic<bool> finished{false};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](int&) {
                          const auto body = [&](int i) {
                            ++arrived;
                            EXPECT_TRUE(eventually([&] { return arrived == 2; })); // two threads
                            for (int j = 0; j < 20; ++j)
                              refused += self->submit(i, i) == submit_status::full;
                          };
                          own.execute(
                              [&] { tbb::parallel_for(0, 2, body, tbb::simple_partitioner{}); });
                          finished = true;
                        },
                        {.capacity = 1}};
  self = &p;
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return finished.load(); }));
  p.close(); // frees a submit that waits all the same
  p.drain();
  EXPECT_EQ(refused, 40);
}

/// As well as room, a request's place is nothing that a handler may wait for.
TEST(requests, in_a_handlers_own_arena_do_not_wait_for_ever) {
  runtime rt{{.concurrency = 1}};
  tbb::task_arena own(1, 0);
  std::atomic<int> refused{0};
  std::atomic<bool> done{false}, finished{false};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](int&) {
                          own.enqueue([&] {
                            for (int i = 0; i < 20; ++i)
                              try {
                                self->resume(i);
                              } catch (const convoy::too_many_requests&) {
                                ++refused;
                              }
                            done = true;
                          });
                          finished = eventually([&] { return done.load(); });
                        },
                        {.request_capacity = 4}};
  self = &p;
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  p.drain();
  EXPECT_TRUE(finished);
  EXPECT_EQ(refused, 16);
}

/// Longer than a second in all: messages that get handled, or none that is.
TEST(submit, in_a_task_of_the_users_waits_as_long_as_no_handler_is_stuck) {
  runtime rt{{.concurrency = 1}};
  processor<int, int> p{rt,
                        [](int& ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); },
                        {.capacity = 1}};
  tbb::task_arena(2).execute([&] {
    tbb::parallel_for(0, 6, [&](int i) { EXPECT_EQ(p.submit(i, 300), submit_status::accepted); });
  });
  p.drain();
  p.pause(1);
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  const std::jthread later([&] {
    std::this_thread::sleep_for(1300ms);
    p.resume(1);
  });
  tbb::task_arena(2).execute([&] {
    tbb::parallel_for(0, 2, [&](int i) { EXPECT_EQ(p.submit(i, 0), submit_status::accepted); });
  });
}

} // namespace
