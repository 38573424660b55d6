#include "gate.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

// The account is true at every moment: what is accepted never falls, no more is finished than was
// accepted, and it is balanced only if nothing is unfinished.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

using numbers = processor<int, int>;

/// Says whether the later of two accounts can follow the earlier one.
void expect_follows(const convoy::account& later, const convoy::account& earlier) {
  EXPECT_GE(later.accepted, earlier.accepted);
  EXPECT_GE(later.completed, earlier.completed);
  EXPECT_GE(later.dead_letters, earlier.dead_letters);
  EXPECT_GE(later.discarded, earlier.discarded);
  EXPECT_LE(later.completed + later.dead_letters + later.discarded, later.accepted);
}

/// Asks for the account, again and again, on a thread of its own, until it is destroyed. `accepted`
/// counts the messages whose submit has returned, `finished` those that are done or dead.
template <class Processor>
class watcher {
public:
  watcher(Processor& p, std::atomic<std::uint64_t>& accepted, std::atomic<std::uint64_t>& finished)
      : thread_([this, &p, &accepted, &finished] {
          convoy::account last;
          while (!over_ && !testing::Test::HasFailure()) {
            const auto surely = accepted.load();
            const auto now = p.account();
            const auto at_most = finished.load();
            expect_follows(now, last);
            EXPECT_GE(now.accepted, surely);
            EXPECT_LE(now.completed + now.dead_letters, at_most);
            last = now;
          }
        }) {}
  watcher(const watcher&) = delete;
  watcher& operator=(const watcher&) = delete;
  ~watcher() {
    over_ = true;
    thread_.join();
  }

private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

TEST(account, is_not_changed_by_close) {
  for (const unsigned partitions : {1u, 4u}) {
    runtime rt{{.concurrency = 2}};
    gate held;
    numbers p{rt,
              [&](const int& key, int& m) {
                if (key == 0 && m == 0)
                  held.pass();
              },
              {.partitions = partitions}};
    std::uint64_t accepted = 0;
    for (int i = 0; i < 20'000; ++i)
      for (int key = 0; key < 3; ++key)
        accepted += p.submit(key, i) == submit_status::accepted;
    held.await_visitors();
    const auto before = p.account();
    EXPECT_EQ(before.accepted, accepted);
    p.close();
    const auto after = p.account();
    expect_follows(after, before);
    EXPECT_EQ(after.accepted, accepted);
    EXPECT_FALSE(after.balanced());
    held.open();
    const auto last = p.shutdown(1h);
    expect_follows(last, after);
    EXPECT_EQ(last.accepted, accepted);
    EXPECT_TRUE(last.balanced());
  }
}

/// A key's handler holds the drainer, so nothing leaves the ring.
TEST(account, does_not_count_requests) {
  runtime rt{{.concurrency = 1}};
  gate held;
  numbers p{rt, [&](int& m) {
              if (m == 0)
                held.pass();
            }};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  for (int i = 0; i < 100; ++i) {
    p.pause(i);
    p.resume(i);
    p.purge(1000 + i);
    p.fence(i, [] {});
    EXPECT_EQ(p.account().accepted, 1u);
  }
  held.open();
  p.drain();
  EXPECT_TRUE(eventually([&] { return p.account().balanced(); }));
  EXPECT_EQ(p.account().accepted, 1u);
}

struct fragile {
  explicit fragile(bool its_fault) : faulty(its_fault) {}
  fragile(const fragile& other) : faulty(other.faulty) {
    if (faulty)
      throw std::runtime_error("no copy");
  }
  fragile(fragile&&) noexcept = default;
  bool faulty;
};

TEST(account, does_not_count_what_could_not_be_copied) {
  runtime rt{{.concurrency = 1}};
  gate held;
  bool first = true;
  processor<int, fragile> p{rt, [&](fragile&) {
                              if (std::exchange(first, false))
                                held.pass();
                            }};
  const fragile good{false}, bad{true};
  ASSERT_EQ(p.submit(1, good), submit_status::accepted);
  held.await_visitors();
  for (int i = 0; i < 10; ++i) {
    EXPECT_THROW((void)p.submit(1, bad), std::runtime_error);
    EXPECT_EQ(p.account().accepted, 1u);
  }
  held.open();
}

TEST(account, holds_while_threads_are_refused_by_a_full_processor) {
  runtime rt{{.concurrency = 2}};
  std::atomic<std::uint64_t> accepted{0}, finished{0};
  numbers p{rt, [&](int&) { ++finished; }, {.capacity = 2, .partitions = 1}};
  {
    const watcher<numbers> watched(p, accepted, finished);
    std::vector<std::jthread> producers;
    for (int t = 0; t < 3; ++t)
      producers.emplace_back([&, t] {
        for (int i = 0; i < 300'000; ++i)
          if (p.try_submit(i % 7 + t, i) == submit_status::accepted)
            ++accepted;
      });
    producers.clear();
    p.drain();
  }
  EXPECT_TRUE(eventually([&] { return p.account().balanced(); }));
  EXPECT_EQ(p.account().accepted, accepted);
}

/// All that has no place in the ring for a while: scheduled, cancelled, put before others; and the end.
TEST(account, holds_through_schedules_and_the_end) {
  for (int round = 0; round < 40; ++round) {
    std::atomic<std::uint64_t> accepted{0}, finished{0};
    runtime rt{{.concurrency = 2}};
    convoy::account last;
    {
      numbers p{rt,
                [&](int& m) {
                  ++finished;
                  if (m % 16 == 0)
                    std::this_thread::sleep_for(20us);
                  return m % 5 == 0 ? outcome::skip : outcome::done;
                },
                {.capacity = 64, .partitions = 2, .dead_letters = [&](auto& letter) {
                   if (letter.attempts == 0) // else its handler has counted it
                     ++finished;
                 }}};
      const watcher<numbers> watched(p, accepted, finished);
      std::vector<std::jthread> producers;
      for (int t = 0; t < 2; ++t)
        producers.emplace_back([&, t] {
          std::mt19937 random(static_cast<unsigned>(2 * round + t));
          for (int i = 1; i < 400; ++i) {
            const int key = static_cast<int>(random() % 5);
            switch (random() % 4) {
            case 0: {
              auto later = p.submit_after(key, std::chrono::microseconds(random() % 300), i);
              accepted += later.status() == submit_status::accepted;
              if (random() % 2 == 0)
                (void)later.cancel();
              break;
            }
            case 1: {
              std::vector<int> again{i, i + 1};
              accepted += p.resubmit(key, again, convoy::place::before).accepted;
              break;
            }
            case 2:
              accepted += p.try_submit(key, i) == submit_status::accepted;
              break;
            default:
              p.pause(key);
              p.resume(key);
            }
          }
        });
      if (round % 2 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(50 * round));
        last = p.shutdown(std::chrono::microseconds(100 * round));
      }
      producers.clear();
      if (round % 2 == 1)
        last = p.shutdown(1h);
      EXPECT_TRUE(last.balanced());
      EXPECT_EQ(last.accepted, accepted);
    }
    if (testing::Test::HasFailure())
      break;
  }
}

TEST(account, is_true_for_a_sink_that_asks_while_its_processor_is_destroyed) {
  runtime rt{{.concurrency = 2}};
  std::atomic<int> dead{0};
  constexpr int parked = 100;
  std::unique_ptr<numbers> p;
  numbers* asked = nullptr;
  convoy::account last;
  std::mutex mutex;
  p = std::make_unique<numbers>(
      rt, [](int&) -> outcome { return outcome::park; },
      numbers::options{.dead_letters = [&](auto&) {
        const std::lock_guard lock(mutex);
        const auto now = asked->account();
        expect_follows(now, last);
        EXPECT_EQ(now.accepted, static_cast<std::uint64_t>(parked));
        EXPECT_FALSE(now.balanced()); // this one is not dead yet
        last = now;
        ++dead;
      }});
  asked = p.get();
  for (int i = 0; i < parked; ++i)
    ASSERT_EQ(p->submit(i % 10, i), submit_status::accepted);
  p.reset();
  EXPECT_EQ(dead, parked);
}

} // namespace
