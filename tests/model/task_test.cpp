// Handlers that are coroutines, in the whole library with few messages.

#include "pipeline.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::task;
using convoy::detail::atomic;
using convoy::detail::clock;
using convoy::detail::thread;
using model::expect_works;
using model::fate;
using std::chrono::microseconds;

/// On another thread, sooner or later; stopped by a limit it is handled once more.
TEST(tasks, completed_late_or_in_time_against_a_limit) {
  expect_works(400, [] {
    fate seen;
    int begun = 0;
    std::optional<convoy::completion<int>> first, second;
    atomic<int> has{0};
    runtime rt{{.concurrency = 1}};
    {
      processor<int, int> p{
          rt,
          [&](int& m) -> task {
            auto& mine = begun++ == 0 ? first : second;
            const auto start = [&](convoy::completion<int> done) {
              mine.emplace(std::move(done));
              has.fetch_add(1, std::memory_order_release);
            };
            const int value = co_await convoy::callback<int>(start);
            model::check(value == 5, "another's value");
            seen.see(m);
          },
          {.capacity = 64,
           .partitions = 1,
           .on_error = [](const int&, const std::exception_ptr&) {},
           .failure = convoy::failure_policy{.attempts = 2, .backoff = microseconds(0)},
           .dead_letters = seen.sink(),
           .suspended = {.limit = microseconds(300)}}};
      thread other([&] {
        if (has.load(std::memory_order_acquire) >= 1)
          (*first)(5);
        if (has.load(std::memory_order_acquire) >= 2)
          (*second)(5);
      });
      model::must_submit(p, 1, 1);
      model::must_submit(p, 1, 2);
      (void)p.shutdown(clock::now() + std::chrono::milliseconds(5));
      other.join();
      model::check(p.account().balanced(), "the account does not come out even");
    }
    model::check(seen.all() == 2, "lost");
  });
}

/// The processor goes as soon as its message is handled, while its completer may still be at it; or it is
/// stopped before.
TEST(tasks, completed_against_the_end) {
  expect_works(600, [] {
    fate seen;
    std::optional<convoy::completion<int>> completes;
    atomic<bool> has{false};
    runtime rt{{.concurrency = 1}};
    std::optional<thread> other;
    {
      processor<int, int> p{rt,
                            [&](int& m) -> task {
                              const auto start = [&](convoy::completion<int> done) {
                                completes.emplace(std::move(done));
                                has.store(true, std::memory_order_release);
                              };
                              (void)co_await convoy::callback<int>(start);
                              seen.see(m);
                            },
                            {.capacity = 64, .partitions = 1, .dead_letters = seen.sink()}};
      other.emplace([&] {
        if (has.load(std::memory_order_acquire))
          std::exchange(*completes, {})(5);
      });
      model::must_submit(p, 1, 1);
      (void)p.shutdown(clock::now() + microseconds(200));
    }
    model::check(seen.all() == 1, "lost");
    other->join();
  });
}

/// Paused while it waits, its handler ends, and no other one begins: not of what went out with it either.
TEST(tasks, paused_while_the_first_of_two_waits) {
  expect_works(400, [] {
    fate seen;
    std::optional<convoy::completion<int>> completes;
    bool is_resumed = false; // plain, as what a handler behind the pause may rely on
    {
      model::handled begun, is_paused;
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](int& m) -> task {
                              if (m == 1) {
                                const auto start = [&](convoy::completion<int> done) {
                                  completes.emplace(std::move(done));
                                  begun.one_more();
                                };
                                (void)co_await convoy::callback<int>(start);
                              } else {
                                model::check(is_resumed, "it begins though its key is paused");
                              }
                              seen.see(m);
                            },
                            {.capacity = 64, .partitions = 1}};
      model::must_submit(p, 1, 1);
      model::must_submit(p, 1, 2);
      begun.wait_for(1);
      p.pause(1);
      p.fence(2, [&] { is_paused.one_more(); }); // after it the pause has been served
      is_paused.wait_for(1);
      (*completes)(5);
      convoy::detail::sleep_for(microseconds(100));
      is_resumed = true;
      p.resume(1);
      p.drain();
    }
    model::check(seen.all() == 2, "lost");
  });
}

} // namespace
