#include "failing_memory.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <tbb/global_control.h>

// There is no memory while a runtime or a processor is made or destroyed. If it can't be made nothing is left
// of it, and the next one can be.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::failing_allocation;
using convoy::test::fails_cleanly;
using convoy::test::live_pieces;
using convoy::test::parcel;

using message_with_id = convoy::envelope<parcel, std::string>;

/// Makes one without memory for the n-th allocation, n = 1, 2, 3, …, until there is one.
template <class Made, class Make>
void expect_clean_failures(Make&& make) {
  std::optional<Made> made;
  make(made); // what lives as long as the runtime: the timer thread, room for alarms
  made.reset();
  const auto before = live_pieces();
  const auto failures =
      fails_cleanly([&] { make(made); }, [&] { ASSERT_EQ(live_pieces(), before); });
  EXPECT_GE(failures, 5u);
  EXPECT_GT(live_pieces(), before);
  made.reset();
  EXPECT_EQ(live_pieces(), before);
}

/// What of its own threads TBB may use in this process.
std::size_t tbb_limit() {
  return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
}

TEST(runtime_without_memory, is_not_made_and_the_next_one_works) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "one run in ten hangs in TBB 2021.8: two workers and enqueue() wait for a lock "
                  "of its own that nobody has";
#endif
  std::optional<runtime> made;
  const auto failures = fails_cleanly([&] { made.emplace(runtime::options{.concurrency = 2}); },
                                      [&] {
                                        int handled = 0;
                                        runtime rt{{.concurrency = 2}};
                                        processor<int, int> p{rt, [&](int& m) { handled += m; }};
                                        ASSERT_EQ(p.submit(1, 3), submit_status::accepted);
                                        p.drain();
                                        ASSERT_EQ(handled, 3);
                                      });
  EXPECT_GE(failures, 5u);
}

/// Does not pass: after so many failures TBB 2021.8 gives the last runtime no workers, and its destructor waits
/// for them. The limit itself is as it should be.
TEST(runtime_without_memory, DISABLED_leaves_the_limit_of_threads_as_it_was) {
  const runtime other{{.concurrency = 3}};
  const auto before = tbb_limit();
  std::optional<runtime> made;
  (void)fails_cleanly([&] { made.emplace(runtime::options{.concurrency = 2}); },
                      [&] { ASSERT_EQ(tbb_limit(), before); });
  EXPECT_EQ(tbb_limit(), before + 2);
  made.reset();
  EXPECT_EQ(tbb_limit(), before);
}

TEST(runtime_without_memory, can_be_destroyed) {
  const runtime other{{.concurrency = 1}};
  std::optional<runtime> rt;
  rt.emplace(runtime::options{.concurrency = 1});
  const failing_allocation failing(1, convoy::test::whose::this_thread,
                                   failing_allocation::for_ever);
  rt.reset();
}

TEST(processor_without_memory, can_be_destroyed) {
  runtime rt{{.concurrency = 1}};
  int handled = 0;
  std::optional<processor<int, int>> p;
  p.emplace(rt, [&](int& m) { handled += m; });
  ASSERT_EQ(p->submit(1, 2), submit_status::accepted);
  {
    const failing_allocation failing(1, convoy::test::whose::this_thread,
                                     failing_allocation::for_ever);
    p.reset();
  }
  EXPECT_EQ(handled, 2);
}

TEST(processor_without_memory, is_not_made) {
  runtime rt{{.concurrency = 2}};
  expect_clean_failures<processor<int, int>>([&](auto& made) { made.emplace(rt, [](int&) {}); });
}

TEST(processor_without_memory, with_limits_is_not_made) {
  runtime rt{{.concurrency = 2}};
  using limited = processor<std::string, message_with_id>;
  expect_clean_failures<limited>([&](auto& made) {
    made.emplace(
        rt, [](message_with_id&) {},
        limited::options{
            .key_capacity = 3, .rate = {.per_second = 10}, .duplicates = convoy::duplicates{}});
  });
}

TEST(processor_without_memory, whose_failures_count_is_not_made) {
  runtime rt{{.concurrency = 2}};
  const std::string large(100, 'x'); // callbacks allocate, too
  using careful = processor<int, message_with_id>;
  expect_clean_failures<careful>([&](auto& made) {
    made.emplace(
        rt, [](message_with_id&) { return outcome::done; },
        careful::options{.failure = convoy::failure_policy{},
                         .dead_letters = [large](careful::dead_letter&) {},
                         .exceptions = {convoy::on_exception<std::bad_alloc>({.attempts = 2})},
                         .watchdog = {.threshold = 1h,
                                      .report = [large](const convoy::stuck_handler<int>&) {}}});
  });
}

TEST(processor_without_memory, with_state_is_not_made) {
  runtime rt{{.concurrency = 2}};
  using stateful = processor<int, int, std::string>;
  expect_clean_failures<stateful>([&](auto& made) {
    made.emplace(
        rt, [](int&, std::string&) {}, stateful::options{.state = {.idle = 1h}});
  });
}

TEST(processor_without_memory, leaves_the_others_of_its_runtime_alone) {
  runtime rt{{.concurrency = 2}};
  int handled = 0;
  processor<int, int> other{rt, [&](int& m) { handled += m; }};
  int submitted = 0;
  std::optional<processor<int, int>> made;
  (void)fails_cleanly([&] { made.emplace(rt, [](int&) {}); },
                      [&] {
                        ASSERT_EQ(other.submit(1, 1), submit_status::accepted);
                        ++submitted;
                      });
  other.drain();
  EXPECT_EQ(handled, submitted);
  EXPECT_GE(submitted, 5);
}

TEST(keyed_executor_without_memory, is_not_made) {
  runtime rt{{.concurrency = 2}};
  expect_clean_failures<convoy::keyed_executor<std::string>>([&](auto& made) { made.emplace(rt); });
}

} // namespace
