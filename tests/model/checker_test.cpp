// What the checker must find.

#include "convoy/detail/base/atomic.hpp"
#include "protocols.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <gmock/gmock.h>
#include <mutex>
#include <new>
#include <vector>

namespace {

using convoy::detail::atomic;
using convoy::detail::thread_fence;
using model::at_once;
using model::failure;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto seq_cst = std::memory_order_seq_cst;

TEST(checker, sees_data_races) {
  const auto pass = [](std::memory_order order) {
    return [order] {
      int data = 0;
      atomic<int> ready{0};
      at_once({[&] { data = 1, ready.store(1, order); },
               [&] {
                 if (ready.load(acquire) == 1)
                   data = 2;
               }});
    };
  };
  EXPECT_EQ(failure(pass(release)), "");
  EXPECT_THAT(failure(pass(relaxed)), testing::StartsWith("data race"));
}

TEST(checker, sees_races_with_reads) {
  EXPECT_THAT(failure([] {
                int data = 0, copy = 0;
                at_once({[&] { data = 1; }, [&] { copy = data; }});
              }),
              testing::StartsWith("data race"));
}

/// It did not for a while: a release handed on what its thread did until its next atomic.
TEST(checker, sees_races_with_what_comes_after_a_release) {
  const std::function<void(atomic<int>&, int&)> ways[] = {
      [](auto& ready, int& data) { ready.store(1, release), data = 1; },
      [](auto& ready, int& data) { ready.exchange(1, seq_cst), data = 1; },
      [](auto& ready, int& data) {
        thread_fence(release);
        data = 1;
        ready.store(1, relaxed);
      },
      [](auto& ready, int& data) {
        convoy::detail::thread child([&] {
          if (ready.load(relaxed) == 0)
            data = 1;
        });
        data = 1;
        child.join();
      }};
  for (const auto& way : ways)
    EXPECT_THAT(failure([&way] {
                  int data = 0;
                  atomic<int> ready{0};
                  at_once({[&] { way(ready, data); },
                           [&] {
                             if (ready.load(acquire) == 1)
                               data = 2;
                           }});
                }),
                testing::StartsWith("data race"));
}

TEST(checker, sees_an_atomic_that_is_freed_while_others_may_use_it) {
  const auto last_use = [](std::memory_order order) {
    return [order] {
      auto* const made = new atomic<int>(1);
      atomic<int> users{1};
      at_once({[&] {
                 made->load(relaxed);
                 users.fetch_sub(1, order);
               },
               [&] {
                 if (users.load(acquire) == 0)
                   delete made;
               }});
    };
  };
  EXPECT_EQ(failure(last_use(release)), "");
  EXPECT_THAT(failure(last_use(relaxed)), testing::StartsWith("data race"));
}

TEST(checker, sees_the_use_of_freed_memory) {
  EXPECT_THAT(failure([] {
                auto* const made = new int(0);
                atomic<bool> freed{false};
                at_once({[&] {
                           delete made;
                           freed.store(true, release);
                         },
                         [&] {
                           if (freed.load(acquire))
                             *made = 1;
                         }});
              }),
              testing::StartsWith("use of memory that was freed"));
  EXPECT_THAT(failure([] {
                int* volatile made = new int(0); // volatile: else the compiler does without
                delete made;
                delete made; // NOLINT: it is about that
              }),
              testing::StartsWith("memory is freed twice"));
}

TEST(checker, sees_a_mutex_that_is_freed_while_others_may_use_it) {
  using convoy::detail::mutex;
  EXPECT_THAT(failure([] {
                auto* const made = new mutex;
                atomic<bool> unlocked{false};
                at_once({[&] {
                           made->lock();
                           unlocked.store(true, release); // too early
                           made->unlock();
                         },
                         [&] {
                           if (unlocked.load(acquire))
                             delete made;
                         }});
              }),
              testing::AnyOf(testing::StartsWith("data race: an atomic or a mutex goes"),
                             testing::StartsWith("use of an atomic or a mutex that was freed")));
}

TEST(checker, sees_races_of_a_threads_own_stack) {
  EXPECT_THAT(failure([] {
                int data = 0;
                atomic<bool> done{false};
                convoy::detail::thread child([&] { data = 1, done.store(true, relaxed); });
                if (done.load(acquire))
                  data = 2;
                child.join();
              }),
              testing::StartsWith("data race"));
}

TEST(checker, sees_a_mutex_whose_construction_is_not_published) {
  using convoy::detail::mutex;
  EXPECT_THAT(failure([] {
                atomic<mutex*> at{nullptr};
                at_once({[&] { at.store(new mutex, relaxed); },
                         [&] {
                           if (auto* const it = at.load(relaxed))
                             it->lock(), it->unlock();
                         }});
              }),
              testing::StartsWith("data race: an atomic or a mutex"));
}

TEST(checker, sees_an_atomic_that_is_made_again_while_others_may_use_it) {
  EXPECT_THAT(failure([] {
                alignas(atomic<int>) std::byte room[sizeof(atomic<int>)];
                auto* const made = new (room) atomic<int>(1);
                atomic<bool> done{false};
                at_once({[&] { made->load(relaxed), done.store(true, relaxed); },
                         [&] {
                           if (done.load(relaxed))
                             new (room) atomic<int>(2);
                         }});
              }),
              testing::StartsWith("data race"));
}

TEST(checker, keeps_the_exceptions_of_threads_apart) {
  EXPECT_EQ(failure([] {
              atomic<int> x{0};
              const auto rethrow = [&x](int number) {
                return [&x, number] {
                  try {
                    try {
                      throw number;
                    } catch (...) {
                      x.fetch_add(1, relaxed), x.fetch_add(1, relaxed);
                      throw;
                    }
                  } catch (int caught) {
                    model::check(caught == number, "another thread's");
                  }
                };
              };
              at_once({rethrow(1), rethrow(2)});
            }),
            "");
}

TEST(checker, sees_races_of_whole_blocks) {
  EXPECT_THAT(failure([] {
                long from[3] = {}, to[3] = {};
                at_once({[&] { std::memcpy(to, from, sizeof to); }, [&] { to[1] = 1; }});
              }),
              testing::StartsWith("data race"));
  EXPECT_THAT(
      failure([] {
        std::vector<int> from(1000), to(1000); // copied by memmove
        at_once({[&] { std::copy(from.begin(), from.end(), to.begin()); }, [&] { to[500] = 1; }});
      }),
      testing::StartsWith("data race"));
}

TEST(checker, sees_an_atomic_whose_construction_is_not_published) {
  const auto pass = [](std::memory_order order) {
    return [order] {
      atomic<atomic<int>*> at{nullptr};
      at_once({[&] { at.store(new atomic<int>(1), order); },
               [&] {
                 if (auto* const it = at.load(acquire))
                   it->load(relaxed);
               }});
    };
  };
  EXPECT_EQ(failure(pass(release)), "");
  EXPECT_THAT(failure(pass(relaxed)), testing::StartsWith("data race"));
}

TEST(checker, sees_deadlocks) {
  using convoy::detail::mutex;
  EXPECT_THAT(failure([] {
                mutex a, b;
                at_once({[&] {
                           const std::lock_guard first(a);
                           const std::lock_guard second(b);
                         },
                         [&] {
                           const std::lock_guard first(b);
                           const std::lock_guard second(a);
                         }});
              }),
              testing::StartsWith("deadlock"));
}

TEST(checker, sees_a_lost_wake_up) {
  using convoy::detail::condition_variable;
  using convoy::detail::mutex;
  EXPECT_THAT(failure([] {
                mutex m;
                condition_variable changed;
                atomic<bool> ready{false};
                at_once(
                    {[&] { ready.store(true, seq_cst), changed.notify_one(); }, // without the lock
                     [&] {
                       std::unique_lock lock(m);
                       changed.wait(lock, [&] { return ready.load(seq_cst); });
                     }});
              }),
              testing::StartsWith("deadlock"));
}

TEST(checker, sees_crashes) {
  const auto crash = [] {
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1; // NOLINT: it is about that
  };
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(failure(crash), testing::StartsWith("a crash"));
}

TEST(checker, sees_livelocks) {
  EXPECT_THAT(failure(
                  [] {
                    atomic<int> x{0};
                    at_once({[&] {
                      while (x.load(relaxed) == 0) {
                      }
                    }});
                  },
                  {.most_steps = 1000}),
              testing::StartsWith("livelock"));
  EXPECT_THAT(failure(
                  [] {
                    for (;;)
                      convoy::detail::sleep_for(std::chrono::microseconds(1));
                  },
                  {.most_steps = 1000}),
              testing::StartsWith("livelock"));
}

TEST(checker, finds_at_random_what_it_finds_exhaustively) {
  const auto buffered = [] {
    atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once({[&] { x.store(1, release), a = y.load(acquire); },
             [&] { y.store(1, release), b = x.load(acquire); }});
    model::check(a + b != 0, "both were missed");
  };
  EXPECT_THAT(failure(buffered), testing::StartsWith("both were missed"));
  EXPECT_THAT(failure(buffered, {.random_runs = 5'000}), testing::StartsWith("both were missed"));
}

TEST(checker, sees_what_is_not_the_same_each_time) {
  for (const int another : {1, 2}) {
    int runs = 0;
    EXPECT_THAT(failure([&runs, another] {
                  const auto nothing = [] {};
                  if (++runs == another)
                    at_once({nothing, nothing, nothing});
                  at_once({nothing, nothing});
                }),
                testing::StartsWith("the scenario does not do the same each time"));
  }
}

TEST(checker, repeats_a_failure) {
  const auto racy = [] {
    atomic<int> x{0};
    int data = 0;
    at_once({[&] { data = 1, x.store(1, relaxed); },
             [&] {
               if (x.load(acquire) == 1)
                 data = 2;
             }});
  };
  const auto once = model::explore({}, racy);
  EXPECT_THAT(once.failure, testing::HasSubstr("load of atomic")); // the second time, with a trace
  EXPECT_EQ(once.runs, model::explore({}, racy).runs);
}

} // namespace
