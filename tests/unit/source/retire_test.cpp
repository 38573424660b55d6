#include "source/source.hpp"

#include <array>
#include <gmock/gmock.h>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

// A partition goes, while its records are somewhere.

namespace {

using namespace source_test;
using namespace std::chrono_literals;
using testing::ElementsAre;

/// It goes: nothing begins from now on, and what runs is waited for.
progress take(source<>& from, assignment& home, std::chrono::nanoseconds within = patience) {
  from.books().retire(home);
  EXPECT_TRUE(from.quiet(within));
  const auto result = home.so_far();
  from.books().forget(home);
  return result;
}

TEST(source_retire, waits_for_a_handler_that_runs) {
  gate held;
  contents seen;
  source<> its([&](record& what) {
    held.pass();
    seen.add(what.content());
  });
  auto& home = its.open();
  its.deliver(home, 0, "a");
  its.deliver(home, 1, "a");
  held.await_visitors();
  its.books().retire(home);
  EXPECT_FALSE(its.quiet(20ms));
  EXPECT_EQ(home.so_far(), (progress{0, {}}));
  held.open();
  EXPECT_EQ(take(its, home), (progress{1, {}})) << "the second one has not begun";
  EXPECT_TRUE(its.eventually_dropped());
  EXPECT_THAT(seen.all(), ElementsAre(0));
  const auto account = its.account();
  EXPECT_EQ(account.read, 2u);
  EXPECT_EQ(account.handled, 1u);
  EXPECT_EQ(account.given_back, 1u);
}

/// Between the end of its handler and of its record: quiet is when it is finished, else it would be
/// handled again.
TEST(source_retire, waits_for_what_was_handled_and_is_not_released) {
  gate held;
  source<> its([](record&) {},
               {.observe = {.finished = [&](const std::string&, const record& what) {
                  EXPECT_EQ(what.content(), 0);
                  held.pass();
                }}});
  auto& home = its.open();
  its.deliver(home, 0, "a");
  held.await_visitors();
  its.books().retire(home);
  EXPECT_FALSE(its.quiet(20ms));
  held.open();
  EXPECT_EQ(take(its, home), (progress{1, {}}));
  EXPECT_EQ(its.account().handled, 1u);
}

/// As well for spans, all of their records.
TEST(source_retire, waits_for_all_of_a_span) {
  gate held;
  std::atomic<int> finished{0};
  source<> its([](const std::string&, std::span<record>) {},
               {.observe = {.finished = [&](const std::string&, const record&) {
                  if (finished.fetch_add(1) == 0)
                    held.pass();
                }}});
  auto& home = its.open();
  gate still;
  its.processor().pause("a", [&] { still.open(); });
  still.pass();
  for (std::uint64_t i = 0; i < 20; ++i)
    its.deliver(home, i, "a");
  its.processor().resume("a");
  held.await_visitors();
  its.books().retire(home);
  EXPECT_FALSE(its.quiet(20ms));
  held.open();
  EXPECT_EQ(take(its, home), (progress{20, {}}));
  EXPECT_TRUE(its.eventually_dropped());
}

/// Records of a key whose first one waits for something.
void expect_none_begins(source<>& its, std::atomic<int>& calls,
                        const std::function<void()>& until) {
  auto& home = its.open();
  its.deliver(home, 0, "a");
  its.deliver(home, 1, "a");
  until();
  const auto before = calls.load();
  EXPECT_EQ(take(its, home), (progress{0, {}}));
  its.processor().resume("a");
  EXPECT_TRUE(its.eventually_dropped());
  EXPECT_EQ(calls.load(), before) << "a handler has begun";
  const auto account = its.account();
  EXPECT_EQ(account.given_back, 2u);
  EXPECT_TRUE(balanced(account));
}

/// What its handler said of itself before it failed is not so.
TEST(source_retire, gives_back_what_was_said_to_be_done_and_failed) {
  convoy::failure_policy policy{.attempts = 2, .backoff = 1h, .ceiling = 1h};
  for (const bool throws : {true, false}) {
    source<> its(
        [throws](record& one) {
          one.done();
          if (throws)
            throw std::runtime_error("after all");
          return outcome::retry;
        },
        {.on_error = [](const std::string&, const std::exception_ptr&) {}, .failure = policy});
    auto& home = its.open();
    const auto& first = its.deliver(home, 0, "a");
    ASSERT_TRUE(eventually([&] { return first.failed.load(); }));
    its.books().retire(home);
    its.processor().purge("a");
    ASSERT_TRUE(eventually([&] {
      its.books().collect();
      return home.in_flight() == 0;
    }));
    EXPECT_EQ(take(its, home).lowest, 0) << "this is committed";
    EXPECT_EQ(its.account().given_back, 1);
  }
}

TEST(source_retire, ends_a_retry) {
  std::atomic<int> calls{0};
  source<> its([&](record&) {
    ++calls;
    return outcome::retry_after(200ms);
  });
  expect_none_begins(its, calls, [&] {
    ASSERT_TRUE(
        eventually([&] { return its.processor().explain("a").state == convoy::key_state::retry; }));
  });
}

TEST(source_retire, ends_what_is_parked) {
  std::atomic<int> calls{0};
  source<> its([&](record&) {
    ++calls;
    return outcome::park;
  });
  expect_none_begins(
      its, calls, [&] { ASSERT_TRUE(eventually([&] { return its.processor().parked() == 1; })); });
}

TEST(source_retire, ends_what_is_paused) {
  std::atomic<int> calls{0};
  source<> its([&](record&) { ++calls; });
  its.processor().pause("a");
  expect_none_begins(its, calls, [] {});
}

TEST(source_retire, ends_what_lingers) {
  std::atomic<int> calls{0};
  source<> its([&](const std::string&, std::span<record>) { ++calls; },
               {.batch_limit = 10, .linger = 200ms});
  expect_none_begins(its, calls, [] {});
}

/// Neither retries nor parked keys keep a consumer from ending.
TEST(source_retire, ends_all_at_once) {
  const auto begun = clock::now();
  {
    source<> its([](record& what) {
      return what.content() == 0 ? outcome::retry_after(std::chrono::hours(1)) : outcome::park;
    });
    auto& home = its.open();
    its.deliver(home, 0, "a");
    its.deliver(home, 1, "b");
    ASSERT_TRUE(eventually([&] { return its.processor().parked() == 1; }));
    EXPECT_EQ(take(its, home), (progress{0, {}}));
  }
  EXPECT_LT(clock::now() - begun, patience);
  EXPECT_EQ(flying::alive.load(), 0);
}

/// A record comes again while its old handler runs: it waits behind that, and only its own is counted.
TEST(source_retire, keeps_a_record_that_comes_again_behind_itself) {
  gate held;
  int inside = 0, calls = 0; // plain: two at a time would be a race
  source<> its([&](record&) {
    EXPECT_EQ(inside++, 0);
    if (calls++ == 0)
      held.pass();
    --inside;
  });
  auto& home = its.open();
  its.deliver(home, 7, "a");
  held.await_visitors();
  its.books().retire(home);
  EXPECT_FALSE(its.quiet(1ms));
  EXPECT_EQ(home.so_far(), (progress{7, {}}));
  its.books().forget(home);
  auto& again = its.open();
  its.deliver(again, 7, "a");
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(its.account().handled, 0u);
  held.open();
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(again.so_far(), (progress{8, {}}));
  const auto account = its.account();
  EXPECT_EQ(account.read, 2u);
  EXPECT_EQ(account.given_back, 1u);
  EXPECT_TRUE(balanced(account));
}

// ---- records that were moved away ----

/// The handler has none any more, and is still inside: the assignment must stay, as its gate is left
/// then. Seen by AddressSanitizer, and by the model.
TEST(source_retire, keeps_an_assignment_whose_handler_runs_without_its_record) {
  gate held;
  std::optional<record> away;
  source<> its([&](record& what) {
    away.emplace(std::move(what));
    held.pass();
  });
  auto& home = its.open();
  its.deliver(home, 0, "a");
  held.await_visitors();
  its.books().retire(home);
  EXPECT_FALSE(its.quiet(1ms));
  its.books().forget(home);
  away->done();
  away.reset();
  EXPECT_TRUE(its.eventually_dropped()) << "the record's memory need not stay";
  held.open();
  EXPECT_TRUE(its.processor().shutdown(patience).balanced());
}

TEST(source_retire, does_not_wait_for_records_that_were_moved_away) {
  std::optional<record> away;
  std::atomic<bool> moved{false};
  source<> its([&](record& what) {
    if (what.content() != 0)
      return;
    away.emplace(std::move(what));
    moved = true;
  });
  auto& home = its.open();
  its.deliver(home, 0, "a");
  its.deliver(home, 1, "a");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(take(its, home), (progress{0, {{1, 2}}}));
  EXPECT_EQ(away->content(), 0) << "its memory stays";
  away->done();
  away.reset();
  EXPECT_TRUE(its.eventually_dropped());
  const auto account = its.account();
  EXPECT_EQ(account.handled, 1u) << "too late to be told";
  EXPECT_EQ(account.given_back, 1u);
}

/// A record that is moved onto another one releases that at once.
TEST(source_retire, finishes_what_is_moved_onto) {
  std::vector<record> away;
  std::atomic<int> moved{0};
  source<> its([&](record& what) {
    what.done();
    away.push_back(std::move(what));
    ++moved;
  });
  auto& home = its.open();
  its.deliver(home, 0, "a");
  its.deliver(home, 1, "a");
  ASSERT_TRUE(eventually([&] { return moved.load() == 2; }));
  away[0] = std::move(away[1]);
  EXPECT_EQ(its.account().handled, 1u);
  EXPECT_EQ(home.so_far(), (progress{1, {}}));
  EXPECT_EQ(away[0].content(), 1);
  away.clear();
  EXPECT_EQ(its.account().handled, 2u);
}

/// The memory of a record that outlives its consumer stays, so it must be reachable for ever here.
TEST(source_retire, leaves_records_that_outlive_all) {
  static const auto away = std::make_unique<std::optional<record>>();
  static const delivery* memory = nullptr;
  {
    source<> its([&](record& what) { away->emplace(std::move(what)); });
    auto& home = its.open();
    memory = &its.deliver(home, 3, "a", 42);
    ASSERT_TRUE(
        eventually([&] { return its.processor().explain("a").state == convoy::key_state::idle; }));
    EXPECT_EQ(take(its, home), (progress{3, {}}))
        << "below its first position nothing is to be read";
  }
  ASSERT_TRUE(away->has_value());
  EXPECT_EQ((*away)->content(), 42);
  (*away)->done();
  away->reset();
  EXPECT_EQ(memory->position, 3u);
  flying::alive.store(0); // for other tests
}

} // namespace
