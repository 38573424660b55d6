#include "shared/readings.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

// Shared messages that fail, and shared messages of keys that are controlled.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::failure_policy;
using convoy::key_state;
using convoy::outcome;
using convoy::runtime;
using convoy::submit_status;

/// What each message's handler returns, the first times it is called; then it is done.
class scripted_readers {
public:
  std::map<int, std::vector<outcome>> script;
  happenings what;

  outcome operator()(const reading& r) {
    what.add('+', r.number);
    std::size_t call = 0;
    {
      const std::lock_guard lock(mutex_);
      call = calls_[r.number]++;
    }
    const auto its = script.find(r.number);
    const auto result = its != script.end() && call < its->second.size() ? its->second[call]
                                                                         : outcome(outcome::done);
    if (result.what() == outcome::kind::done)
      what.add('-', r.number);
    return result;
  }

private:
  std::mutex mutex_;
  std::map<int, std::size_t> calls_;
};

reading_processor::options burying_to(happenings& what) {
  reading_processor::options wanted;
  wanted.failure = failure_policy{.attempts = 3, .backoff = 1ms};
  wanted.dead_letters = [&](auto& letter) { what.add('x', letter.message.number); };
  return wanted;
}

void submit_all(reading_processor& p, const std::vector<reading>& all) {
  for (const auto& each : all)
    ASSERT_EQ(p.submit(1, each), submit_status::accepted);
}

TEST(shared_failure, a_retry_holds_back_the_exclusive_ones_behind_it_not_its_siblings) {
  runtime rt{{.concurrency = 2}};
  scripted_readers all;
  all.script[1] = {outcome::park};
  reading_processor p{rt, [&](reading& r) { return all(r); }, burying_to(all.what)};
  submit_all(p, {read(1), read(2)});
  ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  submit_all(p, {read(3), write(4), read(5)});
  EXPECT_TRUE(eventually([&] { return all.what.has("-3"); })) << "a sibling was held back";
  EXPECT_TRUE(eventually([&] {
    const auto why = p.explain(1);
    return why.state == key_state::parked && why.depth == 3 && why.shared == 1;
  })) << to_string(p.explain(1));
  EXPECT_FALSE(all.what.has("+4"));
  p.resume(1);
  p.drain();
  EXPECT_TRUE(all.what.in_order("-1", "+4"));
  EXPECT_TRUE(all.what.in_order("-4", "+5"));
}

TEST(shared_failure, each_shared_message_has_its_own_attempts) {
  runtime rt{{.concurrency = 2}};
  scripted_readers all;
  for (int i = 1; i <= 20; ++i)
    all.script[i] = std::vector<outcome>(static_cast<std::size_t>(i % 4), outcome(outcome::retry));
  std::map<int, unsigned> attempts;
  auto wanted = burying_to(all.what);
  std::mutex mutex;
  wanted.dead_letters = [&](auto& letter) {
    const std::lock_guard lock(mutex);
    attempts[letter.message.number] = letter.attempts;
    EXPECT_EQ(letter.why, death::failed);
  };
  reading_processor p{rt, [&](reading& r) { return all(r); }, wanted};
  for (int i = 1; i <= 20; ++i)
    submit_all(p, {read(i)});
  submit_all(p, {write(21)});
  p.drain();
  EXPECT_EQ(p.dead_letters(), 5u);
  for (int i = 1; i <= 20; ++i) {
    EXPECT_EQ(attempts.count(i), i % 4 == 3 ? 1u : 0u) << i;
    EXPECT_TRUE(i % 4 == 3 || all.what.in_order("-" + std::to_string(i), "+21")) << i;
  }
}

TEST(shared_failure, what_throws_is_reported_and_its_siblings_go_on) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> told{0};
  std::atomic<int> handled{0};
  reading_processor::options wanted; // handles no failures: the short way
  wanted.on_error = [&](const int&, const std::exception_ptr&) { ++told; };
  reading_processor p{rt,
                      [&](reading& r) {
                        ++handled;
                        if (r.number % 3 == 0)
                          throw std::runtime_error("on purpose");
                      },
                      wanted};
  for (int i = 0; i < 300; ++i)
    submit_all(p, {i % 10 == 9 ? write(i) : read(i)});
  p.drain();
  EXPECT_EQ(handled, 300);
  EXPECT_EQ(told, 100);
  EXPECT_EQ(p.dead_letters(), 100u);
}

TEST(shared_failure, fail_rest_of_a_shared_message_takes_what_has_not_begun) {
  runtime rt{{.concurrency = 2}};
  readers held;
  happenings dead;
  auto wanted = burying_to(dead);
  wanted.most_shared = 2;
  reading_processor p{rt,
                      [&](reading& r) {
                        held.handle(r);
                        return r.number == 1 ? outcome::fail_rest : outcome::done;
                      },
                      wanted};
  submit_all(p, {read(1), read(2), read(3), write(4)});
  held.await(1, 2); // both have begun, and no other may
  held.let_go(1);
  ASSERT_TRUE(eventually([&] { return dead.has("x1"); }));
  p.fence(1, [] {});
  std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(dead.has("x3")) << "before its turn";
  held.let_go(2);
  p.drain();
  EXPECT_EQ(dead.all(), (std::vector<std::string>{"x1", "x3", "x4"}));
  EXPECT_TRUE(held.what.has("-2"));
  submit_all(p, {write(5)}); // and the key goes on
  p.drain();
  EXPECT_TRUE(held.what.has("-5"));
}

TEST(shared_failure, fail_rest_of_an_exclusive_message_takes_shared_ones_in_their_order) {
  runtime rt{{.concurrency = 2}};
  scripted_readers all;
  all.script[2] = {outcome::fail_rest};
  gate begun;
  reading_processor p{rt,
                      [&](reading& r) {
                        if (r.number == 1)
                          begun.pass();
                        return all(r);
                      },
                      burying_to(all.what)};
  submit_all(p, {write(1), write(2), read(3), read(4), write(5), read(6)});
  begun.open();
  p.drain();
  EXPECT_EQ(all.what.all(),
            (std::vector<std::string>{"+1", "-1", "+2", "x2", "x3", "x4", "x5", "x6"}));
}

TEST(shared_failure, a_sink_that_refuses_keeps_the_message_in_its_place) {
  runtime rt{{.concurrency = 2}};
  scripted_readers all;
  all.script[1] = {outcome::skip};
  auto wanted = burying_to(all.what);
  std::atomic<int> refusals{0};
  wanted.dead_letters = [&](auto& letter) {
    if (++refusals < 3)
      throw convoy::dead_letter_refused("not now");
    all.what.add('x', letter.message.number);
  };
  reading_processor p{rt, [&](reading& r) { return all(r); }, wanted};
  submit_all(p, {read(1), read(2), write(3)});
  p.drain();
  EXPECT_TRUE(all.what.in_order("x1", "+3"));
  EXPECT_TRUE(all.what.in_order("-2", "+3"));
}

// ---- control ----

TEST(shared_control, a_pause_stands_still_when_the_last_sibling_is_back) {
  runtime rt{{.concurrency = 3}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }, {.most_shared = 2}};
  submit_all(p, {read(1), read(2), read(3)});
  all.await(1, 2);
  std::atomic<bool> stands_still{false};
  p.pause(1, [&] { stands_still = true; });
  all.let_go(1);
  ASSERT_TRUE(eventually([&] { return all.what.has("-1"); }));
  std::this_thread::sleep_for(2ms);
  EXPECT_FALSE(stands_still);
  all.let_go(2);
  EXPECT_TRUE(eventually([&] { return stands_still.load(); }));
  all.let_go(3);
  std::this_thread::sleep_for(2ms);
  EXPECT_FALSE(all.what.has("+3"));
  EXPECT_EQ(p.explain(1).state, key_state::paused);
  p.resume(1);
  p.drain();
  EXPECT_TRUE(all.what.has("-3"));
}

TEST(shared_control, a_retry_waits_for_the_end_of_a_pause) {
  runtime rt{{.concurrency = 2}};
  scripted_readers all;
  all.script[1] = {outcome::retry_after(5ms), outcome::retry_after(0ms)};
  reading_processor p{rt, [&](reading& r) { return all(r); }, burying_to(all.what)};
  submit_all(p, {read(1)});
  ASSERT_TRUE(eventually([&] { return all.what.has("+1"); }));
  std::atomic<bool> stands_still{false};
  p.pause(1, [&] { stands_still = true; });
  ASSERT_TRUE(eventually([&] { return stands_still.load(); }));
  const auto before = all.what.all().size();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(all.what.all().size(), before);
  submit_all(p, {read(2), write(3)});
  p.resume(1);
  p.drain();
  EXPECT_TRUE(all.what.in_order("-1", "+3"));
  EXPECT_TRUE(all.what.in_order("-2", "+3"));
}

TEST(shared_control, a_purge_takes_what_is_held_and_what_waits) {
  runtime rt{{.concurrency = 3}};
  readers all;
  happenings dead;
  auto wanted = burying_to(dead);
  wanted.most_shared = 2;
  reading_processor p{rt,
                      [&](reading& r) {
                        if (r.number == 1)
                          return outcome(outcome::park);
                        all.handle(r);
                        return outcome(outcome::done);
                      },
                      wanted};
  submit_all(p, {read(1)});
  ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
  submit_all(p, {read(2), write(3), read(4)});
  all.await(2, 2);
  std::atomic<bool> purged{false};
  p.purge(1, [&] { purged = true; });
  ASSERT_TRUE(eventually([&] { return dead.has("x1"); }));
  EXPECT_FALSE(purged);
  submit_all(p, {read(5)});
  all.let_go(5);
  all.let_go(2);
  EXPECT_TRUE(eventually([&] { return purged.load(); }));
  p.drain();
  EXPECT_EQ(dead.all(), (std::vector<std::string>{"x1", "x3", "x4"}));
  EXPECT_TRUE(all.what.has("-5"));
  EXPECT_EQ(p.parked(), 0u);
}

TEST(shared_control, a_fence_waits_for_those_before_it_in_whatever_order_they_end) {
  runtime rt{{.concurrency = 4}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }};
  submit_all(p, {read(1), read(2)});
  all.await(1, 2);
  std::atomic<bool> reached{false};
  p.fence(1, [&] { reached = true; });
  submit_all(p, {read(3), read(4)});
  all.await(3, 4);
  for (const int other : {4, 3, 2}) {
    all.let_go(other);
    ASSERT_TRUE(eventually([&] { return all.what.has("-" + std::to_string(other)); }));
    std::this_thread::sleep_for(2ms);
    EXPECT_FALSE(reached) << "1 still reads";
  }
  all.let_go(1);
  EXPECT_TRUE(eventually([&] { return reached.load(); }));
  p.drain();
}

TEST(shared_control, what_is_put_before_goes_before_what_has_not_begun) {
  runtime rt{{.concurrency = 3}};
  readers all;
  reading_processor p{rt, [&](reading& r) { all.handle(r); }, {.partitions = 1, .most_shared = 2}};
  submit_all(p, {read(1), read(2), read(3), write(4)});
  all.await(1, 2);
  std::vector<reading> again{write(10), read(11)};
  ASSERT_EQ(p.resubmit(1, again, convoy::place::before).accepted, 2u);
  std::atomic<bool> is_there{false};
  p.fence(2, [&] { is_there = true; }); // requests of a partition keep their order
  ASSERT_TRUE(eventually([&] { return is_there.load(); }));
  all.let_go(3);
  all.let_go(11);
  std::atomic<bool> reached{false};
  p.fence(1, [&] { reached = true; });
  all.let_go(1);
  all.let_go(2);
  p.drain();
  EXPECT_TRUE(eventually([&] { return reached.load(); }));
  EXPECT_TRUE(all.what.in_order("-2", "+10"));
  EXPECT_TRUE(all.what.in_order("-10", "+11"));
  EXPECT_TRUE(all.what.in_order("-10", "+3"));
  EXPECT_TRUE(all.what.in_order("-11", "+4"));
}

TEST(shared_control, shutdown_buries_what_has_not_begun_in_order) {
  runtime rt{{.concurrency = 3}};
  readers all;
  happenings dead;
  auto wanted = burying_to(dead);
  wanted.most_shared = 2;
  reading_processor p{rt,
                      [&](reading_processor::context& context, reading& r) {
                        all.what.add('+', r.number);
                        const auto stop = context.stop_token();
                        EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
                        all.what.add('-', r.number);
                      },
                      wanted};
  submit_all(p, {read(1), read(2), read(3), write(4), read(5), read(6)});
  ASSERT_TRUE(eventually([&] { return all.what.has("+1") && all.what.has("+2"); }));
  const auto is = p.shutdown(1ms);
  EXPECT_EQ(is.accepted, 6u);
  EXPECT_EQ(is.completed, 2u);
  EXPECT_EQ(dead.all(), (std::vector<std::string>{"x3", "x4", "x5", "x6"}));
}

TEST(shared_control, what_is_parked_or_paused_becomes_dead_letters_at_the_end) {
  runtime rt{{.concurrency = 2}};
  scripted_readers all;
  all.script[1] = {outcome::park};
  all.script[11] = {outcome::retry_after(1ms), outcome::retry_after(1ms)};
  {
    reading_processor p{rt, [&](reading& r) { return all(r); }, burying_to(all.what)};
    submit_all(p, {read(1), read(2), write(3), read(4)});
    ASSERT_EQ(p.submit(2, read(11)), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return p.parked() == 1 && all.what.has("+11"); }));
    p.pause(2);
    ASSERT_EQ(p.submit(2, write(12)), submit_status::accepted);
  }
  for (const auto* each : {"x1", "-2", "x3", "x4"})
    EXPECT_TRUE(all.what.has(each)) << each;
  EXPECT_TRUE(all.what.in_order("x1", "x3"));
  EXPECT_TRUE(all.what.has("x12") || all.what.has("-12"));
  EXPECT_TRUE(all.what.has("x11") || all.what.has("-11"));
}

} // namespace
