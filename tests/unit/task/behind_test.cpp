#include "task/desk.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

// What waits behind a handler that awaits something.

namespace {

using convoy::submit_status;
using convoy::task;
using testing::ElementsAre;

class behind_a_suspended : public testing::Test {
protected:
  convoy::runtime rt{{.concurrency = 2}};
  desk waiting;
  std::vector<int> seen; // of one key
};

/// Which a worker has been handed with it, all of them.
TEST_F(behind_a_suspended, message_a_pause_stops_what_was_handed_out_with_it) {
  numbers_that_wait p{rt, [&](auto&, int& m) -> task {
                        seen.push_back(m);
                        (void)co_await wait_at(waiting);
                      }};
  p.pause(1);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(p.submit(1, int{i}), submit_status::accepted);
  p.resume(1);
  auto first = waiting.await_one();
  ASSERT_TRUE(is_suspended(p, 1));
  std::atomic<bool> told = false;
  p.pause(1, [&] { told = true; });
  first(0);
  ASSERT_TRUE(eventually([&] {
    if (waiting.size() != 0) // the second one had begun before the pause was seen
      waiting.await_one()(0);
    return told.load();
  }));
  EXPECT_EQ(p.explain(1).state, convoy::key_state::paused);
  EXPECT_LE(seen.size(), 2u);
  const auto handled = seen.size();
  p.purge(1);
  p.resume(1);
  p.drain();
  EXPECT_EQ(seen.size(), handled);
  EXPECT_EQ(p.dead_letters(), 10 - handled);
}

TEST_F(behind_a_suspended, message_others_are_conflated) {
  numbers_that_wait p{rt,
                      [&](auto&, int& m) -> task {
                        (void)co_await wait_at(waiting);
                        (void)co_await wait_at(waiting); // it is handed out more than once
                        seen.push_back(m);
                      },
                      {.conflate = [](int& behind, int& next) { behind += next; }}};
  EXPECT_EQ(p.submit(1, 1), submit_status::accepted);
  auto first = waiting.await_one();
  ASSERT_TRUE(is_suspended(p, 1));
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.account().conflated == 49; }));
  first(0);
  first = waiting.await_one();
  ASSERT_TRUE(is_suspended(p, 1));
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(p.submit(1, 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.account().conflated == 99; }));
  EXPECT_EQ(p.explain(1).depth, 2);
  first(0);
  waiting.await_one()(0);
  waiting.await_one()(0);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(1, 100));
  EXPECT_TRUE(p.account().balanced());
}

} // namespace
