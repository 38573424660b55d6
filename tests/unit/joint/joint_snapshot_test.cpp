#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <iostream>
#include <string>
#include <vector>

// What snapshots say of keys that joint messages have.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::runtime;
using convoy::snapshot;
using convoy::submit_status;
using desk = convoy::processor<std::string, int>;

#define CONVOY_ACCEPTED(what) ASSERT_EQ(what, submit_status::accepted)

options at_counted_desks(unsigned partitions) {
  auto wanted = with_insight(10ms);
  wanted.partitions = partitions;
  wanted.joint = [](desk::joint&, int&) {};
  return wanted;
}

/// In the end there is one that fits.
template <class Fits>
testing::AssertionResult comes(desk& p, Fits&& fits) {
  snapshot s;
  if (eventually([&] { return fits(s = p.snapshot()); }))
    return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << s.lanes.running << " running, " << s.lanes.waiting << " waiting, " << s.lanes.joint
         << " joint, " << s.lanes.backoff << " backoff, " << s.lanes.parked << " parked; own key "
         << s.wait.own_key << ", scheduler " << s.wait.scheduler << ", service " << s.wait.service;
}
/// Keys by state, and none in another one.
testing::AssertionResult comes(desk& p, const convoy::lane_counts& wanted) {
  const auto all = [](const convoy::lane_counts& c) {
    return std::vector{c.running, c.waiting, c.joint, c.backoff, c.parked, c.paused};
  };
  return comes(p, [&](const snapshot& s) { return all(s.lanes) == all(wanted); });
}

class joint_snapshot : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(partitions, joint_snapshot, testing::Values(1u, 4u));

TEST_P(joint_snapshot, counts_keys_that_wait_for_the_turn_in_another_key) {
  runtime rt{{.concurrency = 2}};
  gate first;
  desk p{rt, [&](int&) { first.pass(); }, at_counted_desks(GetParam())};
  CONVOY_ACCEPTED(p.submit("busy", 1));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "busy", "b", "c"}, 2));
  EXPECT_TRUE(comes(p, {.running = 1, .joint = 3}));
  // All of its places wait for what runs.
  EXPECT_TRUE(comes(p, [](const snapshot& s) { return s.wait.own_key > 0.7; }));
  first.open();
  p.drain();
  EXPECT_TRUE(comes(p, {}));
}

TEST_P(joint_snapshot, counts_all_keys_of_one_that_runs) {
  runtime rt{{.concurrency = 2}};
  gate running;
  auto wanted = at_counted_desks(GetParam());
  wanted.joint = [&](desk::joint&, int&) { running.pass(); };
  desk p{rt, [](int&) {}, wanted};
  CONVOY_ACCEPTED(p.submit_joint({"a", "b", "c", "d"}, 1));
  running.await_visitors();
  EXPECT_TRUE(comes(p, {.running = 4}));
  EXPECT_TRUE(comes(p, [](const snapshot& s) { return s.wait.service > 0.8; }))
      << "its other keys wait for no worker";
  running.open();
  p.drain();
  EXPECT_TRUE(comes(p, {}));
}

TEST_P(joint_snapshot, counts_all_keys_of_one_that_has_stopped_and_lists_it_once) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> done{false};
  auto wanted = at_counted_desks(GetParam());
  wanted.failure = convoy::failure_policy{.backoff = 1h, .ceiling = 1h};
  wanted.joint = [&](desk::joint&, int& m) {
    if (done)
      return outcome::done;
    return m == 1 ? outcome::park : outcome::retry;
  };
  desk p{rt, [](int&) {}, wanted};
  CONVOY_ACCEPTED(p.submit_joint({"a", "b", "c"}, 1));
  CONVOY_ACCEPTED(p.submit_joint({"d", "e"}, 2));
  CONVOY_ACCEPTED(p.submit("e", 3));
  EXPECT_TRUE(comes(p, {.backoff = 2, .parked = 3}));
  EXPECT_TRUE(comes(p, [](const snapshot& s) {
    const auto is = [&](const std::string& labels, convoy::hold_reason why) {
      return std::ranges::count_if(s.held, [&](const convoy::held_key& k) {
        return labels.find(k.label) != std::string::npos && k.why == why && k.attempts == 1;
      });
    };
    return s.held.size() == 2 && is("abc", convoy::hold_reason::parked) == 1 &&
           is("de", convoy::hold_reason::retry) == 1;
  }));
  EXPECT_TRUE(comes(p, [](const snapshot& s) { // in a window in which all of it was so
    return s.oldest > 0ns && s.oldest < 1min && s.wait.scheduler < 0.01 && s.wait.own_key > 0.1;
  })) << p.snapshot().oldest.count();
  done = true;
  p.resume("c");
  p.try_now("e");
  p.drain();
  EXPECT_TRUE(comes(p, {}));
}

/// They wait for a message that does not run: no sample is of it.
TEST_P(joint_snapshot, lists_keys_with_messages_behind_one_that_waits_among_the_costliest) {
  runtime rt{{.concurrency = 2}};
  gate first;
  std::atomic<bool> done{false};
  auto wanted = at_counted_desks(GetParam());
  wanted.insight.window = 50ms;
  wanted.joint = [&](desk::joint&, int& m) {
    return m == 3 && !done ? outcome::park : outcome::done;
  };
  desk p{rt,
         [&](const std::string& key, int&) {
           if (key == "busy")
             first.pass();
         },
         wanted};
  CONVOY_ACCEPTED(p.submit("busy", 1));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "busy"}, 2));
  CONVOY_ACCEPTED(p.submit_joint({"c", "d"}, 3));
  for (int i = 0; i < 3; ++i)
    CONVOY_ACCEPTED(p.submit("a", 4));
  CONVOY_ACCEPTED(p.submit("d", 5));
  const auto waited = [](const snapshot& s, const std::string& label) {
    double seconds = 0;
    for (const auto& each : s.costliest)
      seconds += each.label == label ? std::chrono::duration<double>(each.waited).count() : 0;
    return seconds;
  };
  snapshot s;
  EXPECT_TRUE(comes(p,
                    [&](const snapshot& now) { // each waits a second a second
                      s = now;
                      return waited(s, "a") > 2 && waited(s, "a") < 4 && waited(s, "d") > 0.7 &&
                             waited(s, "d") < 1.4 && waited(s, "c") == 0;
                    }))
      << waited(s, "a") << " of a, " << waited(s, "d") << " of d, " << waited(s, "c") << " of c";
  done = true;
  p.resume("c");
  first.open();
  p.drain();
}

TEST_P(joint_snapshot, tells_its_time_of_each_of_its_keys) {
  runtime rt{{.concurrency = 2}};
  gate running;
  auto wanted = at_counted_desks(GetParam());
  wanted.joint = [&](desk::joint&, int&) { running.pass(); };
  desk p{rt, [](int&) {}, wanted};
  CONVOY_ACCEPTED(p.submit_joint({"a", "b", "a", "c"}, 1));
  running.await_visitors();
  CONVOY_ACCEPTED(p.submit("b", 2));
  const auto share_of = [](const std::vector<convoy::key_share>& list, const std::string& label) {
    double sum = 0;
    for (const auto& each : list)
      sum += each.label == label ? each.share : 0;
    return sum;
  };
  EXPECT_TRUE(comes(p, [&](const snapshot& s) {
    return s.hottest.size() == 3 && share_of(s.hottest, "a") == 1 &&
           share_of(s.hottest, "b") == 1 && share_of(s.hottest, "c") == 1 &&
           s.speedup_ceiling == 1 && share_of(s.costliest, "b") == 1;
  }));
  running.open();
  p.drain();
  EXPECT_TRUE(comes(p, [&](const snapshot& s) {
    return share_of(s.most, "a") >= 0.5 && share_of(s.most, "c") >= 0.5;
  }));
}

} // namespace
