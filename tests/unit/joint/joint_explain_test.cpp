#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <convoy/insight/json.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

// Why a key does not move that a joint message has.

namespace {

using namespace std::chrono_literals;
using convoy::explanation;
using convoy::key_state;
using convoy::outcome;
using convoy::runtime;
using convoy::submit_status;
using desk = convoy::processor<std::string, int>;

#define CONVOY_ACCEPTED(what) ASSERT_EQ(what, submit_status::accepted)

options at_desks(unsigned partitions) {
  auto wanted = with_insight(1h);
  wanted.partitions = partitions;
  return wanted;
}

/// What explain() says in the end, as states pass.
template <class Fits>
explanation await(desk& p, const std::string& key, Fits&& fits) {
  explanation why;
  EXPECT_TRUE(eventually([&] { return fits(why = p.explain(key)); }))
      << key << ": " << to_string(why.state) << ": " << to_string(why);
  return why;
}
explanation await_state(desk& p, const std::string& key, key_state state) {
  return await(p, key, [state](const explanation& why) { return why.state == state; });
}
/// It waits for its turn in another key, which is in that state.
explanation await_other(desk& p, const std::string& key, const std::string& other,
                        key_state state) {
  return await(p, key, [&](const explanation& why) {
    return why.state == key_state::joint && why.other == other && why.other_state == state;
  });
}

class joint_explain : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(partitions, joint_explain, testing::Values(1u, 4u, 16u));

TEST_P(joint_explain, names_the_key_whose_turn_it_waits_for) {
  runtime rt{{.concurrency = 3}};
  gate first;
  auto wanted = at_desks(GetParam());
  wanted.joint = [](desk::joint&, int&) {};
  desk p{rt, [&](int&) { first.pass(); }, wanted};
  CONVOY_ACCEPTED(p.submit("busy", 1));
  first.await_visitors();
  for (int i = 0; i < 20; ++i) // others of its kind wait in other keys
    CONVOY_ACCEPTED(p.submit_joint({"busy", "x" + std::to_string(i)}, 2));
  CONVOY_ACCEPTED(p.submit_joint({"a", "busy", "b"}, 3));
  CONVOY_ACCEPTED(p.submit("a", 4));
  CONVOY_ACCEPTED(p.submit_joint({"b", "c"}, 5));
  const auto why = await_other(p, "a", "busy", key_state::running);
  EXPECT_TRUE(eventually([&] { return p.explain("a").depth == 2; }));
  EXPECT_FALSE(why.worker);
  EXPECT_NE(to_string(why).find("waits for its turn in busy (running)"), std::string::npos)
      << to_string(why);
  (void)await_other(p, "b", "busy", key_state::running);
  (void)await_other(p, "c", "b", key_state::joint); // asked for in turn
  (void)await_other(p, "x7", "busy", key_state::running);
  EXPECT_EQ(await_state(p, "busy", key_state::running).depth, 22u) << "it waits for nobody";
  first.open();
  p.drain();
  (void)await_state(p, "a", key_state::idle);
}

TEST_P(joint_explain, says_that_another_key_is_paused) {
  runtime rt{{.concurrency = 2}};
  auto wanted = at_desks(GetParam());
  wanted.joint = [](desk::joint&, int&) {};
  desk p{rt, [](int&) {}, wanted};
  p.pause("closed");
  CONVOY_ACCEPTED(p.submit_joint({"a", "closed"}, 1));
  (void)await_other(p, "a", "closed", key_state::paused);
  (void)await_state(p, "closed", key_state::paused);
  p.resume("closed");
  p.drain();
}

TEST_P(joint_explain, says_which_worker_runs_it_or_that_it_waits_for_one) {
  runtime rt{{.concurrency = 2}};
  gate running, others;
  auto wanted = at_desks(GetParam());
  wanted.joint = [&](desk::joint&, int& m) { (m == 1 ? running : others).pass(); };
  desk p{rt, [](int&) {}, wanted};
  CONVOY_ACCEPTED(p.submit_joint({"a", "b"}, 1));
  running.await_visitors();
  for (const char* key : {"a", "b"}) {
    const auto why = await_state(p, key, key_state::running);
    ASSERT_TRUE(why.worker);
    EXPECT_LT(*why.worker, 2u);
    ASSERT_TRUE(why.since);
    EXPECT_LE(*why.since, std::chrono::steady_clock::now());
  }
  CONVOY_ACCEPTED(p.submit_joint({"c", "d"}, 2)); // now no worker is left
  others.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"e", "f"}, 3));
  const auto state = p.explain("e", 5ms).state;
  EXPECT_TRUE(state == key_state::ready || state == key_state::in_ring ||
              state == key_state::no_worker)
      << to_string(state);
  running.open();
  others.open();
  p.drain();
}

TEST_P(joint_explain, says_until_when_it_waits_for_a_retry_and_what_failed) {
  runtime rt{{.concurrency = 2}};
  auto wanted = at_desks(GetParam());
  wanted.failure =
      convoy::failure_policy{.attempts = 5, .backoff = 1h, .ceiling = 1h, .jitter = false};
  wanted.on_error = [](const std::string&, const std::exception_ptr&) {};
  wanted.joint = [](desk::joint&, int&) { throw std::runtime_error("the bank is closed"); };
  desk p{rt, [](int&) {}, wanted};
  CONVOY_ACCEPTED(p.submit_joint({"a", "b", "c"}, 1));
  CONVOY_ACCEPTED(p.submit("c", 2));
  for (const char* key : {"a", "b", "c"}) {
    const auto why = await_state(p, key, key_state::retry);
    EXPECT_EQ(why.attempts, 1u);
    ASSERT_TRUE(why.until);
    EXPECT_GT(*why.until - std::chrono::steady_clock::now(), 50min);
    EXPECT_NE(to_string(why).find("the bank is closed"), std::string::npos) << to_string(why);
  }
  EXPECT_TRUE(eventually([&] { return p.explain("c").depth == 2; }));
  (void)p.shutdown(0s);
}

TEST_P(joint_explain, says_that_it_is_parked) {
  runtime rt{{.concurrency = 2}};
  auto wanted = at_desks(GetParam());
  std::atomic<bool> done{false};
  wanted.joint = [&](desk::joint&, int&) {
    return done ? outcome::done : outcome(outcome::park).because("not enough money");
  };
  desk p{rt, [](int&) {}, wanted};
  CONVOY_ACCEPTED(p.submit_joint({"a", "b", "c"}, 1));
  for (const char* key : {"a", "b", "c"})
    EXPECT_EQ(await_state(p, key, key_state::parked).reason, "not enough money");
  done = true;
  p.resume("b");
  p.drain();
  (void)await_state(p, "a", key_state::idle);
}

/// The other key's first message is a joint one, too.
TEST_P(joint_explain, says_why_the_joint_message_of_another_key_does_not_move) {
  runtime rt{{.concurrency = 3}};
  gate running;
  auto wanted = at_desks(GetParam());
  wanted.failure = convoy::failure_policy{.backoff = 1h, .ceiling = 1h};
  std::atomic<bool> done{false};
  wanted.joint = [&](desk::joint&, int& m) {
    if (m == 3)
      running.pass();
    return done || m >= 3 ? outcome::done : outcome(m == 1 ? outcome::park : outcome::retry);
  };
  desk p{rt, [](int&) {}, wanted};
  CONVOY_ACCEPTED(p.submit_joint({"parked", "home1"}, 1));
  CONVOY_ACCEPTED(p.submit_joint({"retried", "home2"}, 2));
  CONVOY_ACCEPTED(p.submit_joint({"runs", "home3"}, 3));
  (void)await_state(p, "parked", key_state::parked);
  (void)await_state(p, "retried", key_state::retry);
  running.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "parked"}, 4));
  CONVOY_ACCEPTED(p.submit_joint({"b", "retried"}, 5));
  CONVOY_ACCEPTED(p.submit_joint({"c", "runs"}, 6));
  CONVOY_ACCEPTED(p.submit_joint({"d", "c"}, 7));
  (void)await_other(p, "a", "parked", key_state::parked);
  (void)await_other(p, "b", "retried", key_state::retry);
  (void)await_other(p, "c", "runs", key_state::running);
  (void)await_other(p, "d", "c", key_state::joint);
  done = true;
  running.open();
  p.resume("parked");
  p.try_now("retried");
  p.drain();
}

TEST_P(joint_explain, works_in_a_handler_by_a_callback) {
  runtime rt{{.concurrency = 3}};
  gate first;
  auto wanted = at_desks(GetParam());
  std::atomic<bool> done{false};
  wanted.joint = [&](desk::joint&, int& m) {
    return m == 4 && !done ? outcome::park : outcome::done;
  };
  desk* self = nullptr;
  std::atomic<int> told{0}, right{0};
  desk p{rt,
         [&](const std::string& key, int&) {
           if (key == "busy")
             return first.pass();
           self->explain("a", [&](const explanation& why) {
             right += why.state == key_state::joint && why.other == "busy";
             ++told;
           });
           self->explain("b", [&](const explanation& why) {
             right += why.other == "c" && why.other_state == key_state::parked;
             ++told;
           });
         },
         wanted};
  self = &p;
  CONVOY_ACCEPTED(p.submit("busy", 1));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "busy"}, 2));
  (void)await_other(p, "a", "busy", key_state::running);
  CONVOY_ACCEPTED(p.submit_joint({"c", "d"}, 4));
  CONVOY_ACCEPTED(p.submit_joint({"b", "c"}, 5));
  (void)await_other(p, "b", "c", key_state::parked);
  CONVOY_ACCEPTED(p.submit("asks", 3));
  EXPECT_TRUE(eventually([&] { return told == 2; }));
  EXPECT_EQ(right, 2);
  done = true;
  p.resume("c");
  first.open();
  p.drain();
}

/// A hash of it, if keys are private.
TEST(joint_key, calls_the_other_key_as_lists_do) {
  runtime rt{{.concurrency = 2}};
  gate first;
  desk::options wanted;
  wanted.insight = {.top = 5, .window = 10ms};
  wanted.joint = [](desk::joint&, int&) {};
  desk p{rt, [&](int&) { first.pass(); }, wanted};
  CONVOY_ACCEPTED(p.submit("busy", 1));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "busy"}, 2));
  const auto why = await_state(p, "a", key_state::joint);
  EXPECT_EQ(why.other.front(), '#') << why.other;
  const auto json = nlohmann::json::parse(to_json(why));
  EXPECT_EQ(json["state"], "joint");
  EXPECT_EQ(json["other"], why.other);
  EXPECT_EQ(json["other_state"], to_string(why.other_state));
  EXPECT_FALSE(nlohmann::json::parse(to_json(p.explain("nobody"))).contains("other"));
  first.open();
  p.drain();
}

TEST(joint_key, needs_no_insight_to_name_what_it_waits_for) {
  runtime rt{{.concurrency = 2}};
  gate first;
  desk::options wanted;
  wanted.joint = [](desk::joint&, int&) {};
  desk p{rt, [&](int&) { first.pass(); }, wanted};
  CONVOY_ACCEPTED(p.submit("busy", 1));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "busy"}, 2));
  EXPECT_EQ(await_state(p, "a", key_state::joint).other_state, key_state::ready);
  first.open();
  p.drain();
}

/// Under load, while keys and messages come and go, and their memory is used again.
TEST_P(joint_explain, may_be_asked_for_at_any_time) {
  runtime rt{{.concurrency = 2}};
  auto wanted = at_desks(GetParam());
  wanted.failure = convoy::failure_policy{.attempts = 3, .backoff = 50us};
  std::atomic<int> calls{0};
  wanted.joint = [&](desk::joint&, int&) {
    return ++calls % 50 == 0 ? outcome::retry : outcome::done;
  };
  desk p{rt, [](int&) {}, wanted};
  std::atomic<bool> over{false};
  std::thread asker([&] {
    for (int key = 0; !over; key = (key + 1) % 20)
      (void)p.explain(std::to_string(key));
  });
  for (int m = 0; m < 4'000; ++m) {
    const auto a = std::to_string(m % 20), b = std::to_string(m * 7 % 19),
               c = std::to_string(m * 3 % 17);
    CONVOY_ACCEPTED(m % 3 == 0   ? p.submit(a, m)
                    : m % 3 == 1 ? p.submit_joint({a, b}, m)
                                 : p.submit_joint({a, b, c}, m));
  }
  p.drain();
  over = true;
  asker.join();
  EXPECT_EQ(p.account().completed, 4'000u);
}

} // namespace
