#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

// What explain() of a key that a joint message has may not see, and how it asks others by callbacks.

namespace {

using namespace std::chrono_literals;
using convoy::explanation;
using convoy::key_state;
using convoy::runtime;
using convoy::submit_status;

#define CONVOY_ACCEPTED(what) ASSERT_EQ(what, submit_status::accepted)

/// A message; while it is copied, which happens between a ticket and its publication, it may be held up.
struct note {
  explicit note(int n = 0, gate* its_holdup = nullptr) : number(n), holdup(its_holdup) {}
  note(const note& other) : number(other.number), holdup(other.holdup) {
    if (holdup != nullptr)
      holdup->pass();
  }
  note(note&&) noexcept = default;
  note& operator=(const note&) = delete;
  note& operator=(note&&) noexcept = default;
  ~note() = default;

  int number;
  gate* holdup;
};

/// Places that are looked at in each partition, as its messages wait meanwhile.
constexpr std::size_t most = convoy::detail::tuning::most_surveyed_lanes;

/// Keys of a letter have one hash; a and b, c and d, ... are of two partitions.
struct by_letter {
  std::size_t operator()(const std::string& key) const {
    const auto wanted = static_cast<unsigned>(key.at(0) - 'a') % 2;
    for (std::size_t hash = static_cast<std::size_t>(key.at(0)) << 16;; ++hash)
      if (((convoy::detail::scatter(hash) >> 48) & 1) == wanted)
        return hash;
  }
};

/// Somebody may be held up while it looks for a key.
struct same_key {
  bool operator()(const std::string& a, const std::string& b) const {
    if (holdup != nullptr && is_armed->load() && a == "a held up")
      holdup->pass();
    return a == b;
  }
  gate* holdup = nullptr;
  std::atomic<bool>* is_armed = nullptr;
};

using notes = convoy::processor<std::string, note, void, by_letter, same_key>;

notes::options of_two_partitions() {
  notes::options wanted;
  wanted.capacity = 1 << 16;
  wanted.partitions = 2;
  wanted.insight = {.top = 5, .window = 1h, .label = convoy::plain};
  wanted.joint = [](notes::joint&, note&) {};
  return wanted;
}

/// A joint message of `key` has got that, so that it is not in the ring any more.
explanation await_joint(notes& p, const std::string& key) {
  explanation why;
  EXPECT_TRUE(eventually([&] {
    why = p.explain(key, 1h);
    return why.depth == 1 && why.in_ring == 0;
  }));
  return why;
}

/// A producer that has its ticket is preempted before it publishes that: nobody can get on in the ring.
class joint_look : public testing::TestWithParam<bool> {
protected:
  static void hold_up(notes& p, gate& holdup, std::thread& producer) {
    if (GetParam()) { // the partitions have had joint messages already
      EXPECT_EQ(p.submit_joint({"a", "b"}, note(0)), submit_status::accepted);
      p.drain();
    }
    producer = std::thread([&] {
      const note slow(1, &holdup);
      EXPECT_EQ(p.submit("b", slow), submit_status::accepted);
    });
    holdup.await_visitors();
  }
};
INSTANTIATE_TEST_SUITE_P(after_others, joint_look, testing::Bool());

TEST_P(joint_look, sees_a_place_behind_one_that_is_not_published) {
  runtime rt{{.concurrency = 2}};
  gate holdup;
  notes p{rt, [](note&) {}, of_two_partitions()};
  std::thread producer;
  hold_up(p, holdup, producer);
  EXPECT_EQ(p.submit_joint({"a", "d"}, note(2)), submit_status::accepted);
  const auto why = await_joint(p, "a");
  EXPECT_EQ(why.state, key_state::joint) << to_string(why.state);
  EXPECT_EQ(why.other, "d");
  EXPECT_EQ(why.other_state, key_state::in_ring);
  holdup.open();
  producer.join();
  p.drain();
}

TEST_P(joint_look, does_not_say_that_a_message_is_ready_whose_place_is_far_behind) {
  for (const std::size_t before : {std::size_t{1'000}, most}) {
    runtime rt{{.concurrency = 2}};
    gate holdup;
    notes p{rt, [](note&) {}, of_two_partitions()};
    std::thread producer;
    hold_up(p, holdup, producer);
    for (std::size_t i = 0; i < before; ++i)
      EXPECT_EQ(p.submit("f", note(2)), submit_status::accepted);
    EXPECT_EQ(p.submit_joint({"a", "d"}, note(3)), submit_status::accepted);
    const auto why = await_joint(p, "a");
    EXPECT_EQ(why.state, key_state::joint) << to_string(why.state);
    EXPECT_EQ(why.other, before < most ? "d" : "");
    EXPECT_EQ(why.other_state, before < most ? key_state::in_ring : key_state::no_worker);
    holdup.open();
    producer.join();
    p.drain();
  }
}

TEST(joint_places, does_not_look_at_all_places_if_there_are_many) {
  runtime rt{{.concurrency = 2}};
  gate first;
  auto wanted = of_two_partitions();
  notes p{rt, [&](note&) { first.pass(); }, wanted};
  CONVOY_ACCEPTED(p.submit("b", note(1)));
  first.await_visitors();
  for (std::size_t i = 0; i < most; ++i)
    CONVOY_ACCEPTED(p.submit_joint({"b"}, note(2)));
  CONVOY_ACCEPTED(p.submit_joint({"a", "b"}, note(3)));
  EXPECT_TRUE(eventually([&] { return p.explain("b", 1h).in_ring == 0; }));
  const auto why = await_joint(p, "a");
  EXPECT_EQ(why.state, key_state::joint) << to_string(why.state);
  EXPECT_EQ(why.other, "") << "it was the last one";
  EXPECT_EQ(why.other_state, key_state::no_worker);
  first.open();
  p.drain();
}

// 1. A joint message of `a` is done, and gives its lanes back; its drainer, in the midst of a visit, is held up.
// 2. The next one of `a` gets the memory.
// 3. The drainer looks, before it has taken the lane back: that has the address of a message that waits in `a`.
TEST(joint_places, takes_no_later_message_in_the_same_memory_for_an_earlier_one) {
  runtime rt{{.concurrency = 2}};
  gate running, holdup;
  std::atomic<bool> is_armed{false}, told{false};
  auto wanted = of_two_partitions();
  std::vector<const note*> at;
  wanted.joint = [&](notes::joint&, note& n) {
    at.push_back(&n);
    running.pass();
  };
  notes p{rt, [](note&) {}, wanted, {}, same_key{&holdup, &is_armed}};
  p.pause("a held up");
  CONVOY_ACCEPTED(p.submit("a held up", note(1)));
  p.drain("c"); // the pause was served
  EXPECT_TRUE(eventually([&] { return p.explain("a held up").state == key_state::paused; }));
  CONVOY_ACCEPTED(p.submit_joint({"a", "b"}, note(2)));
  running.await_visitors();
  EXPECT_TRUE(eventually([&] { return p.explain("a").depth == 1; }));
  is_armed = true;
  CONVOY_ACCEPTED(p.submit("a held up", note(3)));
  holdup.await_visitors();
  running.open();
  EXPECT_TRUE(eventually([&] { return p.explain("b").state == key_state::idle; }));
  CONVOY_ACCEPTED(p.submit_joint({"a", "d"}, note(4)));
  explanation why;
  p.explain("a", [&](const explanation& its) {
    why = its;
    told = true;
  });
  is_armed = false;
  holdup.open();
  EXPECT_TRUE(eventually([&] { return told.load(); }));
  EXPECT_NE(why.other, "a") << to_string(why);
  p.resume("a held up");
  p.drain();
  ASSERT_EQ(at.size(), 2u);
  EXPECT_EQ(at[0], at[1]) << "it was not the same memory";
}

/// Of which each partition is asked in a callback of its own.
class joint_callback : public testing::Test {
protected:
  notes::options wanted = of_two_partitions();
};

TEST_F(joint_callback, needs_one_request_however_many_partitions_there_are) {
  runtime rt{{.concurrency = 3}};
  gate first;
  wanted.request_capacity = 1;
  notes p{rt, [&](note&) { first.pass(); }, wanted};
  CONVOY_ACCEPTED(p.submit("b", note(1)));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "b"}, note(2)));
  EXPECT_TRUE(eventually([&] { return p.explain("a").other == "b"; }));
  for (int i = 0; i < 3; ++i) { // each gives it back
    std::atomic<bool> told{false};
    explanation why;
    p.explain("a", [&](const explanation& its) {
      why = its;
      told = true;
    });
    ASSERT_TRUE(eventually([&] { return told.load(); }));
    EXPECT_EQ(why.state, key_state::joint) << to_string(why);
    EXPECT_EQ(why.other, "b");
  }
  first.open();
  p.drain();
}

// It was asked for before shutdown() began, and asks the other partition afterwards.
TEST_F(joint_callback, is_waited_for_by_shutdown) {
  runtime rt{{.concurrency = 2}};
  gate first, second;
  std::atomic<bool> told{false};
  notes p{rt,
          [&](notes::context& c, note& n) {
            if (n.number == 1)
              return first.pass();
            second.pass();
            EXPECT_TRUE(eventually([&] { return c.stop_token().stop_requested(); }));
          },
          wanted};
  CONVOY_ACCEPTED(p.submit("b", note(1)));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({"a", "b"}, note(3)));
  EXPECT_TRUE(eventually([&] { return p.explain("a").other == "b"; }));
  CONVOY_ACCEPTED(p.submit("c", note(2)));
  second.await_visitors(); // no worker is left until shutdown() has begun
  second.open();
  p.explain("a", [&](const explanation&) {
    first.open(); // all messages end, and nothing but this is left to be waited for
    std::this_thread::sleep_for(100ms);
    told = true;
  });
  (void)p.shutdown(0s);
  EXPECT_TRUE(told) << "what it refers to may be gone";
  EXPECT_TRUE(eventually([&] { return told.load(); }));
}

} // namespace
