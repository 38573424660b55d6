// Segments of a ticket_ring that come while others are about to look into them.

#include "convoy/detail/base/asymmetric_fence.hpp"
#include "protocols.hpp"
#include "ring.hpp"

#include <cstdint>

namespace {

using model::at_once;
using model::expect_holds;
using model::put;
using model::ring;
using model::take;

/// Tickets above the limit have cells in segments that their producers link, while the consumer and who looks
/// out come to the end of what there was.
TEST(segments, are_linked_while_the_consumer_waits_for_them) {
  expect_holds(
      [] {
        ring r(0);
        r.skip(15, [](std::uint64_t) {});
        while (take(r) >= 0) {
        }
        at_once({[&] { r.skip(2, [](std::uint64_t) {}); },
                 [&] {
                   for (int i = 0; i < 3; ++i)
                     (void)take(r);
                 }});
        while (take(r) >= 0) {
        }
        model::check(r.consumed() == 17, "lost");
      },
      {.preemptions = 2});
}

TEST(segments, are_linked_while_somebody_looks_out_for_them) {
  expect_holds([] {
    ring r(0);
    r.skip(16, [](std::uint64_t) {});
    while (take(r) >= 0) {
    }
    convoy::detail::atomic<bool> here{true};
    bool seen = false, told = false;
    at_once({[&] {
               r.skip(1, [](std::uint64_t) {});
               convoy::detail::fence_light();
               told = !here.load(std::memory_order_seq_cst);
             },
             [&] {
               const auto next = r.look_out();
               here.exchange(false, std::memory_order_seq_cst);
               convoy::detail::fence_heavy();
               seen = ring::published(next);
             }});
    model::check(seen || told, "stranded");
  });
}

/// A producer whose ticket lies two segments behind the one that another has just linked and moved the hint to.
TEST(segments, are_new_where_the_hint_leads) {
  expect_holds(
      [] {
        ring r(1024);
        for (int i = 0; i < 7; ++i)
          while (!put(r, 1))
            (void)r.grow(1);
        at_once({[&] { (void)put(r, 1); }, [&] { r.skip(9, [](std::uint64_t) {}); }});
        while (take(r) >= 0) {
        }
        model::check(r.consumed() == r.tickets(), "lost");
      },
      {.preemptions = 2});
}

} // namespace
