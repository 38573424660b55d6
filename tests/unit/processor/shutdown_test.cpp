#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ostream>
#include <thread>
#include <vector>

// What waits for a resume() as a processor is shut down has until the deadline.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using numbers = convoy::processor<int, int>;

/// How a key can be stopped. `stop(p)` stops key 1; its first message is 1.
struct stopping {
  const char* name;
  void (*stop)(numbers& p);
  bool by_its_handler = false;
};
std::ostream& operator<<(std::ostream& out, const stopping& how) {
  return out << how.name;
}

class a_stopped_key : public testing::TestWithParam<stopping> {
protected:
  /// Key 1 stands still, with messages 1 to 3; key 2 goes on.
  void stop_and_submit(numbers& p) {
    GetParam().stop(p);
    for (int m = 1; m <= 3; ++m)
      ASSERT_EQ(p.submit(1, m), submit_status::accepted);
    ASSERT_EQ(p.submit(2, 4), submit_status::accepted);
    if (GetParam().by_its_handler) {
      ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
    }
    ASSERT_TRUE(eventually([&] { return handled == 1; })) << "key 2 did not go on";
  }

  const std::function<outcome(const int&, int&)> handle = [this](const int&, int& m) {
    if (GetParam().by_its_handler && m == 1 && !mended)
      return outcome::park;
    ++handled;
    return outcome::done;
  };
  const numbers::options options{.dead_letters = [this](auto& letter) {
    EXPECT_EQ(letter.why, convoy::death::shutdown);
    dead.push_back(letter.message);
  }};
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<bool> mended{false};
  std::atomic<int> handled{0};
  std::vector<int> dead;
};

TEST_P(a_stopped_key, is_handled_if_it_is_resumed_before_the_deadline) {
  numbers p{rt, handle, options};
  stop_and_submit(p);
  std::thread resumes([&] {
    ASSERT_TRUE(eventually([&] { return p.closed(); }));
    std::this_thread::sleep_for(20ms);
    EXPECT_FALSE(p.account().balanced()) << "shutdown() did not wait";
    mended = true;
    p.resume(1);
  });
  const auto account = p.shutdown(std::chrono::nanoseconds::max()); // ends with the last message
  resumes.join();
  EXPECT_EQ(account.completed, 4u);
  EXPECT_EQ(handled, 4);
  EXPECT_TRUE(dead.empty());
}

TEST_P(a_stopped_key, is_a_row_of_dead_letters_at_the_deadline_and_not_before) {
  numbers p{rt, handle, options};
  stop_and_submit(p);
  const auto begun = std::chrono::steady_clock::now();
  const auto account = p.shutdown(50ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 50ms);
  EXPECT_EQ(account.completed, 1u);
  EXPECT_EQ(account.dead_letters, 3u);
  EXPECT_TRUE(account.balanced());
  EXPECT_THAT(dead, testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(p.parked(), 0u);
}

TEST_P(a_stopped_key, is_a_row_of_dead_letters_at_once_when_its_processor_is_destroyed) {
  {
    numbers p{rt, handle, options};
    stop_and_submit(p);
  }
  EXPECT_THAT(dead, testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(handled, 1);
}

TEST_P(a_stopped_key, is_handled_by_a_second_shutdown_if_the_first_was_waiting_for_it) {
  numbers p{rt, handle, options};
  stop_and_submit(p);
  std::thread first([&] { EXPECT_TRUE(p.shutdown(1h).balanced()); });
  ASSERT_TRUE(eventually([&] { return p.closed(); }));
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(p.shutdown(20ms).dead_letters, 3u); // the earlier deadline is the one that counts
  first.join();
  EXPECT_THAT(dead, testing::ElementsAre(1, 2, 3));
}

INSTANTIATE_TEST_SUITE_P(each, a_stopped_key,
                         testing::Values(stopping{"parked", [](numbers&) {}, true},
                                         stopping{"paused", [](numbers& p) { p.pause(1); }}),
                         [](const auto& way) { return way.param.name; });

/// An answer that comes from elsewhere while all ends.
TEST(shutdown, has_messages_handled_that_are_parked_until_their_answers_come) {
  constexpr int keys = 2'000;
  convoy::runtime rt{{.concurrency = 2}};
  std::vector<char> answered(keys); // its key's
  numbers p{rt, [&](const int& key, int&) {
              return answered[static_cast<std::size_t>(key)] != 0 ? outcome::done : outcome::park;
            }};
  for (int key = 0; key < keys; ++key)
    ASSERT_EQ(p.submit(key, 1), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.parked() == keys; }));
  std::thread answers([&] {
    for (int key = 0; key < keys; ++key) {
      answered[static_cast<std::size_t>(key)] = 1;
      p.resume(key);
      if (key % 100 == 0)
        std::this_thread::sleep_for(1ms);
    }
  });
  const auto account = p.shutdown(1h);
  answers.join();
  EXPECT_EQ(account.completed, std::uint64_t{keys});
}

TEST(requests, after_shutdown_only_call_back) {
  for (const auto within : {std::chrono::nanoseconds(0ns), std::chrono::nanoseconds(1h)}) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> called{0};
    {
      numbers p{rt, [](int&) {}};
      ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
      const auto account = p.shutdown(within);
      p.pause(1, [&] { ++called; });
      p.resume(1);
      p.purge(1, [&] { ++called; });
      p.fence(1, [&] { ++called; });
      p.fence([&] { ++called; });
      p.pause(2);
      p.drain(1);
      p.drain();
      EXPECT_TRUE(eventually([&] { return called == 4; })) << called;
      EXPECT_EQ(p.account().dead_letters, account.dead_letters);
      EXPECT_TRUE(p.shutdown(1h).balanced());
    }
    EXPECT_EQ(called, 4);
  }
}

} // namespace
