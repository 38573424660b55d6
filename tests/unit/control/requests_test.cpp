#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <span>
#include <thread>
#include <vector>

// What is asked of a processor besides handling messages: that it costs the same however much of it
// waits, that a limit bounds it, and that it keeps its place among the messages.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using numbers = convoy::processor<int, int>;

struct numbered {
  std::uint64_t ticket;
  numbered* link = nullptr;
  numbered* below = nullptr;
};

TEST(request_heap, gives_the_lowest_ticket_first_whatever_the_order_they_come_in) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    convoy::detail::request_heap<numbered> heap;
    std::vector<std::uint64_t> inside, taken, expected;
    std::uint64_t until = 0;
    for (int step = 0; step < 400; ++step) {
      if (random() % 3 != 0) {
        inside.push_back(random() % 1'000);
        heap.push(std::make_unique<numbered>(numbered{inside.back()}));
        continue;
      }
      until = random() % 1'000;
      std::ranges::sort(inside);
      const auto end = std::ranges::upper_bound(inside, until);
      expected.assign(inside.begin(), end);
      inside.erase(inside.begin(), end);
      taken.clear();
      while (const auto each = heap.take_until(until))
        taken.push_back(each->ticket);
      ASSERT_EQ(taken, expected);
    }
    EXPECT_EQ(heap.empty(), inside.empty());
  }
}

TEST(request_list, gives_the_first_one_first) {
  convoy::detail::request_list<numbered> list;
  for (std::uint64_t i = 0; i < 3; ++i)
    list.push(std::make_unique<numbered>(numbered{i}));
  EXPECT_EQ(list.last().ticket, 2u);
  EXPECT_EQ(list.pop()->ticket, 0u);
  list.push(std::make_unique<numbered>(numbered{3}));
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_EQ(list.pop()->ticket, i);
  EXPECT_TRUE(list.empty());
  list.push(std::make_unique<numbered>(numbered{4}));
  EXPECT_EQ(list.first().ticket, 4u);
}

// With a walk through the others for each of them this took hours.
TEST(requests, of_which_there_are_many_cost_the_same_each) {
  constexpr int many = 400'000;
  convoy::runtime rt{{.concurrency = 1}};
  gate held;
  std::atomic<int> handled{0};
  numbers p{rt,
            [&](int& m) {
              if (m == 0)
                held.pass();
              ++handled;
            },
            {.partitions = 1}};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  p.resume(5); // it has a place, and what follows has none
  std::vector<convoy::scheduled> later;
  for (int i = 0; i < many; ++i)
    later.push_back(p.submit_after(2, i % 2 == 0 ? 1ms : 1h, i + 1));
  for (int i = 1; i < many; i += 2)
    EXPECT_TRUE(later[static_cast<std::size_t>(i)].cancel());
  held.open();
  ASSERT_TRUE(eventually([&] { return p.scheduled_messages() == 0; }));
  p.drain();
  EXPECT_EQ(handled, 1 + many / 2);
}

// Each return of the lane looked at all of them.
TEST(requests, fences_of_one_key_are_answered_in_their_places) {
  constexpr int many = 50'000;
  convoy::runtime rt{{.concurrency = 2}};
  gate held;
  std::atomic<int> handled{0}, early{0}, called{0};
  numbers p{rt,
            [&](int& m) {
              if (m == 0)
                held.pass();
              handled = m + 1;
            },
            {.quantum_messages = 1}};
  for (int i = 0; i < many; ++i) {
    ASSERT_EQ(p.submit(1, i), submit_status::accepted);
    p.fence(1, [&, i] {
      early += handled <= i;
      ++called;
    });
  }
  held.open();
  p.drain();
  ASSERT_TRUE(eventually([&] { return called == many; }));
  EXPECT_EQ(early, 0);
}

TEST(requests, beyond_their_capacity_wait_until_others_are_served) {
  convoy::runtime rt{{.concurrency = 1}};
  gate held;
  numbers p{rt, [&](int&) { held.pass(); }, {.request_capacity = 3, .partitions = 1}};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  std::atomic<int> asked{0};
  std::thread asks([&] {
    for (int i = 0; i < 10; ++i) {
      p.resume(2);
      ++asked;
    }
  });
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(asked, 3);
  held.open();
  asks.join();
}

TEST(requests, with_callbacks_are_limited_by_those_that_were_not_called_and_resume_is_not) {
  convoy::runtime rt{{.concurrency = 1}};
  std::atomic<int> called{0};
  numbers p{rt, [](int&) {}, {.request_capacity = 2}};
  p.pause(1);
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  std::atomic<int> asked{0};
  std::thread asks([&] {
    for (int i = 0; i < 4; ++i, ++asked)
      i % 2 == 0 ? p.fence(1, [&] { ++called; }) : p.fence([&] { ++called; });
  });
  ASSERT_TRUE(eventually([&] { return asked == 2; }));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(asked, 2);
  for (int i = 0; i < 10; ++i)
    p.resume(1); // or nobody would ever get on
  asks.join();
  ASSERT_TRUE(eventually([&] { return called == 4; }));
}

TEST(requests, beyond_their_capacity_throw_in_a_handler) {
  convoy::runtime rt{{.concurrency = 1}};
  numbers* asked = nullptr;
  std::atomic<int> made{0}, refused{0};
  numbers p{rt,
            [&](int&) {
              for (int i = 0; i < 5; ++i)
                try {
                  asked->resume(2);
                  ++made;
                } catch (const convoy::too_many_requests& e) {
                  EXPECT_THAT(e.what(), testing::HasSubstr("request_capacity"));
                  ++refused;
                }
            },
            {.request_capacity = 4, .partitions = 1}};
  asked = &p;
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(made, 4);
  EXPECT_EQ(refused, 1);
}

/// Each took one until the drainer came by: with workers that were held 501 to 563 of 1,000 were accepted.
TEST(requests, take_no_place_of_messages) {
  constexpr std::size_t capacity = 1'000;
  convoy::runtime rt{{.concurrency = 1}};
  gate held;
  numbers p{rt, [&](int&) { held.pass(); }, {.capacity = capacity}};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors();
  std::size_t accepted = 1;
  while (p.try_submit(static_cast<int>(accepted % 50), 1) == submit_status::accepted) {
    p.resume(static_cast<int>(accepted % 30));
    p.fence(static_cast<int>(accepted % 20), [] {});
    ++accepted;
  }
  EXPECT_EQ(accepted, capacity);
  held.open();
  p.drain();
  EXPECT_EQ(p.account().completed, capacity);
}

TEST(requests, capacity_must_not_be_zero) {
  convoy::runtime rt{{.concurrency = 1}};
  EXPECT_THROW((numbers{rt, [](int&) {}, {.request_capacity = 0}}), std::invalid_argument);
}

/// A key whose first message is with its handler while the others come, and what becomes of them.
struct busy_key {
  gate held;
  std::vector<int> handled, dead;
  std::atomic<int> done{0};
  convoy::runtime rt{{.concurrency = 2}};
  numbers p{
      rt,
      [this](int& m) {
        if (m == 0)
          held.pass();
        handled.push_back(m);
        ++done;
      },
      {.partitions = 1, .dead_letters = [this](auto& letter) { dead.push_back(letter.message); }}};

  explicit busy_key(int messages) {
    submit(0);
    held.await_visitors();
    for (int i = 1; i < messages; ++i)
      submit(i);
  }
  void submit(int message) { EXPECT_EQ(p.submit(1, message), submit_status::accepted); }
  void put_before(std::vector<int> messages) {
    EXPECT_EQ(p.resubmit(1, messages, convoy::place::before).accepted, messages.size());
  }
  void end() {
    std::atomic<bool> served{false}; // all before it
    p.fence(2, [&] { served = true; });
    EXPECT_TRUE(eventually([&] { return served.load(); }));
    held.open();
    p.drain();
  }
};

TEST(purge, spares_what_is_put_before_the_others_later) {
  busy_key key(3);
  key.p.purge(1);
  key.put_before({10, 11});
  key.end();
  EXPECT_THAT(key.handled, testing::ElementsAre(0, 10, 11));
  EXPECT_THAT(key.dead, testing::ElementsAre(1, 2));
}

TEST(purge, takes_what_was_put_before_the_others_earlier) {
  busy_key key(3);
  key.put_before({10, 11});
  key.p.purge(1);
  key.submit(3);
  key.end();
  EXPECT_THAT(key.handled, testing::ElementsAre(0, 3));
  EXPECT_THAT(key.dead, testing::ElementsAre(10, 11, 1, 2));
}

TEST(purge, again_and_again_of_a_busy_key_is_one) {
  busy_key key(2);
  for (int i = 0; i < 1'000; ++i)
    key.p.purge(1);
  key.submit(2);
  key.p.purge(1);
  key.submit(3);
  key.end();
  EXPECT_THAT(key.handled, testing::ElementsAre(0, 3));
  EXPECT_THAT(key.dead, testing::ElementsAre(1, 2));
}

TEST(fence, waits_for_what_is_put_before_its_messages_and_no_longer) {
  busy_key key(3);
  std::atomic<int> seen[3] = {-1, -1, -1};
  const auto note = [&](int which) {
    key.p.fence(1, [&, which] { seen[which] = key.done.load(); });
  };
  note(0);
  key.put_before({10, 11});
  note(1);
  key.submit(3);
  note(2);
  key.end();
  key.p.shutdown(1h);
  EXPECT_THAT(key.handled, testing::ElementsAre(0, 10, 11, 1, 2, 3));
  EXPECT_GE(seen[0], 5);
  EXPECT_GE(seen[1], 5);
  EXPECT_EQ(seen[2], 6);
}

} // namespace
