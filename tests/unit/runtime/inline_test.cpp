#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Handlers that run straight from the ring, and what happens to the messages behind one that stays.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

using std::chrono::milliseconds;

/// The stuck key's handler waits at a gate; of each other key the messages are checked for order.
struct one_ring {
  explicit one_ring(unsigned concurrency, unsigned quantum_messages = 64)
      : rt{{.concurrency = concurrency}}, p{rt,
                                            [this](const int& key, int& number) {
                                              if (key == stuck && number == 0)
                                                held.pass();
                                              in_order = in_order && number == next[key];
                                              ++next[key];
                                              handled.fetch_add(1);
                                            },
                                            {.partitions = 1,
                                             .quantum_messages = quantum_messages}} {}

  void submit(int key) { ASSERT_EQ(p.submit(key, int{submitted[key]++}), submit_status::accepted); }

  bool eventually_handled(int count) {
    return eventually([&] { return handled.load() == count; });
  }

  static constexpr int keys = 10;
  static constexpr int stuck = 3;
  gate held;
  int next[keys]{};
  int submitted[keys]{};
  std::atomic<bool> in_order{true};
  std::atomic<int> handled{0};
  runtime rt;
  processor<int, int> p;
};

TEST(inline_mode, goes_on_behind_a_stuck_handler) {
  for (int round = 0; round < 30; ++round) {
    one_ring ring(2);
    for (int i = 0; i < 20; ++i)
      for (int key = 0; key < one_ring::keys; ++key)
        if (key != one_ring::stuck || i >= 10)
          ring.submit(key);
    ASSERT_TRUE(ring.eventually_handled(9 * 20));
    ring.held.open();
    ring.p.drain();
    EXPECT_EQ(ring.handled.load(), 9 * 20 + 10);
    EXPECT_TRUE(ring.in_order);
  }
}

TEST(inline_mode, goes_on_with_what_comes_after_a_handler_got_stuck) {
  for (int round = 0; round < 30; ++round) {
    one_ring ring(2);
    for (int key = 0; key < 3; ++key)
      for (int i = 0; i < round; ++i) // also none: then the stuck message is alone in the ring
        ring.submit(key);
    ring.submit(one_ring::stuck);
    ring.held.await_visitors();
    std::this_thread::sleep_for(milliseconds(round % 4));
    ring.submit(one_ring::stuck);
    ring.submit(5);
    ASSERT_TRUE(ring.eventually_handled(3 * round + 1));
    ring.held.open();
    ring.p.drain();
    EXPECT_EQ(ring.handled.load(), 3 * round + 3);
    EXPECT_TRUE(ring.in_order);
  }
}

TEST(inline_mode, goes_on_behind_as_many_stuck_handlers_as_there_are_workers_but_one) {
  gate held;
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 4}};
  processor<int, int> p{rt,
                        [&](const int&, int& stays) {
                          if (stays != 0)
                            held.pass();
                          handled.fetch_add(1);
                        },
                        {.partitions = 1}};
  for (int key = 0; key < 300; ++key)
    ASSERT_EQ(p.submit(key, key % 100 == 50), submit_status::accepted);
  held.await_visitors(3);
  EXPECT_TRUE(eventually([&] { return handled.load() == 297; }));
  held.open();
  p.drain();
  EXPECT_EQ(handled.load(), 300);
}

TEST(inline_mode, keeps_state_with_a_lane_that_was_taken_over) {
  gate held;
  runtime rt{{.concurrency = 2}};
  std::vector<int> seen(2);
  processor<int, int, int> p{rt,
                             [&](const int& key, int& stays, int& state) {
                               if (stays != 0)
                                 held.pass();
                               seen[static_cast<std::size_t>(key)] = ++state;
                             },
                             {.partitions = 1}};
  for (int i = 0; i < 100; ++i)
    for (int key = 0; key < 2; ++key)
      ASSERT_EQ(p.submit(key, key == 0 && i == 50), submit_status::accepted);
  held.await_visitors();
  std::this_thread::sleep_for(milliseconds(2));
  held.open();
  p.drain();
  EXPECT_THAT(seen, testing::Each(100));
}

/// The stuck key's handler has its key and message in the ring's cell, and the ring goes on without it.
TEST(inline_mode, leaves_a_stuck_handler_its_key_and_its_message) {
  const std::string long_key = "a key that does not fit into the string itself";
  gate held;
  std::atomic<int> handled{0};
  std::string key_after, message_after;
  runtime rt{{.concurrency = 2}};
  processor<std::string, std::string> p{rt,
                                        [&](const std::string& key, std::string& message) {
                                          if (message == "a message that stays for a long time") {
                                            held.pass();
                                            key_after = key;
                                            message_after = message;
                                          }
                                          handled.fetch_add(1);
                                        },
                                        {.partitions = 1}};
  ASSERT_EQ(p.submit("other", "first"), submit_status::accepted);
  ASSERT_EQ(p.submit(long_key, "a message that stays for a long time"), submit_status::accepted);
  held.await_visitors();
  int others = 1;
  for (int round = 0; round < 20; ++round) { // more than the segments that a ring keeps
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(p.submit("other", "another message, as long as the one that stays"),
                submit_status::accepted);
    others += 1000;
    ASSERT_EQ(p.submit(long_key, "waits behind it"), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return handled.load() == others; }));
  }
  held.open();
  p.drain();
  EXPECT_EQ(handled.load(), others + 21);
  EXPECT_EQ(key_after, long_key);
  EXPECT_EQ(message_after, "a message that stays for a long time");
}

/// A stuck handler fails in the end: then the message leaves its cell, and keeps its place.
TEST(inline_mode, tries_a_message_again_whose_handler_was_taken_over) {
  for (const bool throws : {false, true}) {
    gate held;
    std::atomic<int> handled{0};
    std::vector<std::string> seen;
    runtime rt{{.concurrency = 2}};
    processor<std::string, std::string> p{
        rt,
        [&](const std::string& key, std::string& message) -> convoy::outcome {
          if (key == "stuck") {
            seen.push_back(message);
            if (seen.size() == 1) {
              held.pass();
              if (throws)
                throw std::runtime_error("too late");
              return convoy::outcome::retry;
            }
          }
          handled.fetch_add(1);
          return convoy::outcome::done;
        },
        {.partitions = 1, .failure = convoy::failure_policy{.backoff = milliseconds(1)}}};
    ASSERT_EQ(p.submit("stuck", "the first message, which is tried twice"),
              submit_status::accepted);
    held.await_visitors();
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(p.submit("other", "message"), submit_status::accepted);
    ASSERT_EQ(p.submit("stuck", "the second"), submit_status::accepted);
    ASSERT_TRUE(eventually([&] { return handled.load() == 1000; }));
    held.open();
    p.drain();
    EXPECT_THAT(seen,
                testing::ElementsAre("the first message, which is tried twice",
                                     "the first message, which is tried twice", "the second"));
    EXPECT_EQ(handled.load(), 1002);
  }
}

TEST(inline_mode, gives_a_waiting_drain_what_it_waits_for_behind_a_stuck_handler) {
  gate held;
  runtime rt{{.concurrency = 2}};
  std::atomic<int> handled{0};
  processor<int, int> p{rt,
                        [&](const int&, int& stays) {
                          if (stays != 0)
                            held.pass();
                          handled.fetch_add(1);
                        },
                        {.partitions = 1}};
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(p.submit(i, i == 50), submit_status::accepted);
  held.await_visitors();
  std::atomic<bool> drained{false};
  std::jthread waits([&] {
    p.drain();
    drained = true;
  });
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_FALSE(drained.load());
  held.open();
  waits.join();
  EXPECT_EQ(handled.load(), 100);
}

} // namespace
