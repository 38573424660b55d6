// ticket_ring and its segments: producers, a consumer, credit, and the closed bit.

#include "convoy/detail/base/asymmetric_fence.hpp"
#include "convoy/detail/ds/event_count.hpp"
#include "convoy/detail/ds/pending_count.hpp"
#include "protocols.hpp"
#include "ring.hpp"

#include <functional>

namespace {

using convoy::detail::atomic;
using convoy::detail::event_count;
using convoy::detail::pending_count;
using convoy::detail::sleep_for;
using convoy::detail::ticket_limit;
using model::at_once;
using model::expect_holds;
using model::expect_holds_at_random;
using model::publish;
using model::put;
using model::ring;
using model::take;

TEST(ticket_ring, messages_come_whole_and_in_order) {
  expect_holds(
      [] {
        ring r(64);
        int last = 0, seen = 0;
        at_once({[&] { model::check(put(r, 1) && put(r, 2), "refused"); },
                 [&] {
                   for (int i = 0; i < 3; ++i)
                     if (const auto number = take(r); number > 0) {
                       model::check(number == last + 1, "out of order");
                       last = number;
                       ++seen;
                     }
                 }});
        while (take(r) > 0)
          ++seen;
        model::check(seen == 2, "lost");
      },
      {.preemptions = 2});
}

/// The consumer recycles segments that late producers might still look into.
TEST(ticket_ring, segments_are_recycled_behind_late_producers) {
  expect_holds_at_random(4'000, [] {
    ring r(1024);
    (void)r.grow(16); // cells of two segments may be used, and none is void
    int seen = 0;
    const auto take_some = [&](int most) {
      for (int i = 0; i < most; ++i) {
        if (take(r) > 0)
          ++seen;
        else
          sleep_for(std::chrono::microseconds(1));
        r.recycle();
      }
    };
    const auto put_some = [&](int most) {
      for (int i = 0; i < most; ++i)
        while (!put(r, 1))
          (void)r.grow(1);
    };
    put_some(14);
    take_some(7); // both segments are in use
    at_once({[&] { put_some(6); }, [&] { put_some(6); }, [&] { take_some(18); }});
    for (int next = 0; (next = take(r)) >= 0;)
      seen += next > 0;
    model::check(seen == 26, "lost");
  });
}

/// A producer that has read hint_ just before it moved on; the consumer sees it moved, and counts tickets.
void expect_late_producers_are_waited_for(const std::function<void(ring&)>& produce) {
  expect_holds([&] {
    ring r(1024);
    (void)r.grow(16); // cells of two segments may be used, and none is void
    for (int i = 0; i < 8; ++i) {
      model::check(put(r, 1), "refused");
      model::check(take(r) == 1, "lost");
    }
    at_once({[&] { produce(r); },
             [&] {
               for (int i = 0; i < 2; ++i) {
                 (void)take(r);
                 r.recycle();
               }
             }});
    while (take(r) >= 0) {
    }
    model::check(r.consumed() == 9, "lost");
  });
}

TEST(ticket_ring, a_late_producer) {
  expect_late_producers_are_waited_for([](ring& r) { model::check(put(r, 1), "refused"); });
}

TEST(ticket_ring, a_late_void_ticket) {
  expect_late_producers_are_waited_for([](ring& r) { r.skip(1, [](std::uint64_t) {}); });
}

TEST(ticket_ring, a_late_reserved_ticket) {
  expect_late_producers_are_waited_for([](ring& r) { publish(r, r.claim_reserved(), 1); });
}

/// A drainer that leaves gives its role up, fences, and looks once more where the next ticket will be, here
/// in a segment that does not exist yet. Who publishes fences, too, and then looks for a drainer.
TEST(ticket_ring, who_leaves_sees_what_is_published_or_is_seen_leaving) {
  expect_holds([] {
    ring r(1024);
    (void)r.grow(16); // cells of two segments may be used, and none is void
    for (int i = 0; i < 16; ++i) {
      model::check(put(r, 1), "refused");
      model::check(take(r) == 1, "lost");
    }
    convoy::detail::atomic<bool> here{true};
    bool seen = false, told = false;
    at_once({[&] {
               model::check(r.grow(1) && put(r, 2), "refused");
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
    model::check(take(r) == 2, "lost");
  });
}

/// Tickets beyond the capacity are void, and every ticket is published.
TEST(ticket_ring, no_more_messages_than_there_is_credit_for) {
  expect_holds(
      [] {
        ring r(1);
        bool first = false, second = false;
        at_once({[&] { first = put(r, 1); }, [&] { second = put(r, 2); }});
        model::check(!(first && second), "more than its capacity");
        int messages = 0, next = 0;
        while ((next = take(r)) >= 0)
          messages += next > 0;
        model::check(r.consumed() == r.tickets(), "a ticket was not published");
        model::check(messages == first + second, "accepted, and not there");
      },
      {.preemptions = 3});
}

/// Who takes credit away and who uses it never both have it.
TEST(ticket_ring, credit_is_taken_or_used) {
  expect_holds(
      [] {
        ring r(1);
        bool used = false;
        std::uint64_t taken = 0;
        at_once({[&] { used = put(r, 1); }, [&] { taken = r.take_credit(); }});
        model::check(taken + used <= 1, "the same credit twice");
        for (int next = 0; (next = take(r)) >= 0;)
          r.add_credit(next > 0 ? 1 : 0); // as a drainer does
        model::check(taken + put(r, 2) == 1, "the credit is lost");
      },
      {.preemptions = 3});
}

/// A ticket above the limit gives back the credit that it would take. Who saw that credit, but not the ticket, took
/// what was nobody's.
TEST(ticket_ring, credit_that_comes_back_is_not_taken_twice) {
  expect_holds(
      [] {
        ring r(1);
        model::check(put(r, 1), "refused");
        std::uint64_t taken = 0;
        at_once({[&] { model::check(!put(r, 2), "more than its capacity"); },
                 [&] { taken = r.take_credit(); }});
        model::check(taken == 0, "the same credit twice");
        while (take(r) >= 0) {
        }
      },
      {.preemptions = 3});
}

/// The other way round, a message could have the credit that a void ticket is to take.
TEST(ticket_ring, a_void_ticket_gives_nobody_its_credit) {
  expect_holds(
      [] {
        ring r(1);
        int accepted = 0;
        at_once(
            {[&] { r.skip(1, [](std::uint64_t) {}); }, [&] { accepted = put(r, 1) + put(r, 2); }});
        model::check(accepted <= 1, "more than its capacity");
        while (take(r) >= 0) {
        }
      },
      {.preemptions = 2});
}

/// A ticket above the limit that is not void yet could carry a message with the credit that a ticket behind it gave
/// back, once the limit has passed it.
TEST(ticket_ring, a_void_ticket_gives_its_credit_to_none_before_it) {
  expect_holds(
      [] {
        ring r(1);
        model::check(put(r, 1), "refused");
        at_once({[&] { model::check(r.claim() == ring::no_ticket, "more than its capacity"); },
                 [&] { (void)r.grow(1); },
                 [&] { model::check(r.claim(2) == ring::no_ticket, "more than its capacity"); }});
        while (take(r) >= 0) {
        }
      },
      {.preemptions = 2});
}

TEST(ticket_limit, is_not_raised_past_who_has_not_decided) {
  expect_holds(
      [] {
        ticket_limit limit(1);
        atomic<std::uint64_t> tail{1}; // who has ticket 0 uses the credit
        const auto tickets = [&] { return tail.load(std::memory_order_seq_cst); };
        limit.raise(8, tickets);
        const auto claim = [&] {
          const auto ticket = tail.fetch_add(1, std::memory_order_seq_cst);
          model::check(!limit.may_carry(ticket), "more than its capacity");
          limit.add(1);
        };
        at_once({claim, claim, [&] { limit.raise(8, tickets); }});
        limit.raise(8, tickets);
        model::check(limit.credit_end() == tickets(), "the credit is lost, or there is more of it");
      },
      {.preemptions = 3});
}

TEST(ticket_ring, nothing_is_accepted_after_close) {
  expect_holds(
      [] {
        ring r(64);
        bool accepted = false;
        std::uint64_t at_close = 0;
        at_once({[&] { accepted = put(r, 1); },
                 [&] {
                   r.close();
                   at_close = r.tickets();
                 }});
        int messages = 0, next = 0;
        while ((next = take(r)) >= 0)
          messages += next > 0;
        model::check(messages == accepted, "accepted and not there, or the other way round");
        model::check(!accepted || at_close >= 1, "accepted after close()");
        model::check(!put(r, 2) && r.closed(), "accepted after close()");
      },
      {.preemptions = 3});
}

/// Whoever has the role meanwhile uses the segment up, and would give it a new life.
TEST(ticket_ring, segments_are_kept_for_who_looks_out) {
  expect_holds([] {
    ring r(1024);
    (void)r.grow(16); // cells of two segments may be used, and none is void
    for (int i = 0; i < 9; ++i)
      while (!put(r, 1))
        (void)r.grow(1);
    for (int i = 0; i < 7; ++i)
      model::check(take(r) == 1, "lost");
    convoy::detail::atomic<bool> here{true};
    at_once({[&] {
               const auto next = r.look_out();
               here.exchange(false, std::memory_order_seq_cst);
               model::check(ring::published(next), "not there");
             },
             [&] {
               if (here.load(std::memory_order_acquire))
                 return;
               model::check(take(r) == 1 && take(r) == 1, "lost");
               r.recycle();
             }});
  });
}

// ---- pending_count, with a ring that is closed ----

/// A scheduled message takes no ticket until it is due. The look at closed() was relaxed for a while, since no
/// model could tell; this one can: what is accepted after the end has looked is never handled.
TEST(pending_count, who_begins_or_who_closes_sees_the_other) {
  expect_holds([] {
    ring r(4);
    event_count over;
    pending_count all(over);
    bool accepted = false, none = false;
    at_once({[&] {
               all.begin();
               accepted = !r.closed();
             },
             [&] {
               r.close();
               none = all.none();
             }});
    model::check(!accepted || !none, "accepted after the end");
  });
}

TEST(pending_count, what_has_ended_has_its_ticket) {
  expect_holds([] {
    ring r(4);
    event_count over;
    pending_count all(over);
    all.begin();
    at_once({[&] {
               publish(r, r.claim_reserved(), 1);
               all.end();
             },
             [&] {
               if (all.none())
                 model::check(r.tickets() == 1, "nothing left to wait for, but a message");
             }});
  });
}

TEST(pending_count, wakes_who_waits_for_its_end) {
  expect_holds([] {
    event_count over;
    pending_count all(over);
    all.begin(2);
    at_once({[&] { over.wait([&] { return all.none(); }); },
             [&] {
               all.end();
               all.end();
             }});
  });
}

TEST(ticket_ring, a_bulk_is_all_or_nothing) {
  expect_holds(
      [] {
        ring r(3);
        bool bulk = false, single = false;
        at_once({[&] {
                   const auto ticket = r.claim(3);
                   bulk = ticket != ring::no_ticket;
                   for (int i = 0; bulk && i < 3; ++i)
                     publish(r, ticket + static_cast<std::uint64_t>(i), i + 1);
                 },
                 [&] { single = put(r, 9); }});
        int messages = 0, next = 0;
        while ((next = take(r)) >= 0)
          messages += next > 0;
        model::check(messages == 3 * bulk + single,
                     "accepted and not there, or the other way round");
        model::check(messages <= 3, "more than its capacity");
      },
      {.preemptions = 2});
}

// ---- who waits for room ----

void expect_wakes(std::uint64_t credit, const std::function<void(ring&)>& change) {
  expect_holds([&] {
    ring r(credit);
    event_count room;
    // It looks first, as a submit to a full processor does: a ticket would read the newest value of each word.
    at_once({[&] { room.wait([&] { return r.closed() || (r.grow(1) && put(r, 1)); }); },
             [&] {
               change(r);
               room.notify(1);
             }});
  });
}

TEST(room, credit_wakes_who_waits_for_it) {
  expect_wakes(0, [](ring& r) { r.add_credit(1); });
}

TEST(room, close_wakes_who_waits) {
  expect_wakes(0, [](ring& r) { r.close(); });
}

} // namespace
