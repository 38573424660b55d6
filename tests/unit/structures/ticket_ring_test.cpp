#include <atomic>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

namespace {

using ring = convoy::detail::ticket_ring<int, int, false>;
using state = ring::state;

/// Claims as processors do: grows while there is credit.
std::uint64_t claim(ring& r, std::uint64_t count = 1) {
  if (!r.must_look())
    if (const auto ticket = r.claim(count); ticket != ring::no_ticket)
      return ticket;
  return r.closed() || !r.grow(count) ? ring::no_ticket : r.claim(count);
}

void put(ring& r, std::uint64_t ticket, int message) {
  auto& cell = r.at(ticket);
  std::construct_at(&cell.key, 0);
  std::construct_at(&cell.message, message);
  ring::publish(cell, ticket);
}

int take(ring& r) {
  while (r.peek() == state::skipped) // somebody had to grow
    r.consume();
  EXPECT_EQ(r.peek(), state::message);
  const int message = r.current().message;
  r.consume();
  return message;
}

TEST(ticket_ring, passes_messages_on_in_the_order_of_their_tickets) {
  ring r(10);
  EXPECT_EQ(r.peek(), state::pending);
  const auto first = claim(r);
  const auto second = claim(r);
  put(r, second, 2);
  EXPECT_EQ(r.peek(), state::pending); // the first ticket is not published
  put(r, first, 1);
  EXPECT_EQ(take(r), 1);
  EXPECT_EQ(take(r), 2);
  EXPECT_EQ(r.peek(), state::pending);
  EXPECT_EQ(r.consumed(), r.tickets());
}

TEST(ticket_ring, takes_no_more_than_its_credit) {
  ring r(3);
  for (int i = 0; i < 3; ++i)
    put(r, claim(r), i);
  EXPECT_EQ(claim(r), ring::no_ticket);
  EXPECT_FALSE(r.has_credit(1));
  r.add_credit(1);
  EXPECT_TRUE(r.has_credit(1));
  EXPECT_FALSE(r.has_credit(2));
  put(r, claim(r), 3);
  EXPECT_EQ(claim(r), ring::no_ticket);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(take(r), i);
}

TEST(ticket_ring, gives_up_half_of_its_credit_and_what_is_left_still_counts) {
  ring r(7);
  put(r, claim(r), 0);
  std::uint64_t taken = 0;
  for (std::uint64_t some = 0; (some = r.take_credit()) != 0;)
    taken += some;
  EXPECT_EQ(taken, 6u);
  EXPECT_EQ(claim(r), ring::no_ticket);
  r.add_credit(taken);
  put(r, claim(r, 6), 1);
  EXPECT_EQ(claim(r), ring::no_ticket);
  EXPECT_EQ(take(r), 0);
  EXPECT_EQ(take(r), 1);
  for (std::uint64_t ticket = r.consumed(); ticket < r.tickets(); ++ticket)
    r.publish_void(ticket);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(r.peek(), state::void_ticket);
    r.consume();
  }
}

TEST(ticket_ring, gives_no_ticket_that_could_carry_a_message_after_close) {
  ring r(10);
  put(r, claim(r), 1);
  r.close();
  EXPECT_TRUE(r.closed());
  EXPECT_EQ(claim(r), ring::no_ticket);
  EXPECT_EQ(r.tickets(), 1u);
  EXPECT_EQ(take(r), 1);
}

TEST(ticket_ring, grows_with_the_backlog_and_keeps_its_order) {
  constexpr int deep = 2'563; // some segments, and not a round number of them
  ring r(1'000'000);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < deep; ++i)
      put(r, claim(r), i);
    for (int i = 0; i < deep; ++i)
      ASSERT_EQ(take(r), i);
    r.recycle();
  }
}

TEST(ticket_ring, leaves_a_cell_that_is_lent_alone_while_all_others_are_used_again) {
  constexpr auto segment = static_cast<int>(ring::cells::segment_cells);
  ring r(10 * segment);
  const auto pass = [&](int count) {
    for (int i = 0; i < count; ++i) {
      put(r, claim(r), i);
      EXPECT_EQ(take(r), i);
      r.add_credit(1);
      r.recycle();
    }
  };
  for (const int before : {0, segment / 2, segment - 1}) { // where it lies in its segment
    pass(before);
    put(r, claim(r), -1);
    ASSERT_EQ(r.peek(), state::message);
    const int& held = r.current().message;
    r.lend();
    r.consume();
    for (int again = 0; again < 4; ++again) {
      pass(segment);
      ASSERT_EQ(held, -1);
    }
    EXPECT_FALSE(r.has_spares()) << "what is held must not keep pumps awake";
    r.take_back(&held);
    EXPECT_TRUE(r.has_spares()) << "it can be used again";
    pass(1);
    EXPECT_FALSE(r.has_spares()) << "nobody has taken it";
  }
}

TEST(ticket_ring, tells_whether_the_next_ticket_is_published) {
  ring r(1'000'000);
  for (int i = 0; i < 600; ++i) { // over some borders of segments
    const auto next = r.look_out();
    EXPECT_FALSE(ring::published(next));
    put(r, claim(r), 0);
    EXPECT_TRUE(ring::published(next));
    take(r);
  }
}

TEST(ticket_ring, loses_nothing_with_many_producers_and_little_credit) {
  constexpr int producers = 3;
  constexpr int each = 50'000;
  ring r(100);
  std::vector<std::jthread> threads;
  for (int t = 0; t < producers; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < each;) {
        const auto ticket = claim(r);
        if (ticket != ring::no_ticket)
          put(r, ticket, each * t + i++);
        else
          std::this_thread::yield();
      }
    });
  int next[producers]{};
  for (int received = 0; received < producers * each;) {
    const auto what = r.peek();
    if (what == state::pending) {
      std::this_thread::yield();
      continue;
    }
    if (what == state::message) {
      const int message = r.current().message;
      ASSERT_EQ(next[message / each]++, message % each);
      ++received;
      r.add_credit(1);
    }
    r.consume();
    r.recycle();
  }
}

} // namespace
