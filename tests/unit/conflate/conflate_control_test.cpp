#include "conflate/conflated.hpp"
#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

// Conflation and the control of keys: what is paused, parked, purged, put before others, scheduled or doomed.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::outcome;
using convoy::submit_status;
using testing::ElementsAre;

using conflated::conflating;
using conflated::let_arrive;
using conflated::must_submit;
using conflated::numbers;
using conflated::with;

TEST_F(conflating, behind_a_parked_one_a_single_message_waits) {
  auto& p = make({.key_capacity = 4});
  then_ = [calls = 0](int m) mutable {
    return m == 1 && ++calls == 1 ? outcome::park : outcome::done;
  };
  must_submit(p, 1, 1);
  ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  for (int m = 2; m <= 101; ++m) { // more than the key may have
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
    let_arrive(p);
  }
  EXPECT_TRUE(eventually([&] { return p.account().unfinished() == 2; }));
  EXPECT_THAT(handled_, ElementsAre(1));
  p.resume(1);
  end();
  EXPECT_THAT(handled_, ElementsAre(1, 1, with(2, 99)));
  expect_account(2, 0, 99);
}

TEST_F(conflating, of_a_paused_key_a_single_message_waits) {
  auto& p = make();
  conflated::stop(p, 1);
  must_submit(p, 1, 1, 100);
  let_arrive(p);
  EXPECT_TRUE(eventually([&] { return p.account().unfinished() == 1; }));
  p.resume(1);
  end();
  EXPECT_THAT(handled_, ElementsAre(with(1, 99)));
}

/// It came later than the purge, so it must not die with what was purged.
TEST_F(conflating, what_was_purged_takes_in_nothing) {
  std::vector<int> letters;
  auto& p = make({.dead_letters = [&](numbers::dead_letter& letter) {
    EXPECT_EQ(letter.why, death::purged);
    letters.push_back(letter.message);
  }});
  hold(1);
  must_submit(p, 1, 1, 10);
  p.purge(1);
  must_submit(p, 1, 11, 20);
  p.purge(1, [] {});
  must_submit(p, 1, 21, 30);
  let_arrive(p);
  must_submit(p, 1, 31, 40);
  end();
  EXPECT_THAT(letters, ElementsAre(with(1, 9), with(11, 9)));
  EXPECT_THAT(handled_, ElementsAre(0, with(21, 19)));
  expect_account(2, 2, 37);
}

/// The sink refuses what was purged, so that it stays the first of its key for a while.
TEST_F(conflating, behind_a_letter_that_its_sink_refuses_a_single_message_waits) {
  std::vector<int> letters;
  std::atomic<int> refusals{3};
  auto& p = make({.dead_letters = [&](numbers::dead_letter& letter) {
    if (refusals-- > 0)
      throw convoy::dead_letter_refused("not yet");
    letters.push_back(letter.message);
  }});
  conflated::stop(p, 1);
  must_submit(p, 1, 1, 10);
  p.purge(1);
  must_submit(p, 1, 11, 20);
  ASSERT_TRUE(eventually([&] { return refusals < 2; }));
  must_submit(p, 1, 21, 30);
  ASSERT_TRUE(eventually([&] { return p.dead_letters() == 1; }));
  p.resume(1);
  end();
  EXPECT_THAT(letters, ElementsAre(with(1, 9)));
  EXPECT_THAT(handled_, ElementsAre(with(11, 19)));
  expect_account(1, 1, 28);
}

TEST_F(conflating, what_is_put_before_others_stays_as_it_is) {
  auto& p = make();
  conflated::stop(p, 1);
  must_submit(p, 1, 1, 10);
  std::vector<int> before{101, 102, 103};
  ASSERT_EQ(p.resubmit(1, before, convoy::place::before).accepted, 3u);
  must_submit(p, 1, 11, 20);
  p.resume(1);
  end();
  EXPECT_THAT(handled_, ElementsAre(101, 102, 103, with(1, 19)));
  expect_account(4, 0, 19);
}

TEST_F(conflating, what_is_put_before_nothing_takes_in_nothing) {
  auto& p = make();
  conflated::stop(p, 1);
  std::vector<int> before{101, 102};
  ASSERT_EQ(p.resubmit(1, before, convoy::place::before).accepted, 2u);
  must_submit(p, 1, 1, 10);
  p.resume(1);
  end();
  EXPECT_THAT(handled_, ElementsAre(101, 102, with(1, 9)));
}

TEST_F(conflating, what_is_put_before_a_running_one_waits_for_that) {
  auto& p = make();
  hold(1);
  must_submit(p, 1, 1, 10);
  std::vector<int> before{101, 102};
  ASSERT_EQ(p.resubmit(1, before, convoy::place::before).accepted, 2u);
  must_submit(p, 1, 11, 20);
  let_arrive(p);
  end();
  EXPECT_THAT(handled_, ElementsAre(0, 101, 102, with(1, 19)));
}

TEST_F(conflating, what_is_put_behind_is_a_message_like_others) {
  auto& p = make();
  hold(1);
  must_submit(p, 1, 1);
  std::vector<int> behind{101, 102};
  ASSERT_EQ(p.resubmit(1, behind, convoy::place::behind).accepted, 2u);
  end();
  EXPECT_THAT(handled_, ElementsAre(0, with(1, 2)));
}

TEST_F(conflating, fail_rest_takes_what_was_merged) {
  std::vector<int> letters;
  auto& p = make(
      {.dead_letters = [&](numbers::dead_letter& letter) { letters.push_back(letter.message); }});
  then_ = [](int m) { return m == 0 ? outcome::fail_rest : outcome::done; };
  hold(1);
  must_submit(p, 1, 1, 10);
  end();
  EXPECT_THAT(letters, ElementsAre(0, with(1, 9)));
  must_submit(p, 1, 11);
  p.drain();
  EXPECT_THAT(handled_, ElementsAre(0, 11));
  expect_account(1, 2, 9);
}

TEST_F(conflating, scheduled_messages_are_merged_when_they_are_due) {
  auto& p = make();
  conflated::stop(p, 1);
  must_submit(p, 1, 1);
  for (int m = 2; m <= 11; ++m)
    ASSERT_EQ(p.submit_after(1, 1ms, m).status(), submit_status::accepted);
  EXPECT_TRUE(p.submit_after(1, 1h, 12).cancel());
  ASSERT_TRUE(eventually([&] { return p.account().conflated == 10; }));
  EXPECT_EQ(p.scheduled_messages(), 0u);
  p.resume(1);
  end();
  EXPECT_THAT(handled_, ElementsAre(with(1, 10)));
  EXPECT_EQ(p.account().discarded, 1u);
  EXPECT_TRUE(p.account().balanced());
}

TEST_F(conflating, a_fence_and_a_drain_wait_for_what_was_merged) {
  auto& p = make();
  hold(1);
  must_submit(p, 1, 1, 10);
  std::promise<std::vector<int>> at_fence;
  p.fence(1, [&] { at_fence.set_value(handled_); });
  must_submit(p, 1, 11, 20);
  auto draining = std::async(std::launch::async, [&] {
    p.drain(1);
    return handled_;
  });
  EXPECT_EQ(draining.wait_for(2ms), std::future_status::timeout);
  held_.open();
  EXPECT_THAT(at_fence.get_future().get(), ElementsAre(0, with(1, 19)));
  EXPECT_THAT(draining.get(), ElementsAre(0, with(1, 19)));
}

} // namespace
