// The account of a processor, which is true at every moment: what the rings count, and what comes of it.

#include "pipeline.hpp"
#include "protocols.hpp"
#include "ring.hpp"

#include <chrono>
#include <cstdint>
#include <new>
#include <vector>

namespace {

using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::clock;
using convoy::detail::thread;
using model::at_once;
using model::expect_holds;
using model::expect_holds_at_random;
using model::expect_works;
using model::large;
using model::must_submit;
using model::put;
using model::ring;
using model::take;
using std::chrono::microseconds;

// ---- what a ring counts ----

/// Somebody counts while the consumer leaves a segment and gives it a new life.
TEST(accounts, keep_the_segments_that_they_look_at) {
  expect_holds([] {
    ring r(1024);
    (void)r.grow(16); // cells of two segments may be used, and none is void
    for (int i = 0; i < 7; ++i)
      model::check(put(r, 1) && take(r) == 1, "lost");
    r.skip(1, [](std::uint64_t) {});
    model::check(take(r) == 0 && put(r, 1), "lost");
    at_once({[&] {
               for (int i = 0; i < 2; ++i)
                 model::check(r.messages() == 8, "another number");
             },
             [&] {
               model::check(take(r) == 1, "lost");
               r.recycle();
             }});
    model::check(r.messages() == 8, "another number");
  });
}

/// What is void in the end counts at no time, and what is consumed was accepted before. Here who races for the
/// last credit has void tickets.
TEST(accounts, never_count_too_many_nor_forget_any) {
  expect_holds_at_random(3'000, [] {
    ring r(8);
    for (int i = 0; i < 7; ++i)
      model::check(put(r, 1) && take(r) == 1, "lost");
    convoy::detail::atomic<std::uint64_t> taken{7};
    std::uint64_t accepted = 7, counted = 0;
    at_once({[&] { accepted += put(r, 1) + put(r, 2); },
             [&] {
               r.skip(1, [](std::uint64_t) {});
               for (int i = 0; i < 2; ++i)
                 if (take(r) > 0)
                   taken.fetch_add(1, std::memory_order_release);
             },
             [&] {
               const auto before = taken.load(std::memory_order_acquire);
               const auto first = r.messages();
               counted = r.messages();
               model::check(first >= before, "fewer than were consumed");
               model::check(counted >= first, "fewer than before");
             }});
    model::check(counted <= accepted, "more than were accepted");
    model::check(r.messages() == accepted, "another number");
  });
}

/// As above, all ways in which the consumer may come to the next segment meanwhile.
TEST(accounts, do_not_forget_what_is_consumed) {
  expect_holds(
      [] {
        ring r(1024);
        for (int i = 0; i < 7; ++i)
          model::check(put(r, 1) && take(r) == 1, "lost");
        model::check(put(r, 1) && put(r, 1), "refused");
        convoy::detail::atomic<std::uint64_t> taken{7};
        at_once({[&] {
                   for (std::uint64_t i = 8; take(r) > 0; ++i)
                     taken.store(i, std::memory_order_release);
                 },
                 [&] {
                   const auto before = taken.load(std::memory_order_acquire);
                   const auto now = r.messages();
                   model::check(now >= before, "fewer than were consumed");
                   model::check(now == 9, "another number");
                 }});
      },
      {.preemptions = 2});
}

TEST(accounts, do_not_count_again_what_was_counted_before) {
  expect_holds([] {
    ring r(1024);
    at_once({[&] {
               const auto ticket = r.claim_reserved();
               auto& cell = r.at(ticket);
               ::new (static_cast<void*>(&cell.key)) int(0);
               ::new (static_cast<void*>(&cell.message)) large;
               cell.message.number = 3;
               r.publish_counted(cell, ticket);
             },
             [&] {
               model::check(r.messages() == 0, "counted again");
               const auto next = take(r);
               model::check(next == 3 || next == -1, "lost");
               model::check(r.messages() == 0, "counted again");
             }});
  });
}

// ---- what comes of it ----

/// Says whether the later of two accounts can follow the earlier one.
void check_follows(const convoy::account& later, const convoy::account& earlier) {
  model::check(later.accepted >= earlier.accepted, "fewer accepted than before");
  model::check(later.completed >= earlier.completed, "fewer completed than before");
  model::check(later.completed + later.dead_letters + later.discarded <= later.accepted,
               "more finished than were accepted");
}

/// Who asks for the account while a full processor refuses, and is closed: tickets that are void in the end
/// might count for a while, or what is still in the ring might not.
TEST(accounts, as_a_full_processor_is_closed) {
  expect_works(600, [] {
    convoy::detail::atomic<std::uint64_t> accepted{0};
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt, [](int&) {}, {.capacity = 1, .partitions = 1}};
    const auto submit = [&](int key) {
      for (int i = 1; i <= 2; ++i)
        if (p.try_submit(key, i) == submit_status::accepted)
          accepted.fetch_add(1, std::memory_order_release);
    };
    thread other([&] {
      submit(1);
      p.resume(1);
    });
    thread third([&] { submit(2); });
    convoy::account last;
    for (int i = 0; i < 3; ++i) {
      const auto before = accepted.load(std::memory_order_acquire);
      const auto now = p.account();
      check_follows(now, last);
      model::check(now.accepted >= before, "fewer than were accepted");
      last = now;
      if (i == 1)
        p.close();
    }
    other.join();
    third.join();
    const auto end = p.shutdown(clock::now() + std::chrono::milliseconds(1));
    check_follows(end, last);
    model::check(end.balanced(), "the account does not come out even");
    model::check(end.accepted == accepted.load(std::memory_order_relaxed),
                 "not as many as were accepted");
  });
}

/// As above, of what has no ticket for a while, what is cancelled, and what dies.
TEST(accounts, of_what_is_scheduled_cancelled_or_dead) {
  expect_works(600, [] {
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [](int& m) { return m == 1 ? outcome::skip : outcome::done; },
                          {.capacity = 64, .partitions = 1, .dead_letters = [](auto&) {}}};
    thread other([&] {
      model::check(p.submit_after(1, microseconds(50), 3).status() == submit_status::accepted,
                   "refused");
      must_submit(p, 1, 1);
      (void)p.submit_after(2, microseconds(200), 2).cancel();
      std::vector<int> before{4};
      model::check(p.resubmit(1, before, convoy::place::before).accepted == 1, "refused");
    });
    convoy::account last;
    for (int i = 0; i < 4; ++i) {
      const auto now = p.account();
      check_follows(now, last);
      model::check(now.accepted <= 4, "more than were submitted");
      last = now;
      convoy::detail::sleep_for(microseconds(60));
    }
    other.join();
    const auto end = p.shutdown(clock::now() + std::chrono::milliseconds(1));
    check_follows(end, last);
    model::check(end.balanced() && end.accepted == 4, "the account does not come out even");
  });
}

} // namespace
