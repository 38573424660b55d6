#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <numeric>
#include <thread>
#include <vector>

// In which order lanes are run whose handlers are slow: the longest first, as everything waits for
// it in the end, but not always.

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

/// Handles `backlog[key]` messages of each key, all submitted at once, in the order in which a
/// round takes one of each key that has some left. Returns the keys in the order in which their
/// messages were done.
std::vector<int> handle_slowly(unsigned workers, std::vector<int> backlog) {
  std::vector<int> done(
      static_cast<std::size_t>(std::accumulate(backlog.begin(), backlog.end(), 0)));
  std::atomic<std::size_t> next{0};
  runtime rt{{.concurrency = workers}};
  processor<int, int> p{rt, [&](const int& key, int&) {
                          std::this_thread::sleep_for(std::chrono::microseconds(500));
                          done[next.fetch_add(1)] = key;
                        }};
  for (bool any = true; any;) {
    any = false;
    for (int key = 0; auto& left : backlog) {
      if (left-- > 0) {
        any = true;
        EXPECT_EQ(p.submit(key, 0), submit_status::accepted);
      }
      ++key;
    }
  }
  p.drain();
  return done;
}

TEST(slow_lanes, the_longest_does_not_wait_for_its_turn) {
  constexpr int hot = 0;
  constexpr int backlog = 300;
  std::vector<int> keys(200, 3);
  keys[hot] = backlog;
  const auto done = handle_slowly(4, keys); // 225 rounds of all four, and the hot key needs 300
  const auto last_cold =
      std::find_if(done.rbegin(), done.rend(), [](int key) { return key != hot; }).base();
  EXPECT_GE(std::count(done.begin(), last_cold, hot), backlog / 2); // in turns it would be 3 or 4
}

/// Of how many messages the last one of a key with one message was, beside so many keys with `backlog`.
long last_of_short_ones(unsigned workers, std::size_t short_ones, int long_ones, int backlog) {
  std::vector<int> keys(static_cast<std::size_t>(long_ones), backlog);
  keys.resize(keys.size() + short_ones, 1);
  const auto done = handle_slowly(workers, keys);
  const auto last =
      std::find_if(done.rbegin(), done.rend(), [&](int key) { return key >= long_ones; }).base();
  return last - done.begin();
}

TEST(slow_lanes, short_ones_do_not_wait_for_the_end_of_one_long_one_for_each_worker) {
  EXPECT_LE(last_of_short_ones(2, 32, 2, 400), 500);
  EXPECT_LE(last_of_short_ones(8, 100, 8, 400), 1'000);
}

TEST(slow_lanes, short_ones_do_not_wait_for_the_end_of_many_long_ones) {
  EXPECT_LE(last_of_short_ones(8, 400, 24, 400), 2'000);
}

TEST(slow_lanes, of_two_workers_none_is_lost_to_a_key_with_a_small_backlog) {
  EXPECT_LE(last_of_short_ones(2, 60, 1, 100), 80);
}

/// A worker is stuck after it has made lanes ready. The other one always has more that it made ready
/// itself: that must not go first for ever.
TEST(slow_lanes, that_a_stuck_worker_has_made_ready_have_their_turn) {
  constexpr int stuck = 0;
  constexpr int first_busy = 100;
  constexpr int keys = 120; // from first_busy on they submit to themselves
  runtime rt{{.concurrency = 2}};
  gate held;
  std::atomic<bool> over{false};
  std::atomic<int> left{first_busy - 1};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt, [&](const int& key, int& m) {
                          if (key == stuck && m == 1)
                            return held.pass();
                          std::this_thread::sleep_for(std::chrono::microseconds(200));
                          if (key >= first_busy && !over) {
                            EXPECT_EQ(self->submit(key, 0), submit_status::accepted);
                          }
                          if (key > stuck && key < first_busy && m == 1)
                            --left;
                        }};
  self = &p;
  for (int round = 0; round < 2; ++round) // the first one tells that handlers are slow
    for (int key = 0; key < (round == 0 ? keys : first_busy); ++key)
      ASSERT_EQ(p.submit(key, round), submit_status::accepted);
  held.await_visitors();
  EXPECT_TRUE(eventually([&] { return left == 0; }));
  over = true;
  held.open();
  p.drain();
}

} // namespace
