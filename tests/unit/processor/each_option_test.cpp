#include "cpu_time.hpp"
#include "gate.hpp"
#include "heap.hpp"
#include "processor/option_rows.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

// What the README promises, with each option.

namespace {

using namespace each_option;

constexpr number new_key = 1'000; // from here on

class with_each_option : public testing::TestWithParam<row> {
protected:
  void make(unsigned concurrency, sizes s = {}) {
    rt_.emplace(convoy::runtime::options{.concurrency = concurrency});
    subject_ = GetParam().make(*rt_, handling_, s);
  }

  /// Another message. They are counted.
  [[nodiscard]] bool try_submit(number key) {
    if (subject_->submit(key, sent_) != submit_status::accepted)
      return false;
    ++sent_;
    return true;
  }
  void submit(number key) {
    ASSERT_TRUE(eventually([&] { return try_submit(key); }));
  }
  /// Of key(i) for each i.
  template <class KeyOf>
  void submit_many(number count, KeyOf&& key) {
    for (number i = 0; i < count; ++i)
      submit(key(i));
  }
  void finish_all() {
    ASSERT_TRUE(eventually([&] { return handling_.finished == sent_; }));
    subject_->drain();
  }

  handling handling_;
  number sent_ = 0;
  std::optional<convoy::runtime> rt_;
  std::unique_ptr<subject> subject_;
};

TEST_P(with_each_option, keys_keep_their_order_and_the_account_comes_out_even) {
  make(2);
  for (int round = 0; round < 20; ++round) {
    submit_many(1'000, [](number i) { return i % handling::few; });
    finish_all();
  }
  subject_->close();
  EXPECT_EQ(subject_->submit(1, sent_), submit_status::closed);
  if (!GetParam().by_time) {
    EXPECT_EQ(handling_.out_of_order, 0u);
  }
  const auto account = subject_->account();
  EXPECT_TRUE(account.balanced());
  EXPECT_EQ(account.accepted, sent_);
}

TEST_P(with_each_option, a_stuck_key_stops_no_others) {
  make(2, {.partitions = 1});
  handling_.hold(7);
  submit(7);
  ASSERT_TRUE(eventually([&] { return handling_.at_the_gate != 0; }));
  submit_many(1'000, [](number i) { return i % 7; });
  EXPECT_TRUE(eventually([&] { return handling_.finished == 1'000; }));
  handling_.hold(handling::none);
  finish_all();
}

TEST_P(with_each_option, capacity_is_exact) {
  constexpr number capacity = 1'000, threads = 4;
  if (GetParam().by_time)
    GTEST_SKIP() << "its submit waits";
  make(2, {.capacity = capacity, .partitions = 4});
  for (int round = 0; round < 3; ++round) {
    handling_.hold_all(true);
    std::atomic<number> accepted{0};
    std::atomic<number> next{static_cast<number>(round) * 1'000'000}; // an id never comes again
    std::vector<std::thread> producers;
    for (number t = 0; t < threads; ++t)
      producers.emplace_back([&] {
        for (int refused = 0; refused < 50;) {
          const auto i = next++;
          if (subject_->submit(new_key + i, i) == submit_status::accepted)
            ++accepted;
          else
            ++refused;
        }
      });
    for (auto& each : producers)
      each.join();
    EXPECT_LE(accepted, capacity);
    // Threads that raced for the last place left a few tickets void.
    EXPECT_GE(accepted, capacity - 4 * threads);
    sent_ += accepted;
    handling_.hold_all(false);
    finish_all();
  }
}

#ifdef CONVOY_TEST_COUNTS_HEAP

TEST_P(with_each_option, messages_allocate_nothing) {
  make(2);
  number key = new_key;
  for (const bool keys_are_new : {false, true}) {
    const auto rounds = [&] {
      for (int round = 0; round < 30; ++round) {
        submit_many(1'000, [&](number i) { return keys_are_new ? key++ : i % 50; });
        finish_all();
      }
    };
    rounds();
    const auto before = allocations();
    rounds();
    const auto of_each = static_cast<double>(allocations() - before) / 30'000;
    const bool may = keys_are_new || !GetParam().for_new_keys_only;
    const double slack = GetParam().waits_for_times ? 0.5 : 0.05;
    EXPECT_LT(of_each, (may ? GetParam().allocations : 0) + slack)
        << (keys_are_new ? "new keys" : "the same keys");
  }
}

TEST_P(with_each_option, idle_keys_keep_nothing) {
  constexpr number keys = 50'000;
  constexpr std::size_t kept_bytes = 400'000; // what idle partitions keep for their next messages
  make(2, {.partitions = 1});
  const auto before = live_bytes();
  handling_.hold_all(true); // all are there at once
  submit_many(keys, [](number i) { return new_key + i; });
  handling_.hold_all(false);
  finish_all();
  const auto most =
      before + kept_bytes + GetParam().kept_bytes + keys * GetParam().bytes_of_idle_key;
  EXPECT_TRUE(eventually([&] { return live_bytes() < most; }))
      << live_bytes() - before << " bytes are still there";
}

TEST_P(with_each_option, submit_takes_no_lock) {
  constexpr number messages = 4'096;
  make(1, {.partitions = 4});
  handling_.hold_all(true); // so that no worker must be woken
  submit(0);
  ASSERT_TRUE(eventually([&] { return handling_.at_the_gate != 0; }));
  const auto before = mutexes_locked();
  for (number i = 0; i < messages; ++i)
    ASSERT_TRUE(try_submit(i % handling::few));
  const auto of_each = static_cast<double>(mutexes_locked() - before) / messages;
  EXPECT_LT(of_each, GetParam().locks + 0.05); // one for each segment
  handling_.hold_all(false);
  finish_all();
}

TEST_P(with_each_option, an_idle_processor_uses_no_cpu) {
  make(2);
  submit_many(20'000, [](number i) { return new_key + i; });
  finish_all();
  const auto is_quiet = [] {
    const auto before = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
    std::this_thread::sleep_for(200ms);
    return cpu_time(CLOCK_PROCESS_CPUTIME_ID) - before < 5ms;
  };
  // Workers go to sleep, and memory back, in steps, which take longer where other programs run.
  int busy = 0;
  while (busy < 20 && !is_quiet())
    ++busy;
  EXPECT_LT(busy, 20);
  EXPECT_TRUE(is_quiet()) << "again";
}

#endif

INSTANTIATE_TEST_SUITE_P(promises, with_each_option, testing::ValuesIn(rows()),
                         [](const auto& each) { return std::string(each.param.name); });

/// Counts how often it is asked.
TEST(sink_that_refuses, is_asked_less_and_less_often) {
  constexpr int lanes = 100;
  std::atomic<int> asked{0};
  std::atomic<bool> takes{false};
  convoy::runtime rt{{.concurrency = 2}};
  convoy::processor<int, int> p{
      rt, [](int&) { return outcome::skip; }, {.dead_letters = [&](auto&) {
        ++asked;
        if (!takes)
          throw convoy::dead_letter_refused("full");
      }}};
  for (int key = 0; key < lanes; ++key)
    ASSERT_EQ(p.submit(key, 0), submit_status::accepted);
  std::this_thread::sleep_for(1s);
  EXPECT_LE(asked, 9 * lanes); // after 0, 10, 30, 70, 150, 310, 630 ms, and later
  takes = true;
  p.drain();
  EXPECT_EQ(p.dead_letters(), std::uint64_t{lanes});
}

} // namespace
