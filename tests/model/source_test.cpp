// Behind a broker: gates against who closes them, and an assignment from its retirement until it is
// dropped, against who has its records.

#include "convoy/detail/source/assignment.hpp"
#include "protocols.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace {

using convoy::detail::assignment;
using convoy::detail::delivery;
using convoy::detail::delivery_holder;
using convoy::detail::gate;
using convoy::detail::room_event;
using convoy::detail::thread;
using convoy::detail::way_out;
using model::at_once;
using model::check;
using model::expect_holds;
using model::expect_holds_at_random;

/// Once a gate that was closed is empty nobody is inside, nor comes, and what was done there is seen.
TEST(source_gate, closed_and_empty) {
  expect_holds([] {
    gate way;
    std::array<int, 2> done{}; // plain: of who is inside
    bool was_empty = false;
    const auto pass = [&](std::size_t i) {
      if (way.enter()) {
        done[i] = 1;
        way.leave();
      }
    };
    at_once({[&] { pass(0); }, [&] { pass(1); },
             [&] {
               way.close();
               check(way.is_closed(), "open");
               was_empty = way.empty();
               if (was_empty)
                 model::outcome(done[0] + done[1]);
             }});
    if (!was_empty)
      model::outcome(10);
    check(way.empty(), "somebody is inside for ever");
    check(!way.enter(), "let in");
  });
}

/// A reader with an assignment, until it is over. With a plain word for each record: what handlers do.
struct reader {
  std::unique_ptr<room_event> room = std::make_unique<room_event>(std::chrono::hours(1));
  std::unique_ptr<assignment> home = std::make_unique<assignment>(
      "t[0]", 4, 0, convoy::progress{}, [] { return std::make_unique<delivery>(); }, *room);
  std::array<int, 2> handled{};

  [[nodiscard]] delivery_holder deliver(std::uint8_t gate_number = 0) {
    delivery_holder result(*home->begin(home->marks().end()));
    result.get()->gate_number = gate_number;
    return result;
  }

  std::size_t collect() {
    return home->collect([&](const delivery& its) {
      check(its.finished && handled[its.position] == 1, "finished, and was not handled");
      check(its.home == home.get(), "somebody else's");
    });
  }

  /// True: it is gone. The room must stay while there are lanes.
  bool drop_if_over(bool with_room) {
    if (home == nullptr)
      return true;
    (void)collect();
    if (!home->is_over())
      return false;
    home.reset();
    if (with_room)
      room.reset();
    return true;
  }
};

/// A worker: handles a record if it may, and releases it.
void work(reader& of, delivery_holder held) {
  delivery& its = *held.get();
  gate& way = its.home->gate_of(its);
  if (!way.enter())
    return;
  way_out inside(way);
  of.handled[its.position] = 1;
  its.finished = true;
  its.inside = inside.hand_on();
}

/// Whoever has moved a record away from its handler.
void finish_elsewhere(reader& of, delivery_holder held) {
  of.handled[held.get()->position] = 1;
  held.get()->finished = true;
}

/// A partition is taken: once it is quiet, what was handled is there to be committed, and nothing else.
void take_when_quiet(reader& its, std::size_t records) {
  its.home->retire();
  check(its.home->is_retired(), "open");
  if (!its.home->is_quiet())
    return model::outcome(10);
  const auto found = its.collect();
  check(found == static_cast<std::size_t>(its.handled[0] + its.handled[1]),
        "handled, and not told");
  check(its.home->marks().unfinished() + found == records, "another number of unfinished ones");
  model::outcome(static_cast<int>(found));
}

void expect_all_told(reader& its, std::size_t records) {
  check(its.home->is_quiet(), "somebody is inside for ever");
  (void)its.collect();
  const auto handled = static_cast<std::size_t>(its.handled[0] + its.handled[1]);
  check(its.home->marks().unfinished() + handled == records, "lost, or told twice");
  check(its.drop_if_over(true), "in flight for ever");
}

TEST(source_assignment, quiet_and_collected) {
  expect_holds([] {
    reader its;
    delivery_holder first = its.deliver();
    at_once({[&] { work(its, std::move(first)); }, [&] { take_when_quiet(its, 1); }});
    expect_all_told(its, 1);
  });
}

/// Records of two gates.
TEST(source_assignment, quiet_and_collected_of_two) {
  expect_holds_at_random(20'000, [] {
    reader its;
    delivery_holder first = its.deliver(0), second = its.deliver(1);
    at_once({[&] { work(its, std::move(first)); }, [&] { work(its, std::move(second)); },
             [&] { take_when_quiet(its, 2); }});
    expect_all_told(its, 2);
  });
}

/// Records of a key: one that is given up is followed by no other that is handled.
TEST(source_assignment, retired_in_the_midst_of_a_key) {
  expect_holds([] {
    reader its;
    delivery_holder first = its.deliver(1), second = its.deliver(1);
    at_once({[&] {
               work(its, std::move(first));
               work(its, std::move(second));
             },
             [&] { its.home->retire(); }});
    check(its.handled[0] >= its.handled[1], "handled before one that was given up");
    model::outcome(its.handled[0] + its.handled[1]);
    expect_all_told(its, 2);
  });
}

/// It is dropped as soon as nothing of it is in flight.
TEST(source_assignment, dropped_as_records_are_handled) {
  expect_holds([] {
    reader its;
    delivery_holder first = its.deliver();
    at_once({[&] { work(its, std::move(first)); },
             [&] {
               its.home->retire();
               model::outcome(its.drop_if_over(false));
             }});
    check(its.drop_if_over(true), "in flight for ever");
  });
}

/// As well, and the room is dropped: there are no lanes any more, but somebody has a record.
TEST(source_assignment, dropped_as_records_are_given_up) {
  for (const bool finishes : {true, false})
    expect_holds([finishes] {
      reader its;
      delivery_holder first = its.deliver();
      its.home->retire();
      at_once({[&] {
                 if (finishes)
                   finish_elsewhere(its, std::move(first));
                 else
                   first = {};
               },
               [&] { model::outcome(its.drop_if_over(true)); }});
      check(its.drop_if_over(true), "in flight for ever");
    });
}

/// With a plain word that its holder writes.
struct marked final : delivery {
  marked() = default;
  marked(const marked&) = delete;
  marked& operator=(const marked&) = delete;
  ~marked() override { check(is_marked || number == 0, "it goes while somebody has it"); }
  bool is_marked = false;
};

/// The memory of each record goes once it is released, while others of its assignment are in flight.
TEST(source_assignment, dropped_record_by_record) {
  expect_holds([] {
    room_event room(std::chrono::hours(1));
    assignment home(
        "t[0]", 4, 0, convoy::progress{}, [] { return std::unique_ptr<delivery>(new marked); },
        room);
    const auto deliver = [&](std::size_t bytes) {
      delivery_holder held(*home.begin(home.marks().end()));
      held.get()->bytes = bytes;
      return held;
    };
    delivery_holder stays = deliver(1), first = deliver(10);
    home.retire();
    at_once({[&] {
               static_cast<marked*>(first.get())->is_marked = true;
               first = {};
             },
             [&] {
               const auto bytes = home.drop_released();
               check(bytes == 11 || bytes == 1, "other bytes");
               model::outcome(static_cast<int>(bytes));
             }});
    check(home.drop_released() == 1, "it was released");
    std::size_t left = 0;
    home.each_in_flight([&](const delivery& its) { left += its.bytes; });
    check(left == 1, "it is in flight still");
    stays = {};
    check(home.drop_released() == 0, "all were released");
    check(home.is_over(), "in flight for ever");
  });
}

/// A record that its handler has moved away is released while the handler runs.
TEST(source_assignment, dropped_as_a_handler_has_no_record) {
  for (const bool finishes : {true, false})
    expect_holds([finishes] {
      reader its;
      delivery_holder first = its.deliver(), away;
      std::vector<thread> elsewhere;
      elsewhere.reserve(1);
      at_once({[&] {
                 gate& way = first.get()->home->gate_of(*first.get());
                 if (!way.enter())
                   return void(first = {});
                 const way_out inside(way);
                 away = std::move(first);
                 elsewhere.emplace_back([&] {
                   if (finishes)
                     finish_elsewhere(its, std::move(away));
                   else
                     away = {};
                 });
               },
               [&] {
                 its.home->retire();
                 model::outcome(its.drop_if_over(false));
               }});
      for (auto& each : elsewhere)
        each.join();
      check(its.drop_if_over(true), "in flight for ever");
    });
}

/// A number is used again: nobody touches what is of the record before.
TEST(source_assignment, delivered_again) {
  expect_holds([] {
    reader its;
    delivery_holder first = its.deliver();
    at_once({[&] { work(its, std::move(first)); },
             [&] {
               if (its.collect() == 0)
                 return model::outcome(0);
               const auto again = its.deliver();
               check(!again.get()->finished && again.get()->inside == nullptr, "not as new");
               check(again.get()->number == 0, "another number");
               again.get()->key = "k";
               model::outcome(1);
             }});
  });
}

// ---- who waits for room ----

void expect_woken(void (*release)(reader&, delivery_holder), bool finished) {
  expect_holds([release, finished] {
    reader its;
    delivery_holder first = its.deliver();
    at_once({[&] { release(its, std::move(first)); },
             [&] {
               its.room->wait([&] {
                 its.home->see_releases();
                 (void)its.collect();
                 return its.home->in_flight() == 0;
               });
               check(its.home->marks().unfinished() == (finished ? 0u : 1u),
                     "not as it was released");
             }});
  });
}

TEST(source_room, is_told_of_what_is_handled) {
  expect_woken(work, true);
}
TEST(source_room, is_told_of_what_is_finished_elsewhere) {
  expect_woken(finish_elsewhere, true);
}
TEST(source_room, is_told_of_what_is_given_up) {
  expect_woken([](reader&, delivery_holder held) { held = {}; }, false);
}

} // namespace
