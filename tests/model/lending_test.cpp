// Threads that TBB does not lend: none, one, or no TBB at all (a child of fork()). Then the runtime has its own.

#include "lending.hpp"
#include "pipeline.hpp"

#include <chrono>
#include <functional>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::detail::clock;
using model::expect_works;
using model::handled;
using model::must_submit;
using std::chrono::milliseconds;

/// Runs of each scenario with so many threads of TBB's.
void expect_to_work_whatever_is_lent(std::uint64_t runs, const std::function<void()>& scenario,
                                     model::options how = {.most_steps = 100'000}) {
  for (const unsigned lent : {0u, 1u, model::tbb_is_lost}) {
    SCOPED_TRACE(lent);
    const model::lending lend(lent);
    expect_works(runs, scenario, how);
  }
}

TEST(lending, a_message_is_handled) {
  expect_to_work_whatever_is_lent(400, [] {
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt, [&](int&) { all.one_more(); }, {.capacity = 64, .partitions = 1}};
    must_submit(p, 1, 1);
    all.wait_for(1);
  });
}

/// Who has work and finds that a pump is to begin relies on the alarm, or on who has set it.
TEST(lending, a_key_that_is_stuck_costs_one_worker) {
  for (const int partitions : {1, 2})
    expect_to_work_whatever_is_lent(400, [partitions] {
      handled others, stuck;
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int&) {
                              if (key == 0)
                                others.wait_for(2);
                              else
                                others.one_more();
                              stuck.one_more();
                            },
                            {.capacity = 64, .partitions = static_cast<unsigned>(partitions)}};
      must_submit(p, 0, 1);
      must_submit(p, 1, 1);
      must_submit(p, 2, 1);
      stuck.wait_for(3);
    });
}

TEST(lending, what_a_handler_submits_and_waits_for_is_handled) {
  expect_to_work_whatever_is_lent(400, [] {
    handled all;
    std::function<void()> submit;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int& key, int&) {
                            if (key == 0) {
                              submit();
                              all.wait_for(1);
                            }
                            all.one_more();
                          },
                          {.capacity = 64, .partitions = 1}};
    submit = [&p] { must_submit(p, 1, 1); };
    must_submit(p, 0, 1);
    all.wait_for(2);
  });
}

/// What does not come to rest is a livelock.
TEST(lending, threads_sleep_when_there_is_nothing_to_do) {
  expect_to_work_whatever_is_lent(
      400,
      [] {
        handled all;
        runtime rt{{.concurrency = 2}};
        processor<int, int> p{rt, [&](int&) { all.one_more(); }, {.capacity = 64, .partitions = 1}};
        model::rest();
        must_submit(p, 1, 1);
        all.wait_for(1);
        model::rest();
      },
      {.most_steps = 20'000});
}

/// A pump that has left is called again, also while it leaves.
TEST(lending, a_thread_comes_again) {
  for (const int late : {0, 60, 120, 500})
    expect_to_work_whatever_is_lent(
        60,
        [late] {
          handled all;
          runtime rt{{.concurrency = 1}};
          processor<int, int> p{
              rt, [&](int&) { all.one_more(); }, {.capacity = 64, .partitions = 1}};
          must_submit(p, 1, 1);
          all.wait_for(1);
          model::wait_until(clock::now() + milliseconds(100) + std::chrono::microseconds(late));
          must_submit(p, 1, 2);
          all.wait_for(2);
        },
        {.most_steps = 40'000, .longest_wait = std::chrono::hours(1)});
}

TEST(lending, the_runtime_ends_as_threads_come) {
  expect_to_work_whatever_is_lent(400, [] {
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt, [&](int&) {}, {.capacity = 64, .partitions = 1}};
    must_submit(p, 1, 1);
  });
}

/// As many as were asked for, never more: a pump that begins without being asked for has no place.
TEST(lending, no_more_handlers_run_than_were_asked_for) {
  expect_to_work_whatever_is_lent(400, [] {
    convoy::detail::atomic<int> at_once{0};
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](int&) {
                            model::check(at_once.fetch_add(1, std::memory_order_relaxed) == 0,
                                         "two at once");
                            at_once.fetch_sub(1, std::memory_order_relaxed);
                            all.one_more();
                          },
                          {.capacity = 64, .partitions = 2}};
    for (int key = 0; key < 4; ++key)
      must_submit(p, key, 1);
    all.wait_for(4);
  });
}

} // namespace
