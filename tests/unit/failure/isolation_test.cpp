#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <tuple>
#include <utility>

// 10,000 healthy keys beside 1, 10 or 1,000 that fail for ever, are parked, or are stuck in a handler:
// the healthy ones are all handled, in their order, while the others are what they are, and these hold no
// more messages than they may. What it costs in time is measured by bench/faults.cpp.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;

enum class fault { failing, parked, stuck };
using cell = std::tuple<fault, int>;

class healthy_keys : public testing::TestWithParam<cell> {};

TEST_P(healthy_keys, are_handled_beside_faulty_ones) {
  constexpr int healthy = 10'000, messages = 5, backlog = 8;
  const auto [how, bad] = GetParam();
  gate held;
  std::atomic<bool> mended{false};
  std::atomic<int> handled{0}, disorder{0}, tries{0};
  runtime rt{{.concurrency = 4}};
  processor<int, int, int> p{
      rt,
      [&, how = how](const int& key, int& m, int& last) {
        if (key >= healthy && !mended) {
          ++tries;
          if (how == fault::parked)
            return outcome::park;
          if (how == fault::failing)
            return outcome::retry;
          held.pass();
        }
        if (m <= std::exchange(last, m))
          ++disorder;
        ++handled;
        return outcome::done;
      },
      {.key_capacity = backlog,
       .failure = convoy::failure_policy{.attempts = ~0u, .backoff = 1ms, .ceiling = 20ms}}};
  // Handlers that are stuck hold workers, so there are fewer of them.
  const int faulty = how == fault::stuck ? std::min(bad, 3) : bad;
  std::uint64_t accepted = 0;
  for (int m = 1; m <= 3 * backlog; ++m)
    for (int key = healthy; key < healthy + faulty; ++key) {
      const auto status = p.try_submit(key, m);
      EXPECT_EQ(status, m <= backlog ? submit_status::accepted : submit_status::key_full);
      accepted += status == submit_status::accepted;
    }
  if (how == fault::parked) {
    EXPECT_TRUE(eventually([&] { return p.parked() == static_cast<std::size_t>(faulty); }));
  } else {
    EXPECT_TRUE(eventually([&] { return tries >= faulty; }));
  }
  for (int m = 1; m <= messages; ++m)
    for (int key = 0; key < healthy; ++key)
      ASSERT_EQ(p.submit(key, m), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return handled == healthy * messages; }));
  EXPECT_TRUE(eventually([&] { // what has been handled is counted when its lane is back
    const auto now = p.account();
    return now.accepted - now.completed == accepted;
  }));

  mended = true;
  held.open();
  for (int key = healthy; key < healthy + faulty; ++key)
    p.resume(key);
  p.drain();
  EXPECT_EQ(disorder, 0);
  EXPECT_EQ(static_cast<std::uint64_t>(handled), healthy * messages + accepted);
  const auto account = p.shutdown(1h);
  EXPECT_TRUE(account.balanced());
  EXPECT_EQ(account.dead_letters, 0u);
}

std::string name_of(const testing::TestParamInfo<cell>& tested) {
  const char* const names[] = {"failing_", "parked_", "stuck_"};
  return names[static_cast<int>(std::get<0>(tested.param))] +
         std::to_string(std::get<1>(tested.param));
}

INSTANTIATE_TEST_SUITE_P(all, healthy_keys,
                         testing::Combine(testing::Values(fault::failing, fault::parked,
                                                          fault::stuck),
                                          testing::Values(1, 10, 1'000)),
                         name_of);

} // namespace
