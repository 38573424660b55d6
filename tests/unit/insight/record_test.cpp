#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

// What a processor does, one thing after the other.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::recording;
using convoy::runtime;
using convoy::submit_status;

/// Records while it is submitted to, until it is over.
template <class Submit>
std::vector<recording> record_while(const runtime& rt, Submit&& submit,
                                    std::size_t most = 1'000'000) {
  std::atomic<bool> has_begun{false}, over{false};
  std::thread producer([&] {
    while (!over) {
      submit();
      has_begun = true;
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_TRUE(eventually([&] { return has_begun.load(); }));
  auto all = rt.record(200ms, most); // on a busy machine a thread may wait for its turn for a while
  over = true;
  producer.join();
  return all;
}

/// Those of a worker, or of a key, do not overlap.
template <class Of>
void expect_one_at_a_time(const recording& r, Of&& of) {
  std::map<std::uint32_t, std::vector<recording::slice>> each;
  for (const auto& slice : r.slices)
    each[of(slice)].push_back(slice);
  for (auto& [which, slices] : each) {
    std::ranges::sort(slices, {}, &recording::slice::begun);
    for (std::size_t i = 1; i < slices.size(); ++i)
      ASSERT_LE(slices[i - 1].ended, slices[i].begun) << which;
  }
}

TEST(record, has_each_run_of_each_key_in_order) {
  runtime rt{{.concurrency = 3}};
  processor<std::string, int> p{rt, [](int&) { std::this_thread::sleep_for(200us); },
                                with_insight(1h)};
  const auto all = record_while(rt, [&] {
    for (int i = 0; i < 10; ++i)
      (void)p.submit("key " + std::to_string(i % 5), i);
  });
  ASSERT_EQ(all.size(), 1u);
  const auto& r = all[0];
  EXPECT_EQ(r.name, "orders");
  EXPECT_EQ(r.workers, 3u);
  EXPECT_EQ(r.labels.size(), 5u);
  EXPECT_EQ(r.dropped, 0u);
  ASSERT_FALSE(r.slices.empty());
  std::uint64_t messages = 0;
  for (const auto& slice : r.slices) {
    EXPECT_GE(slice.begun, 0);
    EXPECT_LE(slice.ended, r.length.count());
    EXPECT_LT(slice.worker, 3u);
    ASSERT_LT(slice.label, r.labels.size());
    EXPECT_FALSE(slice.failed);
    messages += slice.messages;
  }
  EXPECT_GT(messages, 20u);
  EXPECT_LE(messages, p.account().accepted);
  expect_one_at_a_time(r, [](const auto& slice) { return slice.worker; });
  expect_one_at_a_time(r, [](const auto& slice) { return slice.label; });
  ASSERT_GE(r.levels.size(), 2u);
  EXPECT_TRUE(std::ranges::is_sorted(r.levels, {}, &recording::level::at));
  EXPECT_TRUE(std::ranges::any_of(r.levels, [](const auto& l) { return l.backlog != 0; }));
}

/// Each message is timed, though they are cheap and few of them are otherwise.
TEST(record, has_cheap_messages_too) {
  runtime rt{{.concurrency = 2}};
  processor<std::string, int> p{rt, [](int&) {}, with_insight(1h)};
  for (int i = 0; i < 100'000; ++i)
    ASSERT_EQ(p.submit("before", i), submit_status::accepted);
  p.drain();
  std::atomic<std::uint64_t> submitted{0};
  const auto all = record_while(rt, [&] {
    for (int i = 0; i < 20; ++i)
      submitted += p.submit("key", i) == submit_status::accepted;
  });
  ASSERT_EQ(all.size(), 1u);
  std::uint64_t messages = 0;
  for (const auto& slice : all[0].slices)
    messages += slice.messages;
  EXPECT_GT(messages, submitted / 4); // some came before it began, or after its end
  for (const auto& slice : all[0].slices) {
    ASSERT_LE(slice.begun, slice.ended);
    ASSERT_LE(slice.ended, all[0].length.count());
  }
  const auto before = p.snapshot();
  EXPECT_EQ(before.window, 0ns);
}

TEST(record, has_retries_and_what_held_keys) {
  runtime rt{{.concurrency = 2}};
  auto wanted = with_insight(1h);
  wanted.failure = convoy::failure_policy{.attempts = 1'000'000, .backoff = 1ms, .ceiling = 1ms};
  std::atomic<bool> over{false};
  processor<std::string, int> p{
      rt, [&](int&) { return over ? convoy::outcome::done : convoy::outcome::retry; }, wanted};
  ASSERT_EQ(p.submit("fails", 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.snapshot().lanes.backoff != 0 || p.account().accepted; }));
  const auto all = rt.record(200ms);
  over = true;
  ASSERT_EQ(all.size(), 1u);
  const auto& r = all[0];
  ASSERT_FALSE(r.slices.empty());
  EXPECT_TRUE(std::ranges::all_of(r.slices, [](const auto& s) { return s.failed; }));
  EXPECT_TRUE(std::ranges::any_of(r.slices, [](const auto& s) { return s.attempt > 1; }));
  ASSERT_FALSE(r.holds.empty());
  for (const auto& hold : r.holds) {
    EXPECT_EQ(hold.reason, convoy::hold_reason::retry);
    EXPECT_GT(hold.attempts, 0u);
    EXPECT_LE(hold.begin, hold.end);
    EXPECT_EQ(r.labels[hold.label], "fails");
  }
}

TEST(record, keeps_to_its_bound_and_says_what_is_missing) {
  runtime rt{{.concurrency = 2}};
  processor<std::string, int> p{rt, [](int&) {}, with_insight(1h)};
  const auto all = record_while(
      rt,
      [&] {
        for (int i = 0; i < 100; ++i)
          (void)p.submit("key", i);
      },
      10);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_LE(all[0].slices.size(), 10u);
  EXPECT_GT(all[0].dropped, 0u);
}

/// All workers take of one room, and come to its end at once.
TEST(record, keeps_to_its_bound_whoever_comes_last) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<std::size_t> left{50};
    std::atomic<int> ready{0};
    std::vector<convoy::detail::recorder> recorders;
    for (unsigned worker = 0; worker < 4; ++worker)
      recorders.emplace_back(std::chrono::steady_clock::time_point{}, worker, left);
    std::vector<std::thread> workers;
    for (auto& each : recorders)
      workers.emplace_back([&ready, &each] {
        for (++ready; ready != 4;) {
        }
        for (int i = 0; i < 100; ++i)
          each.add_run(1, "key", {}, {}, 1, 0);
      });
    for (auto& each : workers)
      each.join();
    recording all;
    std::unordered_map<std::uint64_t, std::uint32_t> index;
    for (const auto& each : recorders)
      each.add_to(all, index);
    ASSERT_EQ(all.slices.size(), 50u);
    ASSERT_EQ(all.dropped, 350u);
  }
}

TEST(record, has_a_handler_that_runs_all_the_time) {
  runtime rt{{.concurrency = 2}};
  gate held;
  processor<std::string, int> p{rt, [&](int&) { held.pass(); }, with_insight(1h)};
  ASSERT_EQ(p.submit("stuck", 1), submit_status::accepted);
  held.await_visitors();
  const auto all = rt.record(5ms);
  held.open();
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].slices.size(), 1u);
  EXPECT_EQ(all[0].slices[0].begun, 0);
  EXPECT_EQ(all[0].slices[0].ended, all[0].length.count());
}

TEST(record, has_what_held_a_key_all_the_time) {
  runtime rt{{.concurrency = 2}};
  processor<std::string, int> p{rt, [](int&) { return convoy::outcome::park; }, with_insight(1h)};
  ASSERT_EQ(p.submit("parked", 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.explain("parked").state == convoy::key_state::parked; }));
  const auto all = rt.record(5ms);
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].holds.size(), 1u);
  EXPECT_EQ(all[0].holds[0].reason, convoy::hold_reason::parked);
  EXPECT_EQ(all[0].holds[0].begin, 0);
  EXPECT_EQ(all[0].holds[0].end, all[0].length.count());
  (void)p.shutdown(0s);
}

/// A survey that took long, or was preempted, is not followed by another for a hundred times as long.
TEST(record, has_what_is_held_since_a_survey_that_took_long) {
  runtime rt{{.concurrency = 1}};
  using with_state = processor<std::string, int, int>; // so that there are many lanes to look at
  with_state::options wanted;
  wanted.partitions = 1;
  wanted.insight = {.top = 5, .window = 1h, .label = convoy::plain};
  const auto handle = [](const std::string& key, int&, int&) {
    return key == "parked" ? convoy::outcome::park : convoy::outcome::done;
  };
  with_state p{rt, handle, std::move(wanted)};
  for (int key = 0; key < 16'000; ++key)
    ASSERT_EQ(p.submit(std::to_string(key), 1), submit_status::accepted);
  p.drain();
  (void)rt.record(1ms); // surveys
  ASSERT_EQ(p.submit("parked", 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.explain("parked").state == convoy::key_state::parked; }));
  const auto all = rt.record(1ms);
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].holds.size(), 1u);
  (void)p.shutdown(0s);
}

TEST(record, ends_when_it_is_told_to_though_others_record) {
  runtime rt{{.concurrency = 1}};
  std::stop_source first, second;
  std::thread other([&] { (void)rt.record(1h, 10, first.get_token()); });
  second.request_stop();
  (void)rt.record(1h, 10, second.get_token());
  first.request_stop();
  other.join();
}

TEST(record, survives_processors_that_come_and_go) {
  runtime rt{{.concurrency = 2}};
  std::atomic<bool> over{false};
  std::thread others([&] {
    while (!over) {
      processor<std::string, int> p{rt, [](int&) {}, with_insight(1ms)};
      (void)p.submit("key", 1);
    }
  });
  std::thread another([&] { (void)rt.record(10ms); });
  for (int i = 0; i < 5; ++i)
    (void)rt.record(2ms);
  another.join();
  over = true;
  others.join();
}

TEST(record, refuses_on_a_worker) {
  runtime rt{{.concurrency = 1}};
  bool refused = false;
  processor<std::string, int> p{rt,
                                [&](int&) {
                                  try {
                                    (void)rt.record(1ms);
                                  } catch (const std::logic_error&) {
                                    refused = true;
                                  }
                                },
                                with_insight(1h)};
  ASSERT_EQ(p.submit("key", 1), submit_status::accepted);
  p.drain();
  EXPECT_TRUE(refused);
}

} // namespace
