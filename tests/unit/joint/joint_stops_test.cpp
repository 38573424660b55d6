#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <exception>
#include <functional>
#include <gtest/gtest.h>
#include <span>
#include <thread>
#include <vector>

// Joint messages that stop, or must not begin: what their keys' purges, resumes and markers do to them.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using processor = convoy::processor<int, int>;

#define CONVOY_ACCEPTED(what) ASSERT_EQ(what, submit_status::accepted)

/// The nth key of a partition of two.
int key_in(unsigned partition, int nth) {
  for (int key = 0;; ++key)
    if (((convoy::detail::scatter(std::hash<int>{}(key)) >> 48) & 1) == partition && nth-- == 0)
      return key;
}

// Each key whose purge waits asks for one as it comes back, which it does each time that the sink refuses: the sink was
// asked without a pause then.
TEST(joint_stops, a_sink_that_refuses_what_was_purged_is_asked_ever_more_rarely) {
  for (const unsigned partitions : {1u, 2u}) {
    convoy::runtime rt{{.concurrency = 2}};
    gate running;
    std::atomic<unsigned> offered{0};
    std::vector<std::chrono::steady_clock::time_point> when;
    processor p{rt,
                [](const int&, int&) {},
                {.partitions = partitions,
                 .on_error = [](const int&, const std::exception_ptr&) {},
                 .dead_letters =
                     [&](processor::dead_letter&) {
                       when.push_back(std::chrono::steady_clock::now());
                       if (++offered != 4)
                         throw convoy::dead_letter_refused("not yet");
                     },
                 .joint = [&](processor::joint&, int&) -> outcome {
                   running.pass();
                   return outcome::retry_after(1h);
                 }}};
    const int purged = key_in(partitions - 1, 0);
    std::atomic<bool> paused{false};
    CONVOY_ACCEPTED(p.submit_joint({key_in(0, 1), purged}, 1));
    running.await_visitors();
    p.purge(purged);
    p.pause(purged, [&] { paused = true; }); // its void ticket is behind that of the purge
    std::this_thread::sleep_for(20ms);
    running.open();
    ASSERT_TRUE(eventually([&] { return paused.load(); }));
    EXPECT_EQ(p.account().dead_letters, 1u);
    ASSERT_EQ(when.size(), 4u);
    EXPECT_GE(when[3] - when[0], 60ms); // 10, 20 and 40: at least, whatever the load
  }
}

TEST(joint_stops, fail_rest_of_a_key_stops_before_one_that_is_a_marker) {
  for (const bool pauses : {false, true}) {
    convoy::runtime rt{{.concurrency = 2}};
    gate first;
    std::vector<int> handled, dead;
    processor p{rt,
                [&](const int&, int& m) -> outcome {
                  if (m == 1) {
                    first.pass();
                    return outcome::fail_rest;
                  }
                  handled.push_back(m);
                  return outcome::done;
                },
                {.dead_letters = [&](processor::dead_letter& l) { dead.push_back(l.message); },
                 .marker = [](const int& m) { return m == 3; },
                 .joint = [&](processor::joint&, int& m) { handled.push_back(m); }}};
    CONVOY_ACCEPTED(p.submit(1, 1));
    first.await_visitors();
    CONVOY_ACCEPTED(p.submit(1, 2));
    CONVOY_ACCEPTED(p.submit_joint({1, 2}, 3));
    CONVOY_ACCEPTED(p.submit(1, 4));
    std::atomic<bool> paused{!pauses};
    if (pauses)
      p.pause(1, [&] { paused = true; });
    first.open();
    ASSERT_TRUE(eventually([&] { return paused.load(); }));
    p.resume(1);
    p.drain();
    EXPECT_EQ(dead, (std::vector<int>{1, 2}));
    EXPECT_EQ(handled, (std::vector<int>{3, 4}));
  }
}

TEST(joint_stops, explain_says_what_a_key_waits_for) {
  convoy::runtime rt{{.concurrency = 2}};
  gate running;
  processor p{rt,
              [](const int&, int&) {},
              {.partitions = 2, .joint = [&](processor::joint& keys, int&) -> outcome {
                 if (keys.attempt() == 1)
                   return outcome::park.because("closed");
                 return outcome::done;
               }}};
  const int here = key_in(0, 0), elsewhere = key_in(1, 0);
  CONVOY_ACCEPTED(p.submit_joint({here, elsewhere}, 1));
  ASSERT_TRUE(eventually([&] { return p.explain(here).state == convoy::key_state::parked; }));
  EXPECT_EQ(p.explain(here).reason, "closed");
  EXPECT_EQ(p.explain(here).depth, 1u);
  EXPECT_EQ(p.explain(elsewhere).state, convoy::key_state::joint);
  p.purge(here);
  p.drain();
  EXPECT_EQ(p.explain(here).state, convoy::key_state::idle);
}

TEST(joint_stops, insight_counts_the_handlers_time_as_its_first_keys) {
  convoy::runtime rt{{.concurrency = 2}};
  processor p{rt,
              [](const int&, int&) {},
              {.joint = [](processor::joint&, int&) { std::this_thread::sleep_for(1ms); },
               .insight = {.top = 5, .window = 50ms, .label = convoy::plain}}};
  convoy::snapshot told;
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(p.submit_joint({1, 2}, 1), submit_status::accepted);
    p.drain();
    told = p.snapshot();
    return !told.hottest.empty();
  }));
  EXPECT_EQ(told.hottest.front().label, "1");
  EXPECT_GE(told.hottest.front().handler_time, 1ms);
  EXPECT_GT(told.utilisation, 0);
  EXPECT_TRUE(told.costliest.empty()); // nothing of a key waits for another of it
}

// Both keys' partitions have a drainer. The first one's is held up by an observer, in the midst of a visit, while a lane
// comes back to it and the other one's sends a resume() on. To serve that it takes the lane back: the room of that
// message must be there when the visit ends, since no other comes.
TEST(joint_stops, what_is_taken_back_for_a_request_gives_its_room_back) {
  convoy::runtime rt{{.concurrency = 4}};
  const int watched = key_in(0, 0), slow = key_in(0, 1), home = key_in(0, 2), other = key_in(1, 0);
  gate handler, observer;
  std::atomic<bool> observes{false}, paused{false}, handled{false}, resumed{false};
  std::atomic<int> tries{0};
  processor p{rt,
              [&](const int& key, std::span<int>) {
                if (key == slow) {
                  handler.pass();
                  handled = true;
                }
              },
              {.capacity = 3,
               .partitions = 2,
               .joint = [&](processor::joint&, int&) -> outcome {
                 return ++tries == 1 ? outcome::retry_after(1h) : outcome(outcome::done);
               },
               .observe = {.resumed = [&](const int& key) {
                 if (key == watched && observes)
                   observer.pass();
               }}}};
  p.pause(watched, [&] { paused = true; });
  ASSERT_TRUE(eventually([&] { return paused.load(); }));
  CONVOY_ACCEPTED(p.submit(slow, 1));
  handler.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({home, other}, 2));
  ASSERT_TRUE(eventually([&] { return p.explain(home).state == convoy::key_state::retry; }));
  observes = true;
  p.resume(watched);
  observer.await_visitors();
  handler.open();
  ASSERT_TRUE(eventually([&] { return handled.load(); }));
  std::this_thread::sleep_for(20ms); // its lane is given back
  p.resume(other);
  p.fence(key_in(1, 1), [&] { resumed = true; }); // behind it in its ring
  ASSERT_TRUE(eventually([&] { return resumed.load(); }));
  observer.open();
  EXPECT_TRUE(eventually([&] { return p.account().completed == 1; }));
  EXPECT_EQ(p.try_submit(slow, 3), submit_status::accepted);
  p.try_now(home);
  p.drain();
  EXPECT_EQ(p.account().completed, 3u);
}

} // namespace
