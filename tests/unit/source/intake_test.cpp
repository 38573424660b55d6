#include "source/source.hpp"

#include <convoy/detail/source/record_memory.hpp>
#include <gmock/gmock.h>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// The reader's books: room, accounts, positions, and a lack of memory. What is blocked: blocked_test.cpp.

namespace {

using namespace source_test;
using namespace std::chrono_literals;
using convoy::source_position;
using testing::ElementsAre;
using testing::HasSubstr;

intake_options with_records(std::size_t records) {
  auto result = usual();
  result.records = records;
  return result;
}

/// As workers would meet at one otherwise.
TEST(source_gates, are_shared_out_evenly) {
  for (const std::string before :
       {"", "key-", "a long prefix of all keys/", "7e1c5d2e-33d5-4a9e-"}) {
    std::vector<int> keys(convoy::detail::gates_of_assignment);
    for (int i = 0; i < 8000; ++i)
      ++keys.at(convoy::detail::gate_number(before + std::to_string(i)));
    for (const int each : keys)
      EXPECT_GT(each, 500) << before; // of 1,000
  }
  EXPECT_EQ(convoy::detail::gate_number(""), convoy::detail::gate_number(""));
}

TEST(source_room, is_for_so_many_records) {
  gate held;
  source<> its([&](record&) { held.pass(); }, {}, with_records(2));
  auto& first = its.open("t[0]");
  auto& second = its.open("t[1]");
  EXPECT_TRUE(its.books().has_room());
  its.deliver(first, 0, "a");
  EXPECT_TRUE(its.books().has_room());
  its.deliver(second, 0, "b");
  EXPECT_FALSE(its.books().has_room());
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    held.open();
  });
  its.books().wait_for_room(clock::now() + patience);
  EXPECT_TRUE(its.books().has_room());
  other.join();
}

TEST(source_room, is_for_so_many_bytes) {
  auto bounds = usual();
  bounds.bytes = 10;
  gate held;
  source<> its([&](record&) { held.pass(); }, {}, std::move(bounds));
  auto& home = its.open();
  its.deliver(home, 0, "a", 0, 9);
  EXPECT_TRUE(its.books().has_room());
  its.deliver(home, 1, "a", 1, 100);
  EXPECT_FALSE(its.books().has_room());
  const auto begun = clock::now();
  its.books().wait_for_room(begun + 5ms);
  EXPECT_FALSE(its.books().has_room()) << "it was waited for beyond the deadline";
  EXPECT_GE(clock::now(), begun + 5ms);
  held.open();
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_TRUE(its.books().has_room());
}

/// Records of partitions that have gone, behind a handler that does not return: as many come besides.
TEST(source_room, is_there_besides_what_was_given_back) {
  gate held;
  source<> its([&](record&) { held.pass(); }, {}, with_records(2));
  for (int i = 0; i < 2; ++i) {
    auto& home = its.open();
    ASSERT_TRUE(its.books().has_room()) << i;
    its.deliver(home, 0, "a");
    ASSERT_TRUE(its.books().has_room()) << i;
    its.deliver(home, 1, "a");
    EXPECT_FALSE(its.books().has_room()) << i;
    if (i == 0)
      held.await_visitors();
    its.books().retire(home);
    (void)its.quiet(1ms);
    its.books().forget(home);
  }
  EXPECT_FALSE(its.books().has_room()) << "four are in flight, and none of them is ours";
  held.open();
  its.books().wait_for_room(clock::now() + patience);
  EXPECT_TRUE(its.books().has_room());
  EXPECT_TRUE(its.eventually_dropped());
  EXPECT_EQ(its.account().given_back, 4u);
}

/// A key that is parked has the records of each assignment behind it.
TEST(source_room, is_not_used_up_by_what_is_parked_and_was_given_back) {
  source<> its([](record&) { return outcome::park; }, {}, with_records(2));
  for (int i = 0; i < 10; ++i) {
    its.books().wait_for_room(clock::now() + patience);
    ASSERT_TRUE(its.books().has_room()) << i;
    auto& home = its.open();
    its.deliver(home, 0, "a");
    ASSERT_TRUE(eventually([&] { return its.processor().parked() == 1; })) << i;
    its.books().retire(home);
    EXPECT_TRUE(its.quiet());
    its.books().forget(home);
    its.books().clear_lanes(its.lanes(), clock::now() + patience);
  }
  EXPECT_TRUE(its.eventually_dropped());
  EXPECT_EQ(its.account().given_back, 10u);
}

/// As well for one that is paused, and stays so: what was given back is neither handled nor dead, and
/// what comes behind it is handled when it is resumed.
TEST(source_room, is_not_used_up_by_what_is_paused_and_was_given_back) {
  contents seen, dead;
  source<> its(
      [&](record& what) { seen.add(what.content()); },
      {.dead_letters = sink([&](letter& one) { dead.add(one.message.content()); }, nullptr)},
      with_records(2));
  its.processor().pause("a");
  for (std::uint64_t i = 0; i < 10; ++i) {
    its.books().wait_for_room(clock::now() + patience);
    ASSERT_TRUE(its.books().has_room()) << i;
    auto& home = its.open();
    its.deliver(home, 0, "a");
    its.deliver(home, 1, "a");
    its.books().retire(home);
    EXPECT_TRUE(its.quiet());
    its.books().forget(home);
    its.books().clear_lanes(its.lanes(), clock::now() + patience);
  }
  auto& home = its.open();
  its.deliver(home, 7, "a"); // at once: what is cleared lies before it
  ASSERT_TRUE(eventually([&] {
    its.books().collect();
    return flying::alive.load() == 1;
  }));
  EXPECT_EQ(its.processor().explain("a").state, convoy::key_state::paused);
  EXPECT_EQ(its.processor().account().dead_letters, 0u);
  EXPECT_EQ(its.processor().account().discarded, 20u);
  EXPECT_EQ(seen.size() + dead.size(), 0u);
  its.processor().resume("a");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_THAT(seen.all(), ElementsAre(7));
  EXPECT_EQ(its.account().given_back, 20u);
  EXPECT_THAT(its.reports(), testing::IsEmpty());
}

/// They lie outside the bytes of what is read, but not without end.
TEST(source_room, is_for_as_many_bytes_besides_what_was_given_back) {
  auto bounds = usual();
  bounds.bytes = 10;
  gate held;
  source<> its([&](record&) { held.pass(); }, {}, std::move(bounds));
  for (int i = 0; i < 2; ++i) {
    auto& home = its.open("t[" + std::to_string(i) + "]");
    ASSERT_TRUE(its.books().has_room()) << i;
    its.deliver(home, 0, "a", 0, 10);
    EXPECT_FALSE(its.books().has_room()) << i;
    if (i == 0)
      held.await_visitors();
    its.books().retire(home);
    (void)its.quiet(1ms);
    its.books().forget(home);
    its.books().clear_lanes(its.lanes(), clock::now() + patience);
  }
  EXPECT_FALSE(its.books().has_room()) << "20 bytes are in flight, and none of them is ours";
  (void)its.books().look_for_blocked(its.lanes(), clock::now());
  (void)its.books().look_for_blocked(its.lanes(), clock::now());
  ASSERT_THAT(its.reports(), testing::SizeIs(1)) << "once";
  EXPECT_THAT(its.reports()[0], HasSubstr("2 records of partitions that are gone"));
  EXPECT_THAT(its.reports()[0], HasSubstr("of t[0] position 0 first"));
  held.open();
  its.books().wait_for_room(clock::now() + patience);
  EXPECT_TRUE(its.books().has_room());
  EXPECT_TRUE(its.eventually_dropped());
}

/// One handler that does not return keeps its own record in memory, and not its whole assignment.
TEST(source_room, is_made_by_what_was_given_back_before_its_assignment_is_over) {
  gate held;
  source<> its([&](record&) { held.pass(); });
  its.processor().pause("b");
  auto& home = its.open();
  its.deliver(home, 0, "a");
  held.await_visitors();
  for (std::uint64_t i = 1; i < 100; ++i)
    its.deliver(home, i, "b");
  its.books().retire(home);
  (void)its.quiet(1ms);
  its.books().forget(home);
  EXPECT_EQ(flying::alive.load(), 100);
  its.books().clear_lanes(its.lanes(), clock::now() + patience);
  EXPECT_TRUE(eventually([&] {
    its.books().collect();
    return flying::alive.load() == 1;
  }));
  held.open();
  EXPECT_TRUE(its.eventually_dropped());
}

// ---- what is told ----

TEST(source_positions, tell_where_it_stands) {
  std::atomic<bool> works{false};
  source<> its([&](record& what) -> outcome {
    return what.content() == 5 && !works ? outcome::park : outcome::done;
  });
  auto& home = its.open("orders[3]", {5, {{7, 9}}});
  EXPECT_FALSE(home.was_finished(5));
  its.deliver(home, 5, "a");
  its.deliver(home, 6, "b");
  EXPECT_TRUE(home.was_finished(7));
  its.books().count_passed_over();
  ASSERT_TRUE(its.eventually_handled(1));
  its.books().publish([](const assignment&, source_position& of) {
    of.committed = 5;
    of.lag = of.watermark + 10;
  });
  const auto all = its.books().positions();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "orders[3]");
  EXPECT_EQ(all[0].committed, 5u);
  EXPECT_EQ(all[0].watermark, 5u);
  EXPECT_EQ(all[0].gaps, 1u);
  EXPECT_EQ(all[0].in_flight, 1u);
  EXPECT_EQ(all[0].lag, 15u);
  EXPECT_GT(all[0].oldest.count(), 0);
  EXPECT_EQ(its.books().account().passed_over, 1u);
  works = true;
  its.processor().resume("a");
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_EQ(its.books().positions()[0].oldest.count(), 0);
}

/// A partition that goes on before all of its gaps were come to: they are still known.
TEST(source_positions, keep_what_was_finished_before_and_not_come_to) {
  source<> its([](record& what) { return what.content() == 5 ? outcome::park : outcome::done; });
  const progress before{5, {{7, 9}, {20, 30}, {40, 41}}};
  auto& home = its.open("t[0]", before);
  EXPECT_EQ(home.so_far(), before);
  its.deliver(home, 5, "a");
  EXPECT_EQ(home.so_far(), before);
  its.deliver(home, 6, "b");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(home.so_far(), (progress{5, {{6, 9}, {20, 30}, {40, 41}}}));
  EXPECT_TRUE(home.was_finished(7));
  EXPECT_TRUE(home.was_finished(8));
  EXPECT_EQ(home.so_far(), (progress{5, {{6, 9}, {20, 30}, {40, 41}}}));
  EXPECT_FALSE(home.was_finished(9));
  its.deliver(home, 9, "b");
  EXPECT_TRUE(home.was_finished(25)) << "there is nothing from 10 to 19";
  ASSERT_TRUE(its.eventually_handled(2));
  EXPECT_EQ(home.so_far(), (progress{5, {{6, 30}, {40, 41}}}));
}

TEST(source_positions, go_on_to_what_was_finished_before) {
  source<> its([](record&) {});
  auto& home = its.open("t[0]", {5, {{6, 9}, {20, 30}}});
  EXPECT_EQ(home.so_far(), (progress{5, {{6, 9}, {20, 30}}}));
  its.deliver(home, 5, "a");
  ASSERT_TRUE(its.eventually_handled(1));
  EXPECT_EQ(home.so_far(), (progress{9, {{20, 30}}}));
}

// ---- no memory, or no lane ----

TEST(source_memory, that_is_not_there_loses_nothing) {
  source<> its([](record&) {}, {}, with_records(2));
  auto& home = its.open();
  flying::no_memory = true;
  EXPECT_THROW((void)home.begin(0), std::bad_alloc);
  flying::no_memory = false;
  EXPECT_EQ(home.so_far(), (progress{0, {}})) << "it was not delivered";
  its.deliver(home, 0, "a");
  ASSERT_TRUE(its.eventually_handled(1));
}

/// What was begun, and not counted as something threw, is not counted as given back.
TEST(source_memory, between_begin_and_count) {
  source<> its([](record&) {}, {}, with_records(1));
  auto& home = its.open();
  { const record held = access::make(*home.begin(0)); }
  EXPECT_EQ(home.begin(1), nullptr) << "it has no room";
  EXPECT_EQ(home.so_far(), (progress{0, {}}));
  its.books().forget(home);
  EXPECT_TRUE(its.books().has_room());
  EXPECT_EQ(its.account().read, 0u);
  EXPECT_EQ(its.account().given_back, 0u);
  EXPECT_EQ(flying::alive.load(), 0);
}

TEST(source_memory, that_a_long_record_took_is_not_kept) {
  struct header {
    std::string_view name, value;
  };
  flying its;
  convoy::detail::record_memory memory;
  std::vector<header> headers;
  const auto take_in = [&](const std::string& key, std::size_t count) {
    convoy::detail::set_lane(its, key, "t[0]", convoy::detail::lane_without_key::shared);
    EXPECT_EQ(its.key, key);
    const std::vector<header> all(count, header{"n", "v"});
    memory.make_room(2 * count);
    convoy::detail::keep_headers(std::span<const header>(all), headers, memory);
    EXPECT_EQ(headers.size(), count);
  };
  take_in(std::string(1'000'000, 'k'), 100'000);
  take_in("short", 1);
  EXPECT_LE(its.key.capacity(), 4096);
  EXPECT_LE(headers.capacity(), 64);
}

TEST(source_memory, lanes_that_are_closed) {
  source<> its([](record&) {});
  auto& home = its.open();
  its.processor().close();
  EXPECT_ANY_THROW(its.deliver(home, 0, "a"));
  EXPECT_EQ(home.in_flight(), 0u) << "it was released";
  its.books().forget(home);
  EXPECT_EQ(its.account().given_back, 1u);
  EXPECT_TRUE(balanced(its.account()));
  EXPECT_EQ(flying::alive.load(), 0);
}

} // namespace
