#include "desk.hpp"
#include "heap.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#ifdef CONVOY_TEST_COUNTS_HEAP

namespace {

using namespace std::chrono_literals;
using convoy::submit_status;
using convoy::task;

/// What is completed by its key, without memory of its own.
class slots {
public:
  explicit slots(std::size_t keys) : waiting_(keys) {}
  [[nodiscard]] auto wait(std::uint64_t key) {
    return convoy::callback(
        [&to = waiting_[key]](convoy::completion<> done) { to = done.release(); });
  }
  [[nodiscard]] bool waits(std::uint64_t key) const { return waiting_[key] != nullptr; }
  void complete(std::uint64_t key) {
    convoy::completion<>::adopt(waiting_[key].exchange(nullptr))();
  }

private:
  std::vector<std::atomic<void*>> waiting_;
};

struct suspended_memory : testing::Test {
  static constexpr std::uint64_t keys = 10'000;
  slots all{keys};
  std::atomic<bool> over{false};

  task handle(const std::uint64_t& key) {
    while (!over)
      co_await all.wait(key);
  }
  void await_all() {
    EXPECT_TRUE(eventually([this] {
      for (std::uint64_t key = 0; key < keys; ++key)
        if (!all.waits(key))
          return false;
      return true;
    }));
  }
};

TEST_F(suspended_memory, a_key_needs_200_bytes_beside_its_frame_and_nothing_for_each_step) {
  std::size_t frame = 0;
  {
    const std::uint64_t key = 0;
    std::vector<task> begun; // outside of a runtime each frame is an allocation of its own
    begun.reserve(keys);
    const auto without = live_bytes();
    for (std::uint64_t i = 0; i < keys; ++i)
      begun.push_back(handle(key));
    frame = (live_bytes() - without) / keys;
  }
  EXPECT_GT(frame, 100);
  convoy::runtime rt{{.concurrency = 2}};
  const auto before = live_bytes();
  convoy::processor<std::uint64_t, std::array<std::uint64_t, 2>> p{
      rt, [&](const std::uint64_t& key, auto&) { return handle(key); }};
  for (std::uint64_t key = 0; key < keys; ++key)
    EXPECT_EQ(p.submit(key, {key, key}), submit_status::accepted);
  await_all();
  // What the burst has needed besides goes, or is a part of what there is always.
  EXPECT_TRUE(eventually([&] { return (live_bytes() - before) / keys <= frame + 200 + 40; }))
      << (live_bytes() - before) / keys << " with a frame of " << frame;

  const auto allocated = allocations();
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t key = 0; key < keys; ++key)
      all.complete(key);
    await_all();
  }
  EXPECT_LT(allocations() - allocated, keys / 20); // of 30,000 steps: what pumps share out, once
  over = true;
  for (std::uint64_t key = 0; key < keys; ++key)
    all.complete(key);
  p.drain();
}

} // namespace

#endif
