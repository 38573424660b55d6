// The checker on the classic litmus tests: what C++20 allows must appear, what it forbids must not.

#include "convoy/detail/base/asymmetric_fence.hpp"
#include "convoy/detail/base/atomic.hpp"
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
using testing::ElementsAre;

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

/// All combinations of so many zeros and ones, but one.
std::set<int> all_but(unsigned digits, int one) {
  std::set<int> all;
  for (unsigned i = 0; i < 1u << digits; ++i) {
    int number = 0;
    for (auto bit = digits; bit-- != 0;)
      number = 10 * number + static_cast<int>((i >> bit) & 1);
    if (number != one)
      all.insert(number);
  }
  return all;
}
constexpr int none = -1;

void no_fence() {}
void full_fence() {
  thread_fence(seq_cst);
}

// Names are those of the literature.

std::set<int> store_buffering(std::memory_order store, std::memory_order load,
                              void (*first_fence)() = no_fence, void (*second_fence)() = no_fence) {
  return outcomes([=] {
    atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once({[&] { x.store(1, store), first_fence(), a = y.load(load); },
             [&] { y.store(1, store), second_fence(), b = x.load(load); }});
    tell(a, b);
  });
}

TEST(litmus, store_buffering) {
  EXPECT_EQ(store_buffering(relaxed, relaxed), all_but(2, none));
  EXPECT_EQ(store_buffering(release, acquire), all_but(2, none));
  EXPECT_EQ(store_buffering(seq_cst, relaxed), all_but(2, none));
  EXPECT_EQ(store_buffering(relaxed, seq_cst), all_but(2, none));
  EXPECT_EQ(store_buffering(seq_cst, seq_cst), all_but(2, 0));
  EXPECT_EQ(store_buffering(relaxed, relaxed, full_fence, full_fence), all_but(2, 0));
  EXPECT_EQ(store_buffering(relaxed, relaxed, full_fence, no_fence), all_but(2, none));
}

TEST(litmus, store_buffering_with_asymmetric_fences) {
  EXPECT_EQ(store_buffering(relaxed, relaxed, fence_heavy, fence_light), all_but(2, 0));
  EXPECT_EQ(store_buffering(relaxed, relaxed, fence_heavy, fence_heavy), all_but(2, 0));
  EXPECT_EQ(store_buffering(relaxed, relaxed, fence_heavy, full_fence), all_but(2, 0));
  EXPECT_EQ(store_buffering(relaxed, relaxed, fence_light, fence_light), all_but(2, none));
  EXPECT_EQ(store_buffering(relaxed, relaxed, fence_light, full_fence), all_but(2, none));
}

TEST(litmus, store_buffering_with_a_fence_here_and_operations_there) {
  const auto mixed = [](std::memory_order load) {
    return outcomes([=] {
      atomic<int> x{0}, y{0};
      int a = 0, b = 0;
      at_once({[&] { x.store(1, relaxed), full_fence(), a = y.load(relaxed); },
               [&] { y.store(1, seq_cst), b = x.load(load); }});
      tell(a, b);
    });
  };
  EXPECT_EQ(mixed(seq_cst), all_but(2, 0));
  EXPECT_EQ(mixed(relaxed), all_but(2, none));
}

/// One heavy fence orders light ones before it and after it, too.
TEST(litmus, asymmetric_fences_of_three_threads) {
  const auto ring = [](void (*fence)()) {
    return outcomes([=] {
      atomic<int> x{0}, y{0}, z{0};
      int a = 0, b = 0, c = 0;
      at_once({[&] { x.store(1, relaxed), fence_light(), a = y.load(relaxed); },
               [&] { y.store(1, relaxed), fence(), b = z.load(relaxed); },
               [&] { z.store(1, relaxed), fence_light(), c = x.load(relaxed); }});
      tell(a, b, c);
    });
  };
  EXPECT_EQ(ring(fence_heavy), all_but(3, 0));
  EXPECT_EQ(ring(fence_light), all_but(3, none));
}

std::set<int> message_passing(std::memory_order store, std::memory_order load,
                              void (*first_fence)() = no_fence, void (*second_fence)() = no_fence) {
  return outcomes([=] {
    atomic<int> data{0}, ready{0};
    int a = 0, b = 0;
    at_once({[&] { data.store(1, relaxed), first_fence(), ready.store(1, store); },
             [&] { a = ready.load(load), second_fence(), b = data.load(relaxed); }});
    tell(a, b);
  });
}

TEST(litmus, message_passing) {
  const auto release_fence = [] { thread_fence(release); };
  const auto acquire_fence = [] { thread_fence(acquire); };
  EXPECT_EQ(message_passing(relaxed, relaxed), all_but(2, none));
  EXPECT_EQ(message_passing(release, relaxed), all_but(2, none));
  EXPECT_EQ(message_passing(relaxed, acquire), all_but(2, none));
  EXPECT_EQ(message_passing(release, acquire), all_but(2, 10));
  EXPECT_EQ(message_passing(relaxed, relaxed, release_fence, acquire_fence), all_but(2, 10));
  EXPECT_EQ(message_passing(release, relaxed, no_fence, acquire_fence), all_but(2, 10));
  EXPECT_EQ(message_passing(relaxed, acquire, release_fence), all_but(2, 10));
  EXPECT_EQ(message_passing(relaxed, relaxed, acquire_fence, release_fence), all_but(2, none));
  EXPECT_EQ(message_passing(relaxed, relaxed, fence_light, fence_heavy), all_but(2, 10));
}

/// A flag that carries nothing: what is executed first has no earlier place in the order of seq_cst
/// for it, whichever operation it is.
TEST(litmus, seq_cst_order_is_not_that_of_execution) {
  using word = atomic<int>;
  const auto second = [](std::memory_order store, std::memory_order load, auto read) {
    return outcomes([=] {
      word data{0}, other{0}, flag{0};
      int a = 0, b = 0;
      at_once({[&] { data.fetch_add(1, seq_cst), flag.store(1, store); },
               [&] { a = flag.load(load), b = read(data, other); }});
      tell(a, b);
    });
  };
  const auto load = [](word& data, word&) { return data.load(seq_cst); };
  EXPECT_EQ(second(relaxed, relaxed, load), all_but(2, none));
  EXPECT_EQ(second(release, relaxed, load), all_but(2, none));
  EXPECT_EQ(second(release, acquire, load), all_but(2, 10));
  EXPECT_EQ(second(seq_cst, seq_cst, load), all_but(2, 10));

  const auto after_another = [](word& data, word& other) {
    (void)other.load(seq_cst);
    return data.load(seq_cst);
  };
  EXPECT_EQ(second(relaxed, relaxed, after_another), all_but(2, none));

  const auto failing_swap = [](word& data, word&) {
    int expected = 5;
    data.compare_exchange_strong(expected, 6, seq_cst, relaxed);
    return expected;
  };
  EXPECT_EQ(second(relaxed, relaxed, failing_swap), all_but(2, none));
  EXPECT_EQ(second(release, acquire, failing_swap), all_but(2, 10));

  const auto after_a_fence = [](word& data, word&) {
    full_fence();
    return data.load(relaxed);
  };
  EXPECT_EQ(second(relaxed, relaxed, after_a_fence), all_but(2, none));
  EXPECT_EQ(second(release, acquire, after_a_fence), all_but(2, 10));
}

TEST(litmus, seq_cst_stores_may_come_earlier) {
  const auto last = [](std::memory_order store, std::memory_order load) {
    return outcomes([=] {
      atomic<int> x{0}, flag{0};
      int a = 0;
      at_once({[&] { x.store(1, seq_cst), flag.store(1, store); },
               [&] { a = flag.load(load), x.store(2, seq_cst); }});
      tell(a, x.load(relaxed));
    });
  };
  EXPECT_THAT(last(relaxed, relaxed), ElementsAre(1, 2, 11, 12));
  EXPECT_THAT(last(release, acquire), ElementsAre(1, 2, 12));
}

/// "Z6.U", of P0668: to synchronise is not to come first.
TEST(litmus, seq_cst_and_a_release_that_is_none) {
  const auto told = [](std::memory_order release_of_y) {
    return outcomes([=] {
      atomic<int> x{0}, y{0};
      int a = 0, b = 0, c = 0;
      at_once({[&] { x.store(1, seq_cst), y.store(1, release_of_y); },
               [&] { b = y.fetch_add(1, seq_cst), c = y.load(relaxed); },
               [&] { y.store(3, seq_cst), a = x.load(seq_cst); }});
      tell(a, b, c);
    });
  };
  EXPECT_EQ(told(release).count(13), 1u);
  EXPECT_EQ(told(seq_cst).count(13), 0u);
}

TEST(litmus, load_buffering_is_not_modelled) { // C++ allows 11; said in checker.hpp
  EXPECT_EQ(outcomes([] {
              atomic<int> x{0}, y{0};
              int a = 0, b = 0;
              at_once({[&] { a = x.load(relaxed), y.store(1, relaxed); },
                       [&] { b = y.load(relaxed), x.store(1, relaxed); }});
              tell(a, b);
            }),
            all_but(2, 11));
}

std::set<int> independent_reads(std::memory_order store, std::memory_order load,
                                void (*fence)() = no_fence) {
  return outcomes(
      [=] {
        atomic<int> x{0}, y{0};
        int a = 0, b = 0, c = 0, d = 0;
        at_once({[&] { x.store(1, store); }, [&] { y.store(1, store); },
                 [&] { a = x.load(load), fence(), b = y.load(load); },
                 [&] { c = y.load(load), fence(), d = x.load(load); }});
        tell(a, b, c, d);
      },
      2);
}

TEST(litmus, independent_reads_of_independent_writes) { // IRIW
  EXPECT_EQ(independent_reads(release, acquire), all_but(4, none));
  EXPECT_EQ(independent_reads(seq_cst, seq_cst), all_but(4, 1010));
  EXPECT_EQ(independent_reads(relaxed, relaxed, full_fence), all_but(4, 1010));
}

std::set<int> two_writes_each(std::memory_order order, void (*fence)() = no_fence) { // 2+2W
  return outcomes([=] {
    atomic<int> x{0}, y{0};
    at_once({[&] { x.store(1, order), fence(), y.store(2, order); },
             [&] { y.store(1, order), fence(), x.store(2, order); }});
    tell(x.load(relaxed), y.load(relaxed));
  });
}

TEST(litmus, two_plus_two_writes) {
  EXPECT_THAT(two_writes_each(relaxed), ElementsAre(11, 12, 21, 22));
  EXPECT_THAT(two_writes_each(release), ElementsAre(11, 12, 21, 22));
  EXPECT_THAT(two_writes_each(seq_cst), ElementsAre(12, 21, 22));
  EXPECT_THAT(two_writes_each(relaxed, full_fence), ElementsAre(12, 21, 22));
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
  EXPECT_THAT(release_sequence(true), ElementsAre(0, 1, 10, 11, 21)); // 1 may be 0 + 1
  EXPECT_THAT(release_sequence(false), ElementsAre(0, 1, 11, 20, 21));
}

TEST(litmus, coherence_of_one_location) {
  EXPECT_THAT(outcomes([] {
                atomic<int> x{0};
                int a = 0, b = 0;
                at_once({[&] { x.store(1, relaxed), x.store(2, relaxed); },
                         [&] { a = x.load(relaxed), b = x.load(relaxed); }});
                tell(a, b);
              }),
              ElementsAre(0, 1, 2, 11, 12, 22));
}

TEST(litmus, modifications_lose_nothing) {
  EXPECT_THAT(outcomes([] {
                atomic<int> x{0};
                at_once({[&] { x.fetch_add(1, relaxed); }, [&] { x.fetch_add(1, relaxed); },
                         [&] { x.fetch_add(1, relaxed); }});
                tell(x.load(relaxed));
              }),
              ElementsAre(3));
}

std::set<int> write_write_and_read(std::memory_order order, void (*fence)() = no_fence) { // R
  return outcomes([=] {
    atomic<int> x{0}, y{0};
    int a = 0;
    at_once({[&] { x.store(1, order), fence(), y.store(1, order); },
             [&] { y.store(2, order), fence(), a = x.load(order); }});
    tell(y.load(relaxed), a);
  });
}

TEST(litmus, a_write_behind_a_write_and_a_read) {
  EXPECT_THAT(write_write_and_read(relaxed), ElementsAre(10, 11, 20, 21));
  EXPECT_THAT(write_write_and_read(seq_cst), ElementsAre(10, 11, 21));
  EXPECT_THAT(write_write_and_read(relaxed, full_fence), ElementsAre(10, 11, 21));
}

TEST(litmus, write_to_read_causality) { // WRC
  const auto chain = [](std::memory_order store, std::memory_order load,
                        void (*fence)() = no_fence) {
    return outcomes([=] {
      atomic<int> x{0}, y{0};
      int a = 0, b = 0, c = 0;
      at_once({[&] { x.store(1, store); }, [&] { a = x.load(load), fence(), y.store(1, store); },
               [&] { b = y.load(load), fence(), c = x.load(relaxed); }});
      tell(a, b, c);
    });
  };
  EXPECT_EQ(chain(relaxed, relaxed), all_but(3, none));
  EXPECT_EQ(chain(release, acquire), all_but(3, 110));
  EXPECT_EQ(chain(relaxed, relaxed, full_fence), all_but(3, 110));
}

} // namespace
