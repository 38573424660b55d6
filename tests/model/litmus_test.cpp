// The checker on the classic litmus tests: what C++20 allows must appear, what it forbids must not.

#include "convoy/detail/asymmetric_fence.hpp"
#include "convoy/detail/atomic.hpp"

#include <functional>
#include <gmock/gmock.h>
#include <initializer_list>
#include <set>
#include <utility>
#include <vector>

namespace {

using convoy::detail::atomic;
using convoy::detail::fence_heavy;
using convoy::detail::fence_light;
using convoy::detail::thread;
using convoy::detail::thread_fence;
using testing::Contains;
using testing::Not;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto seq_cst = std::memory_order_seq_cst;

/// All threads at once, to their end.
void run(std::initializer_list<std::function<void()>> bodies) {
  std::vector<thread> threads;
  for (const auto& each : bodies)
    threads.emplace_back([&each] { each(); });
  for (auto& each : threads)
    each.join();
}

/// Two digits, or more.
template <class... Digits>
void tell(Digits... digits) {
  int all = 0;
  ((all = 10 * all + static_cast<int>(digits)), ...);
  model::outcome(all);
}

std::set<int> outcomes(const std::function<void()>& scenario, unsigned preemptions = 3) {
  const auto found = model::explore({.preemptions = preemptions}, scenario);
  EXPECT_EQ(found.failure, "");
  EXPECT_TRUE(found.complete);
  return found.outcomes;
}

std::set<int> store_buffering(std::memory_order store, std::memory_order load, int fences) {
  return outcomes([=] {
    atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    const auto fence = [&](bool heavy) {
      if (fences == 1)
        thread_fence(seq_cst);
      if (fences == 2 && heavy)
        fence_heavy();
      if ((fences == 2 && !heavy) || fences == 3)
        fence_light();
    };
    run({[&] { x.store(1, store), fence(true), a = y.load(load); },
         [&] { y.store(1, store), fence(false), b = x.load(load); }});
    tell(a, b);
  });
}

TEST(litmus, store_buffering) {
  EXPECT_THAT(store_buffering(relaxed, relaxed, 0), Contains(0));
  EXPECT_THAT(store_buffering(release, acquire, 0), Contains(0));
  EXPECT_THAT(store_buffering(seq_cst, relaxed, 0), Contains(0));
  EXPECT_THAT(store_buffering(seq_cst, seq_cst, 0), testing::ElementsAre(1, 10, 11));
  EXPECT_THAT(store_buffering(relaxed, relaxed, 1), testing::ElementsAre(1, 10, 11));
}

TEST(litmus, store_buffering_with_asymmetric_fences) {
  EXPECT_THAT(store_buffering(relaxed, relaxed, 2), testing::ElementsAre(1, 10, 11));
  EXPECT_THAT(store_buffering(relaxed, relaxed, 3), Contains(0)); // two light ones are none
}

std::set<int> message_passing(std::memory_order store, std::memory_order load, bool fences) {
  return outcomes([=] {
    atomic<int> data{0}, ready{0};
    int a = 0, b = 0;
    run({[&] {
           data.store(1, relaxed);
           if (fences)
             thread_fence(release);
           ready.store(1, store);
         },
         [&] {
           a = ready.load(load);
           if (fences)
             thread_fence(acquire);
           b = data.load(relaxed);
         }});
    tell(a, b);
  });
}

TEST(litmus, message_passing) {
  EXPECT_THAT(message_passing(relaxed, relaxed, false), Contains(10));
  EXPECT_THAT(message_passing(release, relaxed, false), Contains(10));
  EXPECT_THAT(message_passing(relaxed, acquire, false), Contains(10));
  EXPECT_THAT(message_passing(release, acquire, false), testing::ElementsAre(0, 1, 11));
  EXPECT_THAT(message_passing(relaxed, relaxed, true), testing::ElementsAre(0, 1, 11));
}

TEST(litmus, load_buffering_is_not_modelled) { // C++ allows 11; said in checker.hpp
  EXPECT_THAT(outcomes([] {
                atomic<int> x{0}, y{0};
                int a = 0, b = 0;
                run({[&] { a = x.load(relaxed), y.store(1, relaxed); },
                     [&] { b = y.load(relaxed), x.store(1, relaxed); }});
                tell(a, b);
              }),
              testing::ElementsAre(0, 1, 10));
}

std::set<int> independent_reads(std::memory_order store, std::memory_order load) {
  return outcomes(
      [=] {
        atomic<int> x{0}, y{0};
        int a = 0, b = 0, c = 0, d = 0;
        run({[&] { x.store(1, store); }, [&] { y.store(1, store); },
             [&] { a = x.load(load), b = y.load(load); },
             [&] { c = y.load(load), d = x.load(load); }});
        tell(a, b, c, d);
      },
      1);
}

TEST(litmus, independent_reads_of_independent_writes) {
  EXPECT_THAT(independent_reads(release, acquire), Contains(1010));
  EXPECT_THAT(independent_reads(seq_cst, seq_cst), Not(Contains(1010)));
}

std::set<int> two_writes_each(std::memory_order order) {
  return outcomes([=] {
    atomic<int> x{0}, y{0};
    run({[&] { x.store(1, order), y.store(2, order); },
         [&] { y.store(1, order), x.store(2, order); }});
    tell(x.load(relaxed), y.load(relaxed));
  });
}

TEST(litmus, two_plus_two_writes) {
  EXPECT_THAT(two_writes_each(relaxed), Contains(11));
  EXPECT_THAT(two_writes_each(release), Contains(11));
  EXPECT_THAT(two_writes_each(seq_cst), Not(Contains(11)));
}

std::set<int> release_sequence(bool by_modification) {
  return outcomes([=] {
    atomic<int> data{0}, word{0};
    int a = 0, b = 0;
    run({[&] { data.store(1, relaxed), word.store(1, release); },
         [&] {
           if (by_modification)
             word.fetch_add(1, relaxed);
           else if (word.load(relaxed) == 1)
             word.store(2, relaxed);
         },
         [&] { a = word.load(acquire), b = data.load(relaxed); }});
    tell(a, b);
  });
}

TEST(litmus, release_sequences) {
  EXPECT_THAT(release_sequence(true), Not(Contains(20)));
  EXPECT_THAT(release_sequence(false), Contains(20));
}

TEST(litmus, coherence_of_one_location) {
  EXPECT_THAT(outcomes([] {
                atomic<int> x{0};
                int a = 0, b = 0;
                run({[&] { x.store(1, relaxed), x.store(2, relaxed); },
                     [&] { a = x.load(relaxed), b = x.load(relaxed); }});
                tell(a, b);
              }),
              testing::ElementsAre(0, 1, 2, 11, 12, 22));
}

TEST(litmus, modifications_lose_nothing) {
  EXPECT_THAT(outcomes([] {
                atomic<int> x{0};
                run({[&] { x.fetch_add(1, relaxed); }, [&] { x.fetch_add(1, relaxed); },
                     [&] { x.fetch_add(1, relaxed); }});
                tell(x.load(relaxed));
              }),
              testing::ElementsAre(3));
}

std::set<int> read_then_write(std::memory_order order) { // "R", of the literature
  return outcomes([=] {
    atomic<int> x{0}, y{0};
    int a = 0;
    run({[&] { x.store(1, order), y.store(1, order); },
         [&] { y.store(2, order), a = x.load(order); }});
    tell(y.load(relaxed), a);
  });
}

TEST(litmus, a_write_behind_a_write_and_a_read) {
  EXPECT_THAT(read_then_write(seq_cst), Not(Contains(20)));
  EXPECT_THAT(read_then_write(relaxed), Contains(20));
}

TEST(litmus, write_to_read_causality) {
  const auto chain = [](std::memory_order store, std::memory_order load) {
    return outcomes([=] {
      atomic<int> x{0}, y{0};
      int a = 0, b = 0, c = 0;
      run({[&] { x.store(1, store); },
           [&] {
             a = x.load(load);
             y.store(1, store);
           },
           [&] { b = y.load(load), c = x.load(relaxed); }});
      tell(a, b, c);
    });
  };
  EXPECT_THAT(chain(release, acquire), Not(Contains(110)));
  EXPECT_THAT(chain(relaxed, relaxed), Contains(110));
}

// ---- what it must find ----

std::string failure(const std::function<void()>& scenario, model::options how = {}) {
  return model::explore(how, scenario).failure;
}

TEST(checker, sees_data_races) {
  const auto pass = [](std::memory_order order) {
    return [order] {
      int data = 0;
      atomic<int> ready{0};
      run({[&] { data = 1, ready.store(1, order); },
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
                run({[&] { data = 1; }, [&] { copy = data; }});
              }),
              testing::StartsWith("data race"));
}

/// It did not for a while: a release handed on what its thread did until its next atomic.
TEST(checker, sees_races_with_what_comes_after_a_release) {
  const std::function<void(atomic<int>&, int&)> ways[] = {
      [](auto& ready, int& data) { ready.store(1, release), data = 1; },
      [](auto& ready, int& data) { ready.exchange(1, seq_cst), data = 1; },
      [](auto& ready, int& data) {
        convoy::detail::thread_fence(release);
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
                  run({[&] { way(ready, data); },
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
      run({[&] {
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
  EXPECT_THAT(
      failure([] {
        auto* const made = new int(0);
        atomic<int> done{0};
        run({[&] { *made = 1, done.store(1, release); },
             [&] {
               (void)done.load(acquire);
               delete made;
             }});
      }),
      testing::AnyOf(testing::StartsWith("data race"), testing::StartsWith("use of memory")));
}

TEST(checker, sees_an_atomic_whose_construction_is_not_published) {
  const auto pass = [](std::memory_order order) {
    return [order] {
      atomic<atomic<int>*> at{nullptr};
      run({[&] { at.store(new atomic<int>(1), order); },
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
                run({[&] {
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
                run({[&] { ready.store(true, seq_cst), changed.notify_one(); }, // without the lock
                     [&] {
                       std::unique_lock lock(m);
                       changed.wait(lock, [&] { return ready.load(seq_cst); });
                     }});
              }),
              testing::StartsWith("deadlock"));
}

TEST(checker, sees_livelocks) {
  EXPECT_THAT(failure(
                  [] {
                    atomic<int> x{0};
                    run({[&] {
                      while (x.load(relaxed) == 0) {
                      }
                    }});
                  },
                  {.most_steps = 1000}),
              testing::StartsWith("livelock"));
}

TEST(checker, finds_at_random_what_it_finds_exhaustively) {
  const auto buffered = [] {
    atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    run({[&] { x.store(1, release), a = y.load(acquire); },
         [&] { y.store(1, release), b = x.load(acquire); }});
    model::check(a + b != 0, "both were missed");
  };
  EXPECT_THAT(failure(buffered), testing::StartsWith("both were missed"));
  EXPECT_THAT(failure(buffered, {.random_runs = 5'000}), testing::StartsWith("both were missed"));
}

TEST(checker, repeats_a_failure) {
  const auto racy = [] {
    atomic<int> x{0};
    int data = 0;
    run({[&] { data = 1, x.store(1, relaxed); },
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
