// The checker on the classic litmus tests: what C++20 allows must appear, what it forbids must not.

#include "convoy/detail/asymmetric_fence.hpp"
#include "convoy/detail/atomic.hpp"
#include "protocols.hpp"

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
using convoy::detail::thread_fence;
using model::at_once;
using testing::Contains;
using testing::Not;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto seq_cst = std::memory_order_seq_cst;

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
    at_once({[&] { x.store(1, store), fence(true), a = y.load(load); },
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
    at_once({[&] {
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

/// A flag that carries nothing, and seq_cst data: their order is not that of the flags.
TEST(litmus, message_passing_with_a_relaxed_flag) {
  const auto passed = [](std::memory_order store, std::memory_order load) {
    return outcomes([=] {
      atomic<int> data{0}, flag{0};
      int a = 0, b = 0;
      at_once({[&] { data.fetch_add(1, seq_cst), flag.store(1, store); },
               [&] { a = flag.load(load), b = data.load(seq_cst); }});
      tell(a, b);
    });
  };
  EXPECT_THAT(passed(relaxed, relaxed), Contains(10));
  EXPECT_THAT(passed(release, relaxed), Contains(10));
  EXPECT_THAT(passed(release, acquire), Not(Contains(10)));
  EXPECT_THAT(passed(seq_cst, seq_cst), Not(Contains(10)));
}

TEST(litmus, load_buffering_is_not_modelled) { // C++ allows 11; said in checker.hpp
  EXPECT_THAT(outcomes([] {
                atomic<int> x{0}, y{0};
                int a = 0, b = 0;
                at_once({[&] { a = x.load(relaxed), y.store(1, relaxed); },
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
        at_once({[&] { x.store(1, store); }, [&] { y.store(1, store); },
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
    at_once({[&] { x.store(1, order), y.store(2, order); },
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
    at_once({[&] { data.store(1, relaxed), word.store(1, release); },
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
                at_once({[&] { x.store(1, relaxed), x.store(2, relaxed); },
                         [&] { a = x.load(relaxed), b = x.load(relaxed); }});
                tell(a, b);
              }),
              testing::ElementsAre(0, 1, 2, 11, 12, 22));
}

TEST(litmus, modifications_lose_nothing) {
  EXPECT_THAT(outcomes([] {
                atomic<int> x{0};
                at_once({[&] { x.fetch_add(1, relaxed); }, [&] { x.fetch_add(1, relaxed); },
                         [&] { x.fetch_add(1, relaxed); }});
                tell(x.load(relaxed));
              }),
              testing::ElementsAre(3));
}

std::set<int> read_then_write(std::memory_order order) { // "R", of the literature
  return outcomes([=] {
    atomic<int> x{0}, y{0};
    int a = 0;
    at_once({[&] { x.store(1, order), y.store(1, order); },
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
      at_once({[&] { x.store(1, store); },
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

} // namespace
