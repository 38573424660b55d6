#include "failing_memory.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <exception>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

// Handlers that are coroutines: no memory for their frames and what they await, whatever is thrown, and
// processors that end at any moment.

namespace {

using namespace std::chrono_literals;
using convoy::submit_status;
using convoy::task;
using convoy::test::failing_allocation;
using convoy::test::for_each_allocation;
using convoy::test::own_memory;
using convoy::test::whose;

using waiting_numbers = convoy::processor<int, int>;
using waiting_handler = std::function<task(waiting_numbers::context&, int&)>;

/// What is thrown is that of a handler which has no memory: its message is tried again, in its place.
TEST(waiting_handlers, without_memory_are_tried_again_in_order) {
  const auto failed = for_each_allocation([](std::uint64_t n) {
    std::array<int, 4> next{};
    std::atomic<int> disorder{0}, others{0};
    bool happened = false;
    {
      convoy::runtime rt{{.concurrency = 1}};
      waiting_handler handle = [&](auto& c, int& m) -> task {
        co_await convoy::sleep(0ms);
        const auto start = [](convoy::completion<int> done) { done(1); };
        const int one = co_await convoy::callback<int>(start);
        disorder += next.at(static_cast<std::size_t>(c.key()))++ != m || one != 1;
      };
      waiting_numbers p{rt,
                        std::move(handle),
                        {.partitions = 1,
                         .on_error =
                             [&](const int&, const std::exception_ptr& error) {
                               try {
                                 std::rethrow_exception(error);
                               } catch (const std::bad_alloc&) {
                               } catch (...) {
                                 ++others;
                               }
                             },
                         .failure = convoy::failure_policy{.attempts = 10, .backoff = 0ms}}};
      failing_allocation failing(n, whose::other_threads);
      {
        const own_memory mine;
        for (int i = 0; i < 3; ++i)
          for (int key = 0; key < 4; ++key)
            EXPECT_EQ(p.submit(key, int{i}), submit_status::accepted);
        p.drain();
      }
      happened = failing.happened();
      EXPECT_TRUE(eventually([&] { return p.account().completed == 12; }));
    }
    EXPECT_EQ(disorder, 0);
    EXPECT_EQ(others, 0);
    return happened;
  });
  EXPECT_GT(failed, 8);
}

/// Completions come at any time: before, while and after the processor ends.
TEST(waiting_handlers, their_processor_ends_at_any_moment) {
  for (int round = 0; round < 200; ++round) {
    std::mutex mutex;
    std::vector<convoy::completion<int>> waiting;
    std::atomic<bool> over{false};
    std::thread completes([&] {
      while (!over) {
        std::vector<convoy::completion<int>> mine;
        {
          const std::lock_guard lock(mutex);
          mine.swap(waiting);
        }
        for (auto& each : mine)
          each(1);
        std::this_thread::yield();
      }
    });
    {
      convoy::runtime rt{{.concurrency = 2}};
      waiting_handler handle = [&](auto&, int&) -> task {
        const auto start = [&](convoy::completion<int> done) {
          const std::lock_guard lock(mutex);
          waiting.push_back(std::move(done));
        };
        (void)co_await convoy::callback<int>(start);
      };
      waiting_numbers p{rt, std::move(handle), {.dead_letters = [](auto&) {}}};
      for (int i = 0; i < 8; ++i)
        EXPECT_EQ(p.submit(i % 4, int{i}), submit_status::accepted);
      if (round % 2 == 0) {
        const auto account = p.shutdown(std::chrono::microseconds(round % 100));
        EXPECT_TRUE(account.balanced());
        EXPECT_EQ(account.accepted, 8);
      }
    }
    over = true;
    completes.join();
  }
}

} // namespace
