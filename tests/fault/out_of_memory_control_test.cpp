#include "failing_memory.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <functional>
#include <gmock/gmock.h>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

// There is no memory in the calling thread while it asks a processor for something else than to handle a
// message. A call that throws has asked for nothing.

namespace {

using namespace std::chrono_literals;
using convoy::place;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::expect_exact_account;
using convoy::test::fails_cleanly;
using convoy::test::parcel;
using testing::ElementsAre;

using text_processor = processor<std::string, parcel>;

const std::string long_key(100, 'k'); // copying it allocates

/// A processor that writes down what it handles, with a sink that writes down what it buries.
struct control_without_memory : testing::Test {
  runtime rt{{.concurrency = 2}};
  std::vector<int> handled;
  std::vector<int> dead;
  std::atomic<int> called{0};
  text_processor p{rt,
                   [this](parcel& m) { handled.push_back(m.number()); },
                   {.partitions = 2, .dead_letters = [this](text_processor::dead_letter& letter) {
                      dead.push_back(letter.message.number());
                    }}};

  void submit(int number) {
    ASSERT_EQ(p.submit(long_key, parcel(number)), submit_status::accepted);
  }

  /// The key is paused, and all that was accepted or asked for before has had its turn.
  void await_standstill() {
    const auto seen = std::make_shared<std::atomic<bool>>(false);
    p.pause(long_key, [seen] { *seen = true; });
    ASSERT_TRUE(eventually([&] { return seen->load(); }));
  }

  /// A callback that needs memory itself.
  std::function<void()> counts_calls() {
    return [this, large = std::string(100, 'x')] { called += large.size() == 100; };
  }
};

TEST_F(control_without_memory, drain_throws_and_can_be_called_again) {
  submit(1);
  EXPECT_GE(fails_cleanly([&] { p.drain(); }), 1u);
  EXPECT_THAT(handled, ElementsAre(1));
  submit(2);
  EXPECT_GE(fails_cleanly([&] { p.drain(long_key); }), 3u);
  EXPECT_THAT(handled, ElementsAre(1, 2));
}

TEST_F(control_without_memory, pause_that_throws_pauses_nothing) {
  const auto then = counts_calls();
  EXPECT_GE(fails_cleanly([&] { p.pause(long_key, then); },
                          [&] {
                            submit(1);
                            p.drain();
                          }),
            3u);
  EXPECT_TRUE(eventually([&] { return called == 1; }));
  const auto before = handled.size();
  EXPECT_GE(before, 3u);
  submit(2);
  await_standstill();
  EXPECT_EQ(handled.size(), before);
  EXPECT_GE(fails_cleanly([&] { p.resume(long_key); }), 2u);
  p.drain();
  EXPECT_EQ(handled.size(), before + 1);
}

TEST_F(control_without_memory, resume_that_throws_resumes_nothing) {
  p.pause(long_key);
  submit(1);
  EXPECT_GE(fails_cleanly([&] { p.resume(long_key); },
                          [&] {
                            await_standstill();
                            ASSERT_TRUE(handled.empty());
                          }),
            2u);
  p.drain();
  EXPECT_THAT(handled, ElementsAre(1));
}

TEST_F(control_without_memory, purge_that_throws_purges_nothing) {
  p.pause(long_key);
  for (int i = 0; i < 3; ++i)
    submit(i);
  const auto then = counts_calls();
  EXPECT_GE(fails_cleanly([&] { p.purge(long_key, then); },
                          [&] {
                            await_standstill();
                            ASSERT_EQ(p.dead_letters(), 0u);
                            ASSERT_EQ(called, 0);
                          }),
            3u);
  EXPECT_TRUE(eventually([&] { return called == 1; }));
  EXPECT_THAT(dead, ElementsAre(0, 1, 2));
  p.resume(long_key);
  expect_exact_account(p, 3);
}

TEST_F(control_without_memory, fence_that_throws_calls_nobody) {
  submit(1);
  const auto then = counts_calls();
  EXPECT_GE(fails_cleanly([&] { p.fence(long_key, then); },
                          [&] {
                            p.drain(long_key);
                            ASSERT_EQ(called, 0);
                          }),
            3u);
  EXPECT_TRUE(eventually([&] { return called == 1; }));
}

/// Was a bug: if the last of its allocations fails, `then` is called nevertheless. callback::share() makes a
/// shared_ptr of a callback, whose deleter makes it ready if there is no memory for the counts.
TEST_F(control_without_memory, fence_of_all_keys_that_throws_calls_nobody) {
  const auto then = counts_calls();
  EXPECT_GE(fails_cleanly([&] { p.fence(then); },
                          [&] {
                            p.drain(long_key);
                            p.drain(long_key); // by then it would have been called
                            ASSERT_EQ(called, 0);
                          }),
            4u);
  EXPECT_TRUE(eventually([&] { return called == 1; }));
}

TEST_F(control_without_memory, resubmit_before_that_throws_leaves_the_messages_alone) {
  p.pause(long_key);
  submit(3);
  std::vector<parcel> back;
  back.emplace_back(1);
  back.emplace_back(2);
  convoy::bulk_result result;
  EXPECT_GE(fails_cleanly([&] { result = p.resubmit(long_key, back, place::before); },
                          [&] {
                            ASSERT_TRUE(back[0].is_intact());
                            ASSERT_TRUE(back[1].is_intact());
                          }),
            3u);
  EXPECT_EQ(result.accepted, 2u);
  p.resume(long_key);
  p.drain();
  EXPECT_THAT(handled, ElementsAre(1, 2, 3));
  expect_exact_account(p, 3);
}

TEST_F(control_without_memory, resubmit_behind_takes_a_prefix) {
  std::vector<parcel> back;
  for (int i = 1; i <= 3; ++i)
    back.emplace_back(i);
  std::size_t done = 0;
  while (done != back.size()) { // a copy of the key fails: the first is of all, then one for each
    convoy::test::failing_allocation failing(back.size() - done);
    convoy::bulk_result result;
    try {
      result = p.resubmit(long_key, std::span(back).subspan(done));
    } catch (const std::bad_alloc&) {
    } catch (const convoy::bulk_interrupted& thrown) {
      result.accepted = thrown.accepted();
    }
    if (!failing.happened())
      break;
    failing.memory_comes_back();
    for (std::size_t i = 0; i < back.size(); ++i)
      ASSERT_EQ(back[i].is_intact(), i >= done + result.accepted);
    done += result.accepted;
    if (result.accepted == 0) {
      ASSERT_EQ(p.resubmit(long_key, std::span(back).subspan(done, 1)).accepted, 1u);
      ++done;
    }
  }
  EXPECT_EQ(done, back.size());
  p.drain();
  EXPECT_THAT(handled, ElementsAre(1, 2, 3));
  expect_exact_account(p, 3);
}

TEST_F(control_without_memory, submit_at_that_throws_schedules_nothing) {
  parcel message(1);
  EXPECT_GE(fails_cleanly(
                [&] {
                  const auto s = p.submit_after(long_key, 1h, std::move(message));
                  ASSERT_EQ(s.status(), submit_status::accepted);
                },
                [&] {
                  ASSERT_TRUE(message.is_intact());
                  ASSERT_EQ(p.scheduled_messages(), 0u);
                }),
            3u);
  EXPECT_EQ(p.scheduled_messages(), 1u);
  (void)p.shutdown(0s);
  EXPECT_THAT(handled, ElementsAre());
  EXPECT_THAT(dead, ElementsAre(1));
  expect_exact_account(p, 1);
}

TEST_F(control_without_memory, scheduled_message_is_cancelled_all_the_same) {
  auto s = p.submit_after(long_key, 1h, parcel(1));
  {
    const convoy::test::failing_allocation failing(1, convoy::test::whose::this_thread,
                                                   convoy::test::failing_allocation::for_ever);
    EXPECT_TRUE(s.cancel());
  }
  EXPECT_FALSE(s.cancel());
  const auto end = p.shutdown(0s);
  EXPECT_EQ(end.discarded, 1u);
  EXPECT_THAT(handled, ElementsAre());
  EXPECT_THAT(dead, ElementsAre());
  expect_exact_account(p, 1);
}

TEST_F(control_without_memory, limits_know_nothing_of_a_scheduled_message_that_was_refused) {
  using message = convoy::envelope<parcel, std::string>;
  processor<std::string, message> limited{
      rt, [](message&) {}, {.key_capacity = 1, .duplicates = convoy::duplicates{}}};
  message m{.message = parcel(1), .id = std::string(100, 'i')};
  EXPECT_GE(fails_cleanly([&] {
              const auto s = limited.submit_after(long_key, 1h, std::as_const(m));
              ASSERT_EQ(s.status(), submit_status::accepted);
            }),
            6u);
  EXPECT_EQ(limited.try_submit(long_key, m), submit_status::duplicate);
  EXPECT_EQ(limited.try_submit(long_key, message{.message = parcel(2)}), submit_status::key_full);
}

} // namespace
