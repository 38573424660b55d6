// Handlers that are coroutines: what one and its completer agree on, how it is posted, and places.

#include "convoy/detail/ds/one_shot.hpp"
#include "convoy/detail/lane/posted.hpp"
#include "convoy/detail/shared/places.hpp"
#include "protocols.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace {

using convoy::detail::atomic;
using convoy::detail::one_shot;
using convoy::detail::posted;
using convoy::detail::suspension;
using model::at_once;
using model::expect_holds;

// ---- one_shot ----

/// A coroutine that waits, in the hands of the one who has its lane. All but the words is plain.
struct waiting {
  struct shared_part {
    one_shot word;
    int value = 0;
    int touched = 0;
  };

  shared_part* shared = new shared_part;
  int frame = 0;
  posted wakes;
  suspension its;
  bool is_suspended = false, is_cancelled = false, is_over = false;

  // ---- the completer ----
  static void complete(waiting& w, shared_part* shared) {
    shared->value = 7;
    switch (shared->word.finish()) {
    case one_shot::state::waiting: // it is there until it is posted
      model::check(w.frame == 1, "not as it was when it was suspended");
      (void)w.wakes.push(w.its);
      break;
    case one_shot::state::left:
      model::check(shared->touched == 1, "not gone yet");
      delete shared;
      break;
    case one_shot::state::empty:
    case one_shot::state::cancelled:
    case one_shot::state::ready:
      break;
    }
  }

  // ---- who has its lane ----
  void suspend() {
    frame = 1;
    is_suspended = shared->word.wait();
    if (!is_suspended)
      go_on();
  }
  void stop() {
    if (!is_suspended || is_over || !shared->word.cancel())
      return; // it goes on by itself
    is_cancelled = true;
    go_on();
  }
  void look_for_posts() {
    if (!is_over && wakes.take() != nullptr)
      go_on();
  }
  void go_on() {
    model::check(!std::exchange(is_over, true), "it goes on twice");
    frame = 2;
    if (!is_cancelled)
      model::check(shared->value == 7, "what was completed is not there");
    shared->touched = 1;
    if (shared->word.leave())
      delete shared;
  }
};

TEST(one_shot, completed_against_suspended) {
  expect_holds([] {
    waiting w;
    auto* const shared = w.shared;
    at_once({[&] { waiting::complete(w, shared); },
             [&] {
               w.suspend();
               w.look_for_posts();
             }});
    w.look_for_posts();
    model::check(w.is_over && !w.is_cancelled, "it does not go on");
  });
}

TEST(one_shot, completed_against_stopped) {
  expect_holds(
      [] {
        waiting w;
        auto* const shared = w.shared;
        at_once({[&] { waiting::complete(w, shared); },
                 [&] {
                   w.suspend();
                   w.look_for_posts();
                   w.stop();
                   w.look_for_posts();
                 }});
        w.look_for_posts();
        model::check(w.is_over, "it does not go on");
      },
      {.preemptions = 4});
}

/// What has its lane changes hands while it is suspended, and is stopped elsewhere. Its message is handled
/// again, and waits anew: the late completion of the first does nothing to the second.
TEST(one_shot, handled_again_against_a_late_completion) {
  expect_holds(
      [] {
        waiting first;
        std::optional<waiting> second;
        auto* const of_first = first.shared;
        atomic<waiting::shared_part*> of_second{nullptr};
        at_once({[&] {
                   waiting::complete(first, of_first);
                   if (auto* const shared = of_second.load(std::memory_order_acquire))
                     waiting::complete(*second, shared);
                 },
                 [&] {
                   first.suspend();
                   first.stop();
                   first.look_for_posts();
                   if (!first.is_over)
                     return;
                   second.emplace();
                   auto* const shared = second->shared;
                   of_second.store(shared, std::memory_order_release);
                   second->suspend();
                   second->look_for_posts();
                 }});
        first.look_for_posts();
        model::check(first.is_over, "it does not go on");
        if (second) {
          second->look_for_posts();
          if (!second->is_over) {
            model::check(second->is_suspended, "lost");
            second->stop();
            // Nobody completes it any more, or has: who comes last frees.
            if (second->is_cancelled)
              waiting::complete(*second, second->shared);
          }
        }
      },
      {.preemptions = 3});
}

/// What begins it has given its completer away, and throws: the coroutine goes on, and leaves.
TEST(one_shot, completed_against_one_that_leaves_before_it_waits) {
  expect_holds([] {
    auto* const shared = new waiting::shared_part;
    waiting w;
    delete std::exchange(w.shared, shared);
    at_once({[&] { waiting::complete(w, shared); },
             [&] {
               shared->touched = 1;
               if (shared->word.leave())
                 delete shared;
             }});
  });
}

// ---- posted ----

TEST(posted, one_alone) {
  expect_holds([] {
    posted to;
    suspension s;
    atomic<bool> asks{false};
    int taken = 0;
    at_once({[&] { asks.store(to.push(s), std::memory_order_seq_cst); },
             [&] { taken += asks.load(std::memory_order_seq_cst) && to.take() != nullptr; }});
    if (taken == 0)
      taken += asks.load(std::memory_order_seq_cst) && to.take() != nullptr;
    model::check(taken == 1, "stranded");
  });
}

/// Each that is posted is taken once, by who is told of the first.
TEST(posted, each_once_and_somebody_is_told) {
  expect_holds([] {
    posted to;
    suspension s[2];
    int values[2] = {}; // plain
    int request = 0;    // plain: who is told writes it, and who tells
    int taken = 0;
    atomic<int> asks{0};
    const auto post = [&](int which) {
      values[which] = 1;
      if (to.push(s[which])) {
        request = which;
        asks.fetch_add(1, std::memory_order_seq_cst);
      }
    };
    const auto take = [&] {
      request = -1;
      for (auto* each = to.take(); each != nullptr; ++taken) {
        model::check(values[each - s] == 1, "taken before it was posted");
        each = std::exchange(each->link, nullptr);
      }
    };
    at_once({[&] { post(0); }, [&] { post(1); },
             [&] {
               if (asks.exchange(0, std::memory_order_seq_cst) != 0)
                 take();
             }});
    if (asks.load(std::memory_order_seq_cst) != 0)
      take();
    model::check(taken == 2, "stranded");
  });
}

/// Whoever is told of the end destroys it, and waits for those who still tell; the others are through.
TEST(posted, who_tells_is_waited_for) {
  expect_holds([] {
    auto to = std::make_unique<posted>();
    auto& here = *to;
    suspension s[2];
    int told[2] = {}; // plain
    atomic<int> inbox{0};
    const auto post = [&](int which) {
      if (!here.push(s[which]))
        return;
      here.begin_telling();
      inbox.fetch_add(1, std::memory_order_release);
      told[which] = 1; // the end of p.post()
      here.end_telling();
    };
    at_once({[&] { post(0); }, [&] { post(1); },
             [&] {
               int taken = 0;
               for (int visit = 0; visit < 2; ++visit)
                 if (inbox.exchange(0, std::memory_order_acquire) != 0)
                   for (auto* each = here.take(); each != nullptr; each = each->link)
                     ++taken;
               if (taken != 2 || here.is_being_told())
                 return; // not over, or it waits
               model::check(told[0] + told[1] >= 1, "still at it");
               to.reset();
             }});
  });
}

// ---- places ----

struct bell : convoy::detail::alarm {
  void ring_alarm() noexcept override { rang.store(true, std::memory_order_seq_cst); }
  atomic<bool> rang{false};
};

TEST(places, who_waits_for_one_is_told) {
  expect_holds([] {
    convoy::detail::places p(1);
    bell partition;
    p.partitions.push_back(&partition);
    model::check(p.take(), "none");
    bool has_it = false;
    at_once({[&] { p.give_back(); },
             [&] {
               has_it = p.take();
               if (has_it)
                 return;
               p.want();
               has_it = p.free() != 0 && p.take();
             }});
    if (!has_it)
      model::check(partition.rang.load(std::memory_order_seq_cst) && p.take(), "never told");
  });
}

} // namespace
