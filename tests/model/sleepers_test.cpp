// Pumps that find nothing for so long that they give their threads back, and are called again: waits of 100 ms
// end here. Those for a handler still do not.

#include "pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::detail::clock;
using convoy::detail::thread;
using model::expect_works;
using model::handled;
using model::history;
using model::must_submit;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr model::options patient{.most_steps = 20'000, .longest_wait = std::chrono::hours(1)};

/// How many threads the run has started; this is one of them.
int threads() {
  return static_cast<int>(model::start([] {}));
}

/// A submit as the last pump leaves: both might think that the other looks after the message.
TEST(sleepers, a_pump_that_leaves_is_called_again) {
  int most = 0;
  for (const int late : {0, 30, 60, 90, 120, 500}) {
    const auto found = expect_works(
        120,
        [late] {
          history seen;
          handled all;
          runtime rt{{.concurrency = 1}};
          processor<int, int> p{rt,
                                [&](int& m) {
                                  seen.see(m);
                                  all.one_more();
                                },
                                {.capacity = 64, .partitions = 1}};
          must_submit(p, 1, 1);
          all.wait_for(1);
          const auto before = threads();
          model::wait_until(clock::now() + milliseconds(100) + microseconds(late));
          must_submit(p, 1, 2);
          all.wait_for(2);
          model::outcome(threads() - before);
        },
        patient);
    most = std::max(most, *found.outcomes.rbegin());
  }
  EXPECT_EQ(most, 2) << "no pump was called again";
}

/// As above, where the submit is a handler's, on the only pump that is left, and the handler waits for it.
TEST(sleepers, a_handler_calls_a_pump_that_leaves) {
  for (const int late : {0, 60, 120, 180, 240, 500})
    expect_works(
        120,
        [late] {
          handled all;
          std::function<void(int)> submit;
          runtime rt{{.concurrency = 2}};
          processor<int, int> p{rt,
                                [&](const int& key, int&) {
                                  if (key == 0) {
                                    model::wait_until(clock::now() + milliseconds(100) +
                                                      microseconds(late));
                                    submit(1);
                                    all.wait_for(1);
                                  }
                                  all.one_more();
                                },
                                {.capacity = 64, .partitions = 1}};
          submit = [&p](int key) { must_submit(p, key, 1); };
          submit(0);
          all.wait_for(2);
        },
        patient);
}

/// Who has nothing to do must sleep, at last also beside a handler that takes long: half a second is over in
/// some hundred steps, or the run does not end.
TEST(sleepers, are_quiet) {
  for (const bool busy : {false, true})
    expect_works(300,
                 [busy] {
                   handled all;
                   runtime rt{{.concurrency = 2}};
                   processor<int, int> p{rt,
                                         [&](int&) {
                                           all.one_more();
                                           if (busy)
                                             model::wait_until(clock::now() + milliseconds(500));
                                         },
                                         {.capacity = 64, .partitions = 1}};
                   must_submit(p, 1, 1);
                   all.wait_for(1);
                   model::wait_until(clock::now() + milliseconds(500));
                   must_submit(p, 2, 1);
                   all.wait_for(2);
                 },
                 {.most_steps = 5'000, .longest_wait = std::chrono::hours(1)});
}

/// When what was scheduled is over, the thread that waits for times has nothing to do: one that goes round and
/// round does not come to rest.
TEST(sleepers, so_does_who_waits_for_times) {
  expect_works(
      300,
      [] {
        handled all;
        runtime rt{{.concurrency = 1}};
        processor<int, int> p{rt, [&](int&) { all.one_more(); }, {.capacity = 64, .partitions = 1}};
        model::check(p.submit_after(1, microseconds(100), 1).status() ==
                         convoy::submit_status::accepted,
                     "refused");
        all.wait_for(1);
        model::rest();
      },
      {.most_steps = 5'000});
}

/// Pumps of which some have left, and some are about to, as their runtime goes.
TEST(sleepers, the_runtime_ends_as_they_leave) {
  for (const int late : {0, 60, 120})
    expect_works(
        200,
        [late] {
          runtime rt{{.concurrency = 2}};
          model::wait_until(clock::now() + milliseconds(100) + microseconds(late));
        },
        patient);
}

} // namespace
