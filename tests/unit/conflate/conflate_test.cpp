#include "conflate/conflated.hpp"
#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <exception>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// What conflation merges and what not, one thing at a time.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::outcome;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;
using testing::IsEmpty;

using conflated::is_another;
using conflated::let_arrive;
using conflated::merge;
using conflated::must_submit;
using conflated::numbers;
using conflated::with;

/// Notes what is handled of all keys but the one of let_arrive(); message 0 waits at a gate.
class conflating : public testing::Test {
protected:
  numbers& make(numbers::options wanted = {}, unsigned workers = 2) {
    wanted.partitions = 1;
    if (!wanted.conflate)
      wanted.conflate = merge;
    rt_.emplace(runtime::options{.concurrency = workers});
    return p_.emplace(*rt_, [this](const int&, int& m) { return handle(m); }, std::move(wanted));
  }
  /// Message 0 of a key runs until it is let go.
  void hold(int key) {
    must_submit(*p_, key, 0);
    held_.await_visitors();
  }
  void end() {
    held_.open();
    p_->drain();
  }
  void expect_account(std::uint64_t completed, std::uint64_t dead, std::uint64_t conflated) {
    const auto is = p_->account();
    EXPECT_EQ(is.completed - others_, completed);
    EXPECT_EQ(is.dead_letters, dead);
    EXPECT_EQ(is.conflated, conflated);
    EXPECT_TRUE(is.balanced());
  }

  gate held_;
  std::vector<int> handled_; // without the gate's
  std::function<outcome(int m)> then_ = [](int) { return outcome::done; };
  std::atomic<std::uint64_t> others_{0};
  std::optional<runtime> rt_;
  std::optional<numbers> p_;

private:
  outcome handle(int m) {
    if (is_another(m)) {
      ++others_;
      return outcome::done;
    }
    if (m == 0)
      held_.pass();
    handled_.push_back(m);
    return then_(m);
  }
};

TEST_F(conflating, what_comes_while_a_message_runs_becomes_one) {
  auto& p = make();
  hold(1);
  must_submit(p, 1, 1, 100);
  end();
  EXPECT_THAT(handled_, ElementsAre(0, with(1, 99)));
  expect_account(2, 0, 99);
}

TEST_F(conflating, one_worker_is_enough) {
  auto& p = make({}, 1);
  hold(1);
  must_submit(p, 1, 1, 1'000);
  end();
  EXPECT_THAT(handled_, ElementsAre(0, with(1, 999)));
}

TEST_F(conflating, other_keys_are_not_touched) {
  auto& p = make({}, 1); // who notes what all keys have
  hold(1);
  for (int m = 1; m <= 50; ++m)
    for (int key = 1; key <= 50; ++key)
      must_submit(p, key, key == 1 ? m : 500 + key * m);
  held_.open();
  p.drain();
  EXPECT_THAT(handled_, testing::Contains(with(1, 49)));
  std::uint64_t merged = 0;
  for (const int m : handled_)
    merged += static_cast<std::uint64_t>(conflated::merged_in(m));
  EXPECT_EQ(merged + handled_.size(), 1 + 50u * 50u);
  expect_account(handled_.size(), 0, merged);
}

TEST_F(conflating, the_one_that_is_tried_again_takes_in_nothing) {
  auto& p = make({.failure = convoy::failure_policy{.attempts = 2, .backoff = 1h, .ceiling = 1h, .max_block = 2h}});
  std::atomic<int> calls{0};
  then_ = [&](int m) { return m == 1 && calls++ == 0 ? outcome::retry : outcome::done; };
  must_submit(p, 1, 1);
  ASSERT_TRUE(eventually([&] { return calls == 1; }));
  must_submit(p, 1, 2, 20);
  let_arrive(p);
  p.try_now(1);
  end();
  EXPECT_THAT(handled_, ElementsAre(1, 1, with(2, 18)));
  expect_account(2, 0, 18);
}

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

TEST_F(conflating, a_dead_letter_is_the_merged_one) {
  std::vector<int> letters;
  auto& p = make({.dead_letters = [&](numbers::dead_letter& letter) {
    letters.push_back(letter.message);
  }});
  then_ = [](int m) { return m == 0 ? outcome::done : outcome::skip; };
  hold(1);
  must_submit(p, 1, 1, 10);
  end();
  EXPECT_THAT(letters, ElementsAre(with(1, 9)));
  expect_account(1, 1, 9);
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
  auto& p = make({.dead_letters = [&](numbers::dead_letter& letter) {
    letters.push_back(letter.message);
  }});
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

TEST_F(conflating, gives_the_room_back_at_once) {
  auto& p = make({.capacity = 4}, 1);
  conflated::stop(p, 1);
  for (int m = 1; m <= 1'000; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted); // waits for room that comes soon
  let_arrive(p);
  EXPECT_TRUE(eventually([&] { return p.account().unfinished() == 1; }));
  p.resume(1);
  end();
  EXPECT_THAT(handled_, ElementsAre(with(1, 999)));
}

TEST_F(conflating, finds_room_from_a_key_capacity_of_three_on) {
  auto& p = make({.key_capacity = 3});
  hold(1);
  for (int m = 1; m <= 1'000; ++m)
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  end();
  EXPECT_THAT(handled_, ElementsAre(0, with(1, 999)));
}

TEST_F(conflating, with_a_key_capacity_of_two_nothing_is_merged_behind_a_running_one) {
  auto& p = make({.key_capacity = 2});
  hold(1);
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  let_arrive(p);
  EXPECT_EQ(p.try_submit(1, 2), submit_status::key_full);
  end();
  EXPECT_THAT(handled_, ElementsAre(0, 1));
}

// ---- conflate throws ----

TEST_F(conflating, what_conflate_throws_for_waits_by_itself) {
  std::vector<std::string> errors;
  auto& p = make({.on_error =
                      [&](const int& key, const std::exception_ptr& error) {
                        EXPECT_EQ(key, 1);
                        try {
                          std::rethrow_exception(error);
                        } catch (const std::exception& e) {
                          errors.emplace_back(e.what());
                        }
                      },
                  .conflate =
                      [](int& waiting, int& next) {
                        if (next % 10 == 0)
                          throw std::runtime_error(std::to_string(next));
                        merge(waiting, next);
                      }});
  hold(1);
  must_submit(p, 1, 1, 25);
  end();
  EXPECT_THAT(handled_, ElementsAre(0, with(1, 8), with(10, 9), with(20, 5)));
  EXPECT_THAT(errors, ElementsAre("10", "20"));
  expect_account(4, 0, 22);
}

TEST_F(conflating, that_always_throws_keeps_order_and_loses_nothing) {
  std::atomic<int> errors{0};
  auto& p = make({.on_error = [&](const int&, const std::exception_ptr&) { ++errors; },
                  .conflate = [](int&, int&) { throw 1; }});
  hold(1);
  must_submit(p, 1, 1, 500);
  end();
  ASSERT_EQ(handled_.size(), 501u);
  EXPECT_TRUE(std::is_sorted(handled_.begin(), handled_.end()));
  EXPECT_EQ(errors, 499);
  expect_account(501, 0, 0);
}

TEST_F(conflating, may_submit) {
  std::atomic<int> refused{0};
  auto& p = make({.conflate = [this, &refused](int& waiting, int& next) {
    merge(waiting, next);
    refused += p_->submit(2, 500) != submit_status::accepted;
  }});
  hold(1);
  must_submit(p, 1, 1, 3);
  end();
  p.drain(); // what it has submitted
  EXPECT_EQ(refused, 0);
  EXPECT_THAT(handled_, testing::Contains(with(1, 2)));
  const auto account = p.shutdown(patience);
  EXPECT_TRUE(account.balanced());
  EXPECT_EQ(account.accepted, 4u + account.conflated);
}

} // namespace
