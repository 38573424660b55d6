// The small protocols: event_count, failures, inbox, drain_progress, takeover, cancellable, each with the least
// around it that gives it a meaning.

#include "convoy/detail/base/asymmetric_fence.hpp"
#include "convoy/detail/ds/event_count.hpp"
#include "convoy/detail/ds/inbox.hpp"
#include "convoy/detail/partition/drain_progress.hpp"
#include "convoy/detail/sched/takeover.hpp"
#include "convoy/detail/shared/failure_rules.hpp"
#include "convoy/detail/shared/requests.hpp"
#include "protocols.hpp"

#include <memory>
#include <utility>

namespace {

using convoy::detail::atomic;
using convoy::detail::drain_progress;
using convoy::detail::event_count;
using convoy::detail::inbox;
using convoy::detail::ready_item;
using convoy::detail::runner;
using convoy::detail::takeover;
using convoy::detail::thread_fence;
using model::at_once;
using model::expect_holds;

// ---- event_count ----

/// The first bug that these models found. wait() counted itself in with a seq_cst addition and looked with
/// ready(), which for drain() is an acquire load: it may read what was there before notify()'s change
/// although notify() saw no waiter, since an addition is no fence. The thread slept until it looked
/// again by itself, 10 ms later. On x86 every locked instruction is a fence, so only weaker machines
/// show it. Now there is one.
TEST(event_count, wakes_who_looks_with_any_order) {
  for (const auto order : {std::memory_order_relaxed, std::memory_order_acquire})
    expect_holds([order] {
      event_count changed;
      atomic<bool> ready{false};
      at_once({[&] { changed.wait([&] { return ready.load(order); }); },
               [&] {
                 ready.store(true, std::memory_order_seq_cst);
                 changed.notify();
               }});
    });
}

TEST(event_count, wakes_one_for_each_place) {
  expect_holds(
      [] {
        event_count room;
        atomic<int> places{0};
        const auto take = [&] {
          room.wait([&] {
            auto now = places.load(std::memory_order_relaxed);
            while (now != 0)
              if (places.compare_exchange_strong(now, now - 1, std::memory_order_relaxed,
                                                 std::memory_order_relaxed))
                return true;
            return false;
          });
        };
        at_once({take, take, [&] {
                   for (int i = 0; i < 2; ++i) {
                     places.fetch_add(1, std::memory_order_seq_cst);
                     room.notify(1);
                   }
                 }});
      },
      {.preemptions = 1});
}

// ---- failures ----

TEST(failures, who_sees_a_lane_parked_sees_what_its_handlers_did) {
  expect_holds([] {
    convoy::detail::failure_rules<int, int> f({}, {}, {});
    int done = 0; // plain
    at_once({[&] {
               done = 1;
               f.count_parked(1);
             },
             [&] {
               if (f.parked() == 1)
                 model::check(done == 1, "parked, but not yet handled");
             }});
  });
}

// ---- inbox, with a role like a partition's ----

struct letter {
  letter* link = nullptr;
  int read = 0; // plain: the drainer's, once it has it
};

struct postbox {
  inbox<letter, letter> in;
  atomic<bool> scheduled{false};
  int handled = 0; // plain: of who has the role

  /// As partition::signal().
  void signal() {
    if (!scheduled.load(std::memory_order_seq_cst) &&
        !scheduled.exchange(true, std::memory_order_acq_rel))
      drain();
  }
  /// As partition::drain() and leave().
  void drain() {
    do {
      in.take_lanes([&](letter& l) { ++l.read, ++handled; });
      in.take_requests([&](std::unique_ptr<letter> l) { ++l->read, ++handled; });
      handled += in.has_rung() ? 1 : 0;
      scheduled.exchange(false, std::memory_order_seq_cst);
    } while (in.anything() && !scheduled.exchange(true, std::memory_order_acq_rel));
  }
};

TEST(inbox, nothing_that_is_left_there_is_stranded) {
  expect_holds([] {
    postbox box;
    letter mine, other;
    at_once({[&] {
               mine.read = 0;
               box.in.give_back(mine);
               box.signal();
             },
             [&] {
               other.read = 0;
               box.in.give_back(other);
               box.signal();
             }});
    model::check(box.handled == 2, "stranded");
  });
}

TEST(inbox, requests_and_alarms) {
  expect_holds(
      [] {
        postbox box;
        at_once({[&] {
                   box.in.post(std::make_unique<letter>());
                   box.signal();
                 },
                 [&] {
                   box.in.ring();
                   box.signal();
                 }});
        model::check(box.handled == 2, "stranded");
      },
      {.preemptions = 3});
}

/// What was set before it rang is seen by who finds that it has rung, though two rang at once: ring() was a store,
/// and so a timer's hid the end's. The drainer took both for one, did not see that all ends, and nobody rang
/// again. No machine of today that we know does that; C++20 allows it.
TEST(inbox, what_was_set_before_it_rang) {
  expect_holds([] {
    inbox<letter, letter> in;
    atomic<int> set[2] = {0, 0};
    const auto ring = [&](int which) {
      set[which].store(1, std::memory_order_relaxed);
      in.ring();
    };
    int looks = 0;
    at_once({[&] { ring(0); }, [&] { ring(1); },
             [&] {
               if (in.has_rung())
                 looks = set[0].load(std::memory_order_relaxed) +
                         set[1].load(std::memory_order_relaxed);
             }});
    model::check(looks == 2 || in.has_rung(), "not seen, and not told again");
  });
}

// ---- drain_progress ----

/// Messages of the current epoch are always under way, so only a new epoch gets on.
struct busy_lanes {
  bool began = false;
  bool older_is_finished() const { return true; }
  bool all_finished() const { return false; }
  void begin() { began = true; }
};

/// Who reads reached() sees what handlers did; who asks is seen by a drainer that leaves.
TEST(drain_progress, asks_and_answers) {
  expect_holds([] {
    drain_progress point;
    event_count drained;
    atomic<bool> scheduled{true};
    int done = 0; // plain: a handler's
    const auto drain = [&] {
      for (;;) {
        busy_lanes lanes;
        do {
          lanes.began = false;
          if (point.advance(lanes, 5) && point.take_waiters())
            drained.notify();
        } while (lanes.began);
        const auto asked = point.seen();
        scheduled.exchange(false, std::memory_order_seq_cst);
        if (!point.asked_since(asked) || scheduled.exchange(true, std::memory_order_acq_rel))
          return;
      }
    };
    at_once({[&] {
               done = 1;
               drain();
             },
             [&] {
               point.ask(5);
               if (!scheduled.load(std::memory_order_seq_cst) &&
                   !scheduled.exchange(true, std::memory_order_acq_rel))
                 drain();
               drained.wait([&] { return point.await(5); });
               model::check(done == 1, "not seen");
             }});
  });
}

/// No messages are under way, so each visit gets on.
struct idle_lanes {
  bool older_is_finished() const { return true; }
  bool all_finished() const { return true; }
  void begin() {}
};

/// The drainer wakes those who wait for what it has reached, and forgets who waits for more: they say so again.
TEST(drain_progress, wakes_all_that_wait_for_different_tickets) {
  expect_holds(
      [] {
        drain_progress point;
        event_count drained;
        const auto wait_for = [&](std::uint64_t ticket) {
          drained.wait([&] { return point.await(ticket); });
          model::check(point.reached() >= ticket, "too early");
        };
        at_once({[&] { wait_for(1); }, [&] { wait_for(2); },
                 [&] {
                   idle_lanes lanes;
                   for (std::uint64_t consumed = 1; consumed <= 2; ++consumed)
                     if (point.advance(lanes, consumed) && point.take_waiters())
                       drained.notify();
                 }});
      },
      {.preemptions = 2});
}

/// A visit that reaches more, which nobody waits for, wakes nobody.
TEST(drain_progress, wakes_once) {
  expect_holds([] {
    drain_progress point;
    idle_lanes lanes;
    model::check(!point.await(1), "reached already");
    model::check(point.advance(lanes, 1) && point.take_waiters(), "nobody is told");
    model::check(point.advance(lanes, 2) && !point.take_waiters(), "told again");
  });
}

// ---- takeover ----

class nobody final : public runner {
  void run(ready_item&, convoy::detail::pump&) noexcept override {}
};

struct claimed {
  nobody home;
  ready_item partition{home}, next{home};
  takeover claim;
  int drained = 0; // plain: of who has the partition
  int handled = 0; // plain: of the owner's handlers

  /// Runs `most` handlers. False: the partition was taken over.
  bool own(int most) {
    claim.open(partition);
    for (int i = 0; i < most; ++i) {
      ++drained;
      claim.begin();
      ++handled;
      if (claim.end()) {
        claim.settle();
        claim.open(next); // a late thief must not have that one
        return false;
      }
    }
    ++drained;
    claim.close();
    return true;
  }
  bool take_over(int looks) {
    for (int i = 0; i < looks; ++i)
      if (auto* const its = claim.take_if_stuck()) {
        model::check(its == &partition, "another partition");
        ++drained;
        return true;
      }
    return false;
  }
};

TEST(takeover, one_of_owner_and_thief_has_the_partition) {
  expect_holds([] {
    claimed c;
    bool kept = false, taken = false;
    at_once({[&] { kept = c.own(2); }, [&] { taken = c.take_over(3); }});
    model::check(kept != taken, "both have it, or nobody");
  });
}

/// A handler that was taken while it began: its owner says so afterwards, and nobody takes it again.
TEST(takeover, an_owner_that_comes_back) {
  expect_holds(
      [] {
        claimed c;
        bool kept = false, first = false, second = false;
        at_once({[&] { kept = c.own(1) && c.own(1); }, [&] { first = c.take_over(2); },
                 [&] { second = c.take_over(1); }});
        model::check(kept + first + second == 1, "two have it, or nobody");
      },
      {.preemptions = 1});
}

TEST(takeover, two_thieves_and_an_owner_that_is_late) {
  model::expect_holds_at_random(20'000, [] {
    claimed c;
    bool kept = false, first = false, second = false;
    at_once({[&] { kept = c.own(2); }, [&] { first = c.take_over(4); },
             [&] { second = c.take_over(4); }});
    model::check(kept + first + second == 1, "two have it, or nobody");
  });
}

/// A watcher that leaves sees the claim, or who opens it sees that nobody watches.
TEST(takeover, a_watcher_that_leaves) {
  expect_holds([] {
    claimed c;
    atomic<bool> watched{true};
    bool alone = false, stays = false;
    at_once({[&] {
               c.claim.open(c.partition);
               alone = !watched.load(std::memory_order_relaxed);
             },
             [&] {
               watched.store(false, std::memory_order_relaxed);
               convoy::detail::fence_heavy();
               stays = c.claim.needs_watcher();
             }});
    model::check(alone || stays, "it runs handlers, and nobody knows");
  });
}

// ---- cancellable ----

class parcel final : public convoy::detail::cancellable {
  void forget_soon() noexcept override {}
};

/// Two who cancel, and the drainer, to whom it is due: none of them might have it, or two.
TEST(cancellable, one_has_it) {
  expect_holds([] {
    parcel p;
    bool has[3] = {};
    at_once({[&] { has[0] = p.take(true); }, [&] { has[1] = p.take(true); },
             [&] { has[2] = p.take(false); }});
    model::check(has[0] + has[1] + has[2] == 1, "two have it, or nobody");
    model::check(!p.take(true), "somebody has it, and it was taken again");
  });
}

} // namespace
