#include "conflate/conflated.hpp"
#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// What conflation merges and what not, one thing at a time.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using testing::ElementsAre;

using conflated::conflating;
using conflated::let_arrive;
using conflated::merge;
using conflated::must_submit;
using conflated::numbers;
using conflated::with;

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
  auto& p = make({.failure = convoy::failure_policy{
                      .attempts = 2, .backoff = 1h, .ceiling = 1h, .max_block = 2h}});
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

TEST_F(conflating, a_dead_letter_is_the_merged_one) {
  std::vector<int> letters;
  auto& p = make(
      {.dead_letters = [&](numbers::dead_letter& letter) { letters.push_back(letter.message); }});
  then_ = [](int m) { return m == 0 ? outcome::done : outcome::skip; };
  hold(1);
  must_submit(p, 1, 1, 10);
  end();
  EXPECT_THAT(letters, ElementsAre(with(1, 9)));
  expect_account(1, 1, 9);
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
  const auto submitting = [&](int& waiting, int& next) {
    merge(waiting, next);
    if (conflated::number_of(waiting) == 1) // else it would go on for ever
      refused += p_->submit(2, 500) != submit_status::accepted;
  };
  auto& p = make({.conflate = submitting}, 1); // who notes what both keys have
  hold(1);
  must_submit(p, 1, 1, 3);
  end();
  p.drain(); // what it has submitted
  EXPECT_EQ(refused, 0);
  EXPECT_THAT(handled_, testing::Contains(with(1, 2)));
  const auto account = p.shutdown(patience);
  EXPECT_TRUE(account.balanced());
  EXPECT_EQ(account.accepted, 6u);
}

// ---- what else a message or a processor has ----

using dated = convoy::envelope<int, int>;
using dated_numbers = convoy::processor<int, dated>;

/// The one that is held, then those that are given, behind it.
std::vector<int> handled_of(std::vector<dated> given, dated_numbers::options wanted,
                            std::vector<submit_status> expected) {
  convoy::runtime rt{{.concurrency = 2}};
  gate held;
  std::vector<int> handled;
  wanted.partitions = 1;
  dated_numbers p{rt,
                  [&](const int&, dated& m) {
                    if (m.message == 0)
                      held.pass();
                    handled.push_back(m.message);
                  },
                  std::move(wanted)};
  EXPECT_EQ(p.submit(1, dated{0}), submit_status::accepted);
  held.await_visitors();
  for (std::size_t i = 0; i < given.size(); ++i)
    EXPECT_EQ(p.submit(1, given[i]), expected[i]) << i;
  held.open();
  EXPECT_TRUE(p.shutdown(patience).balanced());
  return handled;
}
void merge_dated(dated& waiting, dated& next) {
  merge(waiting.message, next.message);
}

TEST_F(conflating, what_has_expired_takes_in_nothing) {
  const auto now = std::chrono::steady_clock::now();
  constexpr auto yes = submit_status::accepted;
  std::vector<int> dead;
  const auto handled =
      handled_of({{1, now - 1h}, {2, now + 1h}, {3, now - 1h}, {4, now + 1h}},
                 {.dead_letters = [&](auto& letter) { dead.push_back(letter.message.message); },
                  .conflate = merge_dated},
                 {yes, yes, yes, yes});
  EXPECT_THAT(dead, ElementsAre(1));
  EXPECT_THAT(handled, ElementsAre(0, with(2, 2))); // 3 counts as what conflate makes of it
}

TEST_F(conflating, the_id_of_a_merged_message_counts_as_seen) {
  constexpr auto never = std::chrono::steady_clock::time_point::max();
  constexpr auto yes = submit_status::accepted;
  const auto handled =
      handled_of({{1, never, 11}, {2, never, 12}, {3, never, 12}, {4, never, 11}, {5, never, 13}},
                 {.duplicates = convoy::duplicates{}, .conflate = merge_dated},
                 {yes, yes, submit_status::duplicate, submit_status::duplicate, yes});
  EXPECT_THAT(handled, ElementsAre(0, with(1, 2)));
}

TEST_F(conflating, a_snapshot_tells_how_many_were_merged) {
  auto& p = make({.insight = {.top = 3, .window = 1ms}});
  hold(1);
  must_submit(p, 1, 1, 100);
  end();
  const auto is = p.snapshot();
  EXPECT_EQ(is.accepted, 101u);
  EXPECT_EQ(is.finished, 101u);
  EXPECT_EQ(is.conflated, 99u);
  EXPECT_EQ(is.backlog, 0u);
}

TEST_F(conflating, observers_are_told_of_what_is_left) {
  std::atomic<int> started{0}, finished{0};
  auto& p = make({.observe = {.started = [&](const int&, const int&) { ++started; },
                              .finished = [&](const int&, const int&) { ++finished; }}});
  hold(1);
  must_submit(p, 1, 1, 100);
  end();
  EXPECT_EQ(started, 2);
  EXPECT_EQ(finished, 2);
}

/// Whoever shuts down asks for no time: what is still in the ring is merged, or buried on its own.
TEST_F(conflating, shutdown_buries_what_is_left_and_the_account_comes_out_even) {
  std::atomic<std::uint64_t> letters{0}, merged{0};
  auto& p = make({.dead_letters = [&](numbers::dead_letter& letter) {
    ++letters;
    merged += static_cast<std::uint64_t>(conflated::merged_in(letter.message));
  }});
  conflated::stop(p, 1);
  must_submit(p, 1, 1, 100);
  let_arrive(p);
  for (int key = 2; key < 50; ++key)
    must_submit(p, key, key, key + 10);
  must_submit(p, 1, 101, 200);
  const auto is = p.shutdown(0ns);
  EXPECT_TRUE(is.balanced());
  EXPECT_EQ(is.dead_letters, letters);
  EXPECT_GE(is.conflated, 99u);
  EXPECT_GE(merged, 99u);
}

TEST_F(conflating, the_destructor_handles_what_is_left) {
  auto& p = make();
  hold(1);
  must_submit(p, 1, 1, 100);
  held_.open();
  p_.reset();
  EXPECT_THAT(handled_, ElementsAre(0, with(1, 99)));
}

} // namespace
