#include "source/source.hpp"

#include <functional>
#include <gmock/gmock.h>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

// Dead letters: to a user's sink, to a broker, to nowhere.

namespace {

using namespace source_test;
using namespace std::chrono_literals;
using testing::ElementsAre;

/// Content 13 fails, all others are handled.
outcome fails(record& what) {
  return what.content() == 13 ? outcome::skip.because("thirteen") : outcome::done;
}

TEST(source_letters, go_to_the_users_sink) {
  contents dead;
  source<> its(fails, {.dead_letters = sink(
                           [&](letter& one) {
                             EXPECT_EQ(one.reason, "thirteen");
                             EXPECT_EQ(one.why, convoy::death::failed);
                             dead.add(one.message.content());
                           },
                           nullptr)});
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  its.deliver(home, 1, "a");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_THAT(dead.all(), ElementsAre(13));
  EXPECT_EQ(home.so_far(), (progress{2, {}}));
  const auto account = its.account();
  EXPECT_EQ(account.dead_letters, 1u);
  EXPECT_TRUE(balanced(account));
}

/// A sink that refuses is asked again; meanwhile its key waits, and the letter is not finished.
TEST(source_letters, wait_for_a_sink_that_refuses) {
  std::atomic<int> asked{0};
  source<> its(fails, {.dead_letters = sink(
                           [&](letter&) {
                             if (asked.fetch_add(1) < 2)
                               throw convoy::dead_letter_refused("not now");
                           },
                           nullptr)});
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  its.deliver(home, 1, "a");
  ASSERT_TRUE(eventually([&] { return asked.load() == 1; }));
  EXPECT_EQ(its.account().handled + its.account().dead_letters, 0u);
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(asked.load(), 3);
  EXPECT_EQ(home.so_far(), (progress{2, {}}));
}

/// A sink that throws anything else has not kept it: it is asked again too, and what it throws is told
/// of once for each letter. Else the position would stand still.
TEST(source_letters, wait_for_a_sink_that_throws) {
  std::atomic<int> asked{0}, told{0};
  source<> its(fails, {.on_error =
                           [&](const std::string& key, const std::exception_ptr& error) {
                             EXPECT_EQ(key, "a");
                             EXPECT_THROW(std::rethrow_exception(error), std::runtime_error);
                             ++told;
                           },
                       .dead_letters = sink(
                           [&](letter&) {
                             if (asked.fetch_add(1) < 2)
                               throw std::runtime_error("no disk");
                           },
                           nullptr)});
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  its.deliver(home, 1, "a");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(asked.load(), 3);
  EXPECT_EQ(told.load(), 1);
  EXPECT_EQ(home.so_far(), (progress{2, {}}));
  EXPECT_EQ(its.account().dead_letters, 1u);
}

/// Without on_error it is told on stderr.
TEST(source_letters, tell_what_their_sink_throws) {
  std::atomic<int> asked{0};
  source<> its(fails, {.dead_letters = sink(
                           [&](letter&) {
                             if (asked.fetch_add(1) == 0)
                               throw std::runtime_error("no disk");
                           },
                           nullptr)});
  testing::internal::CaptureStderr();
  its.deliver(its.open(), 0, "a", 13);
  EXPECT_TRUE(eventually([&] { return its.account().dead_letters == 1; }));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("no disk; it is offered that dead letter again"));
}

/// One that moves it away is not asked again, and whoever has it finishes it.
TEST(source_letters, may_be_moved_away_by_the_sink) {
  std::vector<record> away;
  std::atomic<int> moved{0};
  source<> its(fails, {.dead_letters = sink(
                           [&](letter& one) {
                             away.push_back(std::move(one.message));
                             ++moved;
                           },
                           nullptr)});
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  its.deliver(home, 1, "a");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(moved.load(), 1);
  EXPECT_EQ(home.so_far(), (progress{0, {{1, 2}}}));
  away[0].done();
  away.clear();
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_EQ(home.so_far(), (progress{2, {}}));
}

/// Redriven: its handler finishes it.
TEST(source_letters, can_be_redriven) {
  std::vector<record> away;
  std::atomic<int> moved{0};
  std::atomic<bool> works{false};
  contents seen;
  source<> its(
      [&](record& what) -> outcome {
        if (!works)
          return outcome::skip;
        seen.add(what.content());
        return outcome::done;
      },
      {.dead_letters = sink(
           [&](letter& one) {
             away.push_back(std::move(one.message));
             ++moved;
           },
           nullptr)});
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  ASSERT_TRUE(eventually([&] { return moved.load() == 1; }));
  works = true;
  EXPECT_TRUE(its.processor().resubmit("a", away).accepted == 1);
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_THAT(seen.all(), ElementsAre(13));
  EXPECT_EQ(home.so_far(), (progress{1, {}}));
}

// ---- to a broker ----

/// Takes some, refuses some, and has those that it took until it is told that they have arrived.
class box final : public letter_box {
public:
  std::atomic<int> refusals{0}, asked{0};

  void send(letter& one) override {
    ++asked;
    if (refusals.load() > 0) {
      --refusals;
      throw convoy::dead_letter_refused("the queue is full");
    }
    const std::lock_guard lock(lock_);
    sent_.push_back(std::move(one.message));
  }
  [[nodiscard]] std::size_t on_their_way() {
    const std::lock_guard lock(lock_);
    return sent_.size();
  }
  void arrive() {
    const std::lock_guard lock(lock_);
    for (auto& each : sent_) {
      auto* const its = access::of(each);
      its->finished = its->is_dead = true;
    }
    sent_.clear();
  }

private:
  std::mutex lock_;
  std::vector<record> sent_;
};

TEST(source_letters, are_finished_when_the_broker_has_them) {
  box to;
  to.refusals = 2;
  source<> its(fails, {.dead_letters = sink({}, &to)});
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  its.deliver(home, 1, "a");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(to.asked.load(), 3);
  EXPECT_EQ(home.so_far(), (progress{0, {{1, 2}}})) << "it has not arrived";
  to.arrive();
  ASSERT_TRUE(eventually([&] { return its.account().dead_letters == 1; }));
  EXPECT_EQ(home.so_far(), (progress{2, {}}));
  EXPECT_TRUE(balanced(its.account()));
}

TEST(source_letters, arrive_after_all_is_over) {
  box to;
  source<> its(fails, {.dead_letters = sink({}, &to)});
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  ASSERT_TRUE(eventually([&] { return to.on_their_way() == 1; }));
  its.books().retire(home);
  ASSERT_TRUE(its.quiet());
  EXPECT_EQ(home.so_far(), (progress{0, {}}));
  its.books().forget(home);
  EXPECT_EQ(flying::alive.load(), 1);
  to.arrive();
  EXPECT_TRUE(its.eventually_dropped());
  EXPECT_EQ(its.account().given_back, 1u);
}

/// The partition goes while a record fails: the letter is not sent, as it is read again.
TEST(source_letters, are_not_sent_for_a_partition_that_has_gone) {
  box to;
  gate held;
  source<> its(
      [&](record&) {
        held.pass();
        return outcome::skip;
      },
      {.dead_letters = sink({}, &to)});
  auto& home = its.open();
  its.deliver(home, 0, "a");
  held.await_visitors();
  its.books().retire(home);
  held.open();
  ASSERT_TRUE(its.quiet());
  EXPECT_EQ(home.so_far(), (progress{0, {}}));
  its.books().forget(home);
  EXPECT_TRUE(its.eventually_dropped());
  EXPECT_EQ(to.asked.load(), 0);
  EXPECT_EQ(its.processor().account().dead_letters, 0u) << "it is none";
  EXPECT_EQ(its.processor().account().discarded, 1u);
}

// ---- to nowhere ----

/// In whatever way it fails: its key stops, others go on, and after resume() it is handled.
void expect_parked(const std::function<outcome(record&)>& fails_how,
                   convoy::failure_policy* policy) {
  std::atomic<bool> works{false};
  contents seen;
  source<>::options wanted{.dead_letters = sink({}, nullptr)};
  if (policy != nullptr)
    wanted.failure = *policy;
  source<> its(
      [&](record& what) -> outcome {
        if (what.content() == 13 && !works)
          return fails_how(what);
        seen.add(what.content());
        return outcome::done;
      },
      std::move(wanted), usual(), true);
  auto& home = its.open();
  its.deliver(home, 0, "a", 13);
  its.deliver(home, 1, "a");
  its.deliver(home, 2, "b");
  ASSERT_TRUE(its.eventually_handled(1));
  ASSERT_TRUE(eventually([&] { return its.processor().parked() == 1; }));
  EXPECT_THAT(seen.all(), ElementsAre(2));
  EXPECT_EQ(home.so_far(), (progress{0, {{2, 3}}}));
  works = true;
  its.processor().resume("a");
  ASSERT_TRUE(its.eventually_handled(3));
  EXPECT_THAT(seen.all(), ElementsAre(2, 13, 1));
  EXPECT_EQ(home.so_far(), (progress{3, {}}));
  EXPECT_EQ(its.account().dead_letters, 0u);
}

TEST(source_letters, with_nowhere_to_go_park_their_key) {
  convoy::failure_policy twice{.attempts = 2, .backoff = 1ms};
  expect_parked([](record&) { return outcome::skip.because("why"); }, nullptr);
  expect_parked([](record&) { return outcome::fail_rest; }, nullptr);
  expect_parked([](record&) { return outcome::retry; }, &twice);
  expect_parked([](record&) -> outcome { throw std::runtime_error("thrown"); }, &twice);
}

/// Without a policy what is thrown is not tried again.
TEST(source_letters, with_nowhere_to_go_park_after_one_attempt) {
  std::atomic<int> calls{0};
  expect_parked(
      [&](record&) -> outcome {
        ++calls;
        throw std::runtime_error("thrown");
      },
      nullptr);
  EXPECT_EQ(calls.load(), 1);
}

TEST(source_letters, that_were_purged_are_finished) {
  contents seen;
  source<> its([&](record& what) { seen.add(what.content()); },
               {.dead_letters = sink({}, nullptr)});
  auto& home = its.open();
  its.processor().pause("a");
  its.deliver(home, 0, "a");
  its.deliver(home, 1, "a");
  its.processor().purge("a");
  ASSERT_TRUE(eventually([&] { return its.account().dead_letters == 2; }));
  EXPECT_EQ(seen.size(), 0u);
  EXPECT_EQ(home.so_far(), (progress{2, {}}));
  its.processor().resume("a");
}

} // namespace
