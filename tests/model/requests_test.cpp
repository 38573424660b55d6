// What is asked of a processor: how many may wait, that each keeps its place, and that a processor ends
// though others go on asking. On the model.

#include "pipeline.hpp"
#include "protocols.hpp"

#include <chrono>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::atomic;
using convoy::detail::clock;
using convoy::detail::event_count;
using convoy::detail::request_limit;
using convoy::detail::thread;
using model::at_once;
using model::expect_holds;
using model::expect_works;
using model::fate;
using model::must_submit;
using std::chrono::microseconds;

struct for_ever {
  static bool is_over(std::uint64_t) { return false; }
};

/// Never more than there are places, and nobody sleeps while there is one.
TEST(request_limit, gives_each_place_to_one_and_wakes_who_waits) {
  expect_holds(
      [] {
        event_count room{std::chrono::hours(1)};
        request_limit limit(1, room);
        atomic<int> inside{0};
        const auto take = [&] {
          const auto place = limit.take([](auto) { return for_ever{}; });
          model::check(inside.fetch_add(1, std::memory_order_relaxed) == 0, "more than one");
          inside.fetch_sub(1, std::memory_order_relaxed);
        };
        at_once({take, take});
      },
      {.preemptions = 3});
}

/// A thread asks in a loop, with two kinds of requests, while another one shuts down: it waited for tickets
/// that were given out again and again, and for callbacks likewise.
TEST(requests, of_others_do_not_hold_up_the_end) {
  expect_works(400, [] {
    fate seen;
    std::uint64_t accepted = 0;
    int called = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{
          rt,
          [&](int& m) { seen.see(m); },
          {.capacity = 64, .request_capacity = 2, .partitions = 1, .dead_letters = seen.sink()}};
      atomic<bool> over{false};
      thread asks([&] {
        p.fence(1, [&] { ++called; });
        for (int i = 0; i < 20 && !over.load(std::memory_order_relaxed); ++i) {
          p.resume(2);
          p.fence([] {});
        }
      });
      for (int i = 1; i <= 2; ++i)
        accepted += p.submit(1, i) == submit_status::accepted;
      const auto account = p.shutdown(clock::now() + std::chrono::hours(1));
      model::check(account.completed == accepted, "it ended too early");
      over.store(true, std::memory_order_relaxed);
      asks.join();
    }
    model::check(called == 1, "not called");
    model::check(seen.handled == static_cast<int>(accepted), "lost");
  });
}

/// Requests of several threads and messages of one key that others put before and purge: the order of those
/// that stay, and all that was accepted, handled or dead.
TEST(requests, of_a_lane_that_is_out_keep_their_order) {
  expect_works(400, [] {
    fate first;
    std::vector<int> put;
    int fenced = -1, fenced_all = -1;
    model::handled began, served;
    convoy::detail::atomic<int> finished{0}; // the one behind the fence may run while that is told
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int& m) {
                              if (key == 2)
                                return;
                              if (m == 1) {
                                began.one_more();
                                served.wait_for(1);
                              }
                              m < 100 ? first.see(m) : put.push_back(m);
                              finished.fetch_add(1, std::memory_order_relaxed);
                            },
                            {.capacity = 64, .partitions = 1, .dead_letters = [&](auto& letter) {
                               model::check(letter.message < 100, "put later than the purge");
                               first.bury(letter.message);
                               finished.fetch_add(1, std::memory_order_relaxed);
                             }}};
      must_submit(p, 1, 1);
      began.wait_for(1);
      thread other([&] { p.resume(1); });
      for (int i = 2; i <= 3; ++i)
        must_submit(p, 1, i);
      p.purge(1);
      std::vector<int> again{100, 101};
      model::check(p.resubmit(1, again, convoy::place::before).accepted == 2, "refused");
      p.fence(1, [&] { fenced = finished.load(std::memory_order_relaxed); });
      must_submit(p, 1, 200);
      p.fence([&] { fenced_all = first.all() + static_cast<int>(put.size()); });
      p.fence(2, [&] { served.one_more(); });
      other.join();
    }
    model::check(first.handled == 1 && first.dead == 2, "lost, or twice");
    model::check(put == std::vector<int>{100, 101, 200}, "not those that stay, in order");
    model::check(fenced >= 5 && fenced_all == 6, "a fence was early");
  });
}

/// A request has a ticket, which must take no room from messages, nor give them any; and who has seen the ticket
/// before its credit must not sleep on.
TEST(requests, take_no_place_of_messages) {
  expect_works(600, [] {
    int unfinished = 0;
    atomic<int> handled{0};
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](int&) {
                              model::check(++unfinished == 1, "overlap");
                              --unfinished;
                              handled.fetch_add(1, std::memory_order_relaxed);
                            },
                            {.capacity = 1, .partitions = 1}};
      thread asks([&] {
        for (int i = 0; i < 3; ++i)
          p.resume(2);
      });
      thread other([&] {
        for (int i = 0; i < 2; ++i) {
          must_submit(p, 1, i);
        }
      });
      for (int i = 0; i < 2; ++i)
        must_submit(p, 1, i); // sleeps while it is full
      asks.join();
      other.join();
      const auto account = p.account();
      model::check(account.accepted == 4, "not as many as were accepted");
    }
    model::check(handled.load(std::memory_order_relaxed) == 4, "lost");
  });
}

/// A destructor that waited for callbacks as long as there were any.
TEST(requests, of_callbacks_end_with_the_processor) {
  expect_works(300, [] {
    int called = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int>* mine = nullptr;
      std::function<void()> again = [&] {
        ++called;
        mine->fence(1, again);
      };
      processor<int, int> p{rt, [](int&) {}, {.partitions = 1}};
      mine = &p;
      p.fence(1, again);
    }
    model::check(called >= 1, "not called");
  });
}

} // namespace
