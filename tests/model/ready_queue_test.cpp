// ready_queue: its owner, which pushes and pops, against a thief and against who takes one. Each item
// carries plain memory that belongs to whoever has taken it.

#include "convoy/detail/ds/ready_queue.hpp"
#include "protocols.hpp"

#include <array>
#include <memory>

namespace {

using convoy::detail::ready_item;
using convoy::detail::ready_queue;
using convoy::detail::runner;
using model::at_once;
using model::expect_holds;
using model::expect_holds_at_random;

class nobody final : public runner {
  void run(ready_item&, convoy::detail::pump&) noexcept override {}
};
nobody nowhere;

struct item : ready_item {
  item() : ready_item(nowhere) {}
  int taken = 0; // plain: what is behind an item goes with it
};

void take(ready_item* what) {
  if (what != nullptr)
    ++static_cast<item*>(what)->taken;
}

struct queues {
  ready_queue owner;
  ready_queue thief;
  std::array<item, 4> items;

  /// Slots are used for the second time from here on.
  void go_round() {
    for (std::uint64_t i = 0; i < ready_queue::capacity; ++i) {
      model::check(owner.push(items[0]), "full");
      model::check(owner.pop() == &items[0], "empty");
    }
  }
  void expect_once_each(int count) {
    while (auto* const left = owner.pop())
      take(left);
    while (auto* const left = thief.pop())
      take(left);
    for (int i = 0; i < count; ++i)
      model::check(items[static_cast<std::size_t>(i)].taken == 1, "lost, or taken twice");
  }
};

TEST(ready_queue, owner_against_thief) {
  expect_holds([] {
    const auto q = std::make_unique<queues>();
    at_once({[&] {
               for (int i = 0; i < 2; ++i) {
                 q->items[static_cast<std::size_t>(i)].taken = 0; // published by push()
                 model::check(q->owner.push(q->items[static_cast<std::size_t>(i)]), "full");
               }
               take(q->owner.pop());
             },
             [&] {
               take(q->owner.steal_into(q->thief));
               take(q->thief.pop());
             }});
    q->expect_once_each(2);
  });
}

TEST(ready_queue, two_thieves) {
  expect_holds(
      [] {
        const auto q = std::make_unique<queues>();
        for (auto& each : q->items)
          model::check(q->owner.push(each), "full");
        at_once({[&] { take(q->owner.steal_into(q->thief)); }, [&] { take(q->owner.take()); },
                 [&] { take(q->owner.pop()); }});
        q->expect_once_each(4);
      },
      {.preemptions = 1});
}

/// What a thief has stolen a second thief steals from it: (6).
TEST(ready_queue, stolen_items_are_stolen_again) {
  expect_holds_at_random(4'000, [] {
    const auto q = std::make_unique<queues>();
    at_once({[&] {
               for (std::size_t i = 0; i < 3; ++i) {
                 q->items[i].taken = 0;
                 model::check(q->owner.push(q->items[i]), "full");
               }
             },
             [&] { take(q->owner.steal_into(q->thief)); }, [&] { take(q->thief.take()); }});
    q->expect_once_each(3);
  });
}

TEST(ready_queue, slots_that_were_used_before) {
  expect_holds_at_random(1'000, [] {
    const auto q = std::make_unique<queues>();
    q->go_round();
    at_once({[&] {
               for (std::size_t i = 1; i < 4; ++i)
                 model::check(q->owner.push(q->items[i]), "full");
               take(q->owner.pop());
             },
             [&] { take(q->owner.take()); }});
    q->items[0].taken = 1;
    q->expect_once_each(4);
  });
}

/// A slot is free only when its item was taken: its thief must not have read the next one there.
TEST(ready_queue, a_full_one) {
  expect_holds_at_random(500, [] {
    const auto q = std::make_unique<queues>();
    item filler;
    model::check(q->owner.push(q->items[0]), "full");
    for (std::uint64_t i = 1; i < ready_queue::capacity; ++i)
      model::check(q->owner.push(filler), "full");
    at_once({[&] {
               q->items[1].taken = 0;
               if (!q->owner.push(q->items[1]))
                 q->items[1].taken = 1;
             },
             [&] { take(q->owner.take()); }});
    q->expect_once_each(2);
    model::check(filler.taken == ready_queue::capacity - 1, "lost, or taken twice");
  });
}

} // namespace
