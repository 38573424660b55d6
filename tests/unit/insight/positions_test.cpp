#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// What reads a broker for a processor tells of itself in its snapshots.

namespace {

using namespace std::chrono_literals;
using convoy::runtime;
using convoy::source_position;
using processor_of_names = convoy::processor<std::string, int>;

std::vector<source_position> some_positions() {
  return {{.name = "orders[3]",
           .committed = 17,
           .watermark = 20,
           .gaps = 2,
           .in_flight = 5,
           .lag = 1000,
           .oldest = 1500ms},
          {.name = "orders[4]"}};
}

void expect_some_positions(const convoy::snapshot& in) {
  ASSERT_EQ(in.positions.size(), 2u);
  const auto& first = in.positions.front();
  EXPECT_EQ(first.name, "orders[3]");
  EXPECT_EQ(first.committed, 17u);
  EXPECT_EQ(first.watermark, 20u);
  EXPECT_EQ(first.gaps, 2u);
  EXPECT_EQ(first.in_flight, 5u);
  EXPECT_EQ(first.lag, 1000u);
  EXPECT_EQ(first.oldest, 1500ms);
  EXPECT_EQ(in.positions.back().name, "orders[4]");
}

TEST(positions, are_told_without_insight) {
  runtime rt;
  const processor_of_names p{rt, [](int&) {}, {.positions = some_positions}};
  expect_some_positions(p.snapshot());
  const processor_of_names other{rt, [](int&) {}};
  EXPECT_TRUE(other.snapshot().positions.empty());
}

TEST(positions, are_told_with_insight_and_are_of_now) {
  runtime rt;
  std::atomic<int> asked{0};
  auto wanted = with_insight(5ms);
  wanted.positions = [&] {
    auto is = some_positions();
    is.back().lag = static_cast<std::uint64_t>(++asked);
    return is;
  };
  processor_of_names p{rt, [](int&) {}, wanted};
  expect_some_positions(p.snapshot()); // there was no window yet
  ASSERT_EQ(p.submit("key", 1), convoy::submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.snapshot().window != 0ns; }));
  const auto before = asked.load();
  const auto all = rt.snapshot();
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all.front().positions.size(), 2u);
  EXPECT_EQ(all.front().positions.back().lag, static_cast<std::uint64_t>(before + 1));
}

TEST(positions, that_throw_leave_the_rest_of_the_snapshot) {
  runtime rt;
  auto wanted = with_insight(1s);
  wanted.positions = []() -> std::vector<source_position> { throw std::runtime_error("lost"); };
  processor_of_names p{rt, [](int&) {}, wanted};
  ASSERT_EQ(p.submit("key", 1), convoy::submit_status::accepted);
  p.drain();
  testing::internal::CaptureStderr();
  const auto is = p.snapshot();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "convoy: positions threw: lost; the snapshot has none\n");
  EXPECT_EQ(is.name, "orders");
  EXPECT_EQ(is.finished, 1u);
  EXPECT_TRUE(is.positions.empty());
}

TEST(positions, are_asked_for_without_a_lock_of_the_runtime) {
  runtime rt;
  auto wanted = with_insight(1s);
  wanted.positions = [&] {
    EXPECT_FALSE(rt.explain("another", "key"));
    const processor_of_names one_more{rt, [](int&) {}, with_insight(1s)};
    return some_positions();
  };
  const processor_of_names p{rt, [](int&) {}, wanted};
  expect_some_positions(rt.snapshot().front());
}

TEST(positions, are_not_asked_for_when_the_processor_is_gone) {
  runtime rt;
  std::atomic<bool> asked{false}, go_on{false}, gone{false}, was_gone{false};
  auto wanted = with_insight(1s);
  wanted.positions = [&] {
    asked = true;
    while (!go_on)
      std::this_thread::sleep_for(1ms);
    was_gone = gone.load();
    return some_positions();
  };
  std::optional<processor_of_names> p;
  p.emplace(
      rt, [](int&) {}, wanted);
  std::thread looks([&] { expect_some_positions(rt.snapshot().front()); });
  EXPECT_TRUE(eventually([&] { return asked.load(); }));
  std::thread ends([&] {
    p.reset();
    gone = true;
  });
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(gone);
  go_on = true;
  looks.join();
  ends.join();
  EXPECT_FALSE(was_gone);
  EXPECT_TRUE(rt.snapshot().empty());
}

} // namespace
