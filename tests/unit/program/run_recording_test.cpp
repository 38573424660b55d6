#include "report/run_recording.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

// What a trace says of a run, from its stamps.

namespace convoy::tool {
namespace {

/// Stamps of one message, of a key that a worker handled.
struct stamped {
  std::uint32_t key, worker;
  std::int64_t accepted, begun, done;
};

struct made {
  workload load;
  run seen;
};

made run_of(const std::vector<stamped>& messages) {
  made m;
  m.load.keys = {"a", "b"};
  m.seen.strategy = "lanes";
  m.seen.workers = 2;
  for (const stamped& s : messages) {
    m.load.messages.push_back({.key = s.key});
    m.seen.records.push_back({.accepted = s.accepted, .begun = s.begun, .done = s.done});
    m.seen.seen.workers.push_back(s.worker);
  }
  return m;
}

TEST(recording_of, joins_what_a_worker_ran_in_a_row) {
  const made m = run_of({{0, 0, 0, 10'000, 20'000},
                         {0, 0, 0, 21'000, 30'000},   // 1 us later: joined
                         {0, 0, 0, 31'001, 40'000},   // later still
                         {0, 1, 0, 40'100, 50'000},   // another worker
                         {1, 1, 0, 50'100, 60'000}}); // another key
  const recording is = recording_of(m.load, m.seen, 100);
  EXPECT_EQ(is.name, "lanes, 2 workers");
  EXPECT_EQ(is.labels, m.load.keys);
  EXPECT_EQ(is.length.count(), 60'000);
  ASSERT_EQ(is.slices.size(), 4u);
  EXPECT_EQ(is.slices[0].begun, 10'000);
  EXPECT_EQ(is.slices[0].ended, 30'000);
  EXPECT_EQ(is.slices[0].messages, 2u);
  EXPECT_EQ(is.slices[1].messages, 1u);
  EXPECT_EQ(is.slices[2].worker, 1u);
  EXPECT_EQ(is.slices[3].label, 1u);
  EXPECT_EQ(is.dropped, 0u);
}

TEST(recording_of, counts_keys_and_messages_over_time) {
  // a: two messages from 0 on, handled 100 to 200 and 300 to 400; b: one, accepted while it ran.
  const made m = run_of({{0, 0, 0, 100, 200}, {0, 0, 0, 300, 400}, {1, 1, 350, 340, 1000}});
  const recording is = recording_of(m.load, m.seen, 100);
  const auto at = [&](std::int64_t time) {
    return *(std::ranges::upper_bound(is.levels, time, {}, &recording::level::at) - 1);
  };
  const auto expect = [&](std::int64_t time, std::uint64_t backlog, unsigned waiting,
                          unsigned running) {
    EXPECT_EQ(at(time).backlog, backlog) << time;
    EXPECT_EQ(at(time).waiting, waiting) << time;
    EXPECT_EQ(at(time).running, running) << time;
  };
  expect(50, 2, 1, 0);
  expect(150, 2, 0, 1);
  expect(250, 1, 1, 0);
  expect(320, 1, 0, 1);
  expect(345, 2, 0, 2);
  expect(500, 1, 0, 1);
  expect(1000, 0, 0, 0);
}

TEST(recording_of, tells_attempts_and_what_is_parked) {
  made m = run_of({{0, 0, 0, 100, -1}, {0, 0, 0, 0, -1}});
  m.seen.seen.failed = {{{100, 150, 0}, {400, 450, 1}}, {}};
  m.seen.faults.why = {death::shutdown, death::shutdown};
  m.seen.records[0].died = 1000;
  m.seen.records[1].died = 1000;
  const recording is = recording_of(m.load, m.seen, 100);
  ASSERT_EQ(is.slices.size(), 2u);
  EXPECT_TRUE(is.slices[0].failed && is.slices[1].failed);
  EXPECT_EQ(is.slices[0].attempt, 1);
  EXPECT_EQ(is.slices[1].attempt, 2);
  EXPECT_EQ(is.slices[1].worker, 1u);
  ASSERT_EQ(is.holds.size(), 2u);
  EXPECT_EQ(is.holds[0].reason, hold_reason::retry);
  EXPECT_EQ(is.holds[0].begin, 150);
  EXPECT_EQ(is.holds[0].end, 400);
  EXPECT_EQ(is.holds[1].reason, hold_reason::parked);
  EXPECT_EQ(is.holds[1].end, 1000);
  EXPECT_EQ(is.holds[1].attempts, 2);
  m.seen.faults.why[0] = death::failed; // a dead letter at once
  EXPECT_EQ(recording_of(m.load, m.seen, 100).holds.size(), 1u);
  // What is held does not wait for a worker.
  const auto last = is.levels[is.levels.size() / 2];
  EXPECT_EQ(last.waiting + last.running, 0u);
  EXPECT_EQ(last.backlog, 2u);
}

TEST(recording_of, keeps_what_began_first) {
  std::vector<stamped> messages;
  for (std::int64_t i = 0; i < 100; ++i)
    messages.push_back({static_cast<std::uint32_t>(i % 2), static_cast<std::uint32_t>(i % 2), 0,
                        i * 10'000, i * 10'000 + 10});
  const made m = run_of(messages);
  const recording is = recording_of(m.load, m.seen, 30);
  EXPECT_EQ(is.slices.size(), 30u);
  EXPECT_EQ(is.dropped, 70u);
  for (const auto& s : is.slices)
    EXPECT_LT(s.begun, 300'000);
}

TEST(recording_of, a_run_of_nothing_is_empty) {
  const made m = run_of({});
  EXPECT_TRUE(recording_of(m.load, m.seen, 30).slices.empty());
}

} // namespace
} // namespace convoy::tool
