// What becomes of messages, and of pumps: on the model, with few messages.

#include "pipeline.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::thread;
using model::expect_works;
using model::handled;
using model::history;

/// Each producer submits its messages, numbered by key, in its turn or for a key of its own.
TEST(pipeline, two_producers_each_with_a_key) {
  expect_works(1500, [] {
    history seen[2];
    handled all;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int& m) {
                              seen[key].see(m);
                              all.one_more();
                            },
                            {.capacity = 64, .partitions = 1}};
      const auto produce = [&](int key) {
        for (int i = 1; i <= 2; ++i)
          model::check(p.submit(key, i) == submit_status::accepted, "refused");
      };
      thread other([&] { produce(1); });
      produce(0);
      other.join();
      all.wait_for(4);
    }
    model::check(seen[0].handled == 2 && seen[1].handled == 2, "lost");
  });
}

/// Spans are never run inline: by way of lanes, which are reclaimed in between.
TEST(pipeline, staged_and_reclaimed) {
  expect_works(1500, [] {
    history seen[2];
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, std::span<int> all) {
                              for (int m : all)
                                seen[key].see(m);
                            },
                            {.capacity = 64, .partitions = 1}};
      thread other([&] {
        model::check(p.submit(1, 1) == submit_status::accepted, "refused");
        p.drain();
        model::check(seen[1].handled >= 1, "drained too early");
        model::check(p.submit(1, 2) == submit_status::accepted, "refused");
      });
      for (int i = 1; i <= 2; ++i)
        model::check(p.submit(0, i) == submit_status::accepted, "refused");
      other.join();
    }
    model::check(seen[0].handled == 2 && seen[1].handled == 2, "lost");
  });
}

TEST(pipeline, order_across_producers_that_signal_each_other) {
  expect_works(1500, [] {
    history seen;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt, [&](int& m) { seen.see(m); }, {.capacity = 64, .partitions = 1}};
      convoy::detail::atomic<bool> first{false};
      thread other([&] {
        if (first.load(std::memory_order_acquire))
          model::check(p.submit(1, 2) == submit_status::accepted, "refused");
      });
      model::check(p.submit(1, 1) == submit_status::accepted, "refused");
      first.store(true, std::memory_order_release);
      other.join();
    }
    model::check(seen.handled >= 1, "lost");
  });
}

TEST(pipeline, a_full_processor_makes_its_producers_wait) {
  expect_works(1500, [] {
    history seen[2];
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{
          rt, [&](const int& key, int& m) { seen[key].see(m); }, {.capacity = 1, .partitions = 1}};
      const auto produce = [&](int key) {
        for (int i = 1; i <= 2; ++i)
          model::check(p.submit(key, i) == submit_status::accepted, "refused");
      };
      thread other([&] { produce(1); });
      produce(0);
      other.join();
    }
    model::check(seen[0].handled == 2 && seen[1].handled == 2, "lost");
  });
}

TEST(pipeline, close_against_submit) {
  expect_works(1500, [] {
    history seen;
    int accepted = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt, [&](int& m) { seen.see(m); }, {.capacity = 64, .partitions = 1}};
      thread other([&] {
        for (int i = 1; i <= 2; ++i)
          accepted += p.submit(1, i) == submit_status::accepted;
      });
      p.close();
      model::check(p.submit(2, 1) == submit_status::closed, "accepted after close()");
      p.drain();
      other.join();
    }
    model::check(seen.handled == accepted, "accepted and not handled, or the other way round");
  });
}

TEST(pipeline, bulk_and_drain) {
  expect_works(1500, [] {
    history seen[3];
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{
          rt, [&](const int& key, int& m) { seen[key].see(m); }, {.capacity = 64, .partitions = 2}};
      thread other([&] { p.drain(); });
      const std::vector<std::pair<int, int>> all{{0, 1}, {1, 1}, {0, 2}, {2, 1}};
      model::check(p.submit_bulk(all).accepted == all.size(), "refused");
      p.drain();
      model::check(seen[0].handled == 2 && seen[1].handled == 1 && seen[2].handled == 1,
                   "drained too early");
      other.join();
    }
  });
}

/// A handler that takes long hides what lies behind it in the ring.
TEST(pipeline, a_stuck_handler_is_taken_over) {
  expect_works(1500, [] {
    history seen[2];
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int& m) {
                              if (key == 0)
                                convoy::detail::sleep_for(std::chrono::milliseconds(1));
                              seen[key].see(m);
                            },
                            {.capacity = 64, .partitions = 1}};
      for (int i = 1; i <= 3; ++i)
        for (const int key : {0, 1})
          model::check(p.submit(key, i) == submit_status::accepted, "refused");
    }
    model::check(seen[0].handled == 3 && seen[1].handled == 3, "lost");
  });
}

/// It fails when it was taken over: its message moves from the ring's cell to the lane that stands for it.
TEST(pipeline, a_stuck_handler_that_fails_is_tried_again) {
  expect_works(1500, [] {
    history seen[2];
    {
      bool failed = false; // plain: of key 0's handlers
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int& m) {
                              if (key == 0 && !failed) {
                                convoy::detail::sleep_for(std::chrono::milliseconds(1));
                                failed = true;
                                return convoy::outcome(
                                    convoy::outcome::retry_after(std::chrono::nanoseconds(0)));
                              }
                              seen[key].see(m);
                              return convoy::outcome(convoy::outcome::done);
                            },
                            {.capacity = 64, .partitions = 1}};
      for (int i = 1; i <= 2; ++i)
        for (const int key : {0, 1})
          model::check(p.submit(key, i) == submit_status::accepted, "refused");
    }
    model::check(seen[0].handled == 2 && seen[1].handled == 2, "lost");
  });
}

/// A handler waits for another key's: whoever is stuck hides nothing for good.
void expect_keys_not_to_wait_for_each_other(unsigned partitions) {
  expect_works(1500, [partitions] {
    handled other_key;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int& key, int&) {
                            if (key == 1)
                              other_key.one_more();
                            else if (key == 0)
                              other_key.wait_for(1);
                            else
                              for (int i = 0; i < 15; ++i) // a sentry may have had enough
                                (void)convoy::detail::clock::now();
                          },
                          {.capacity = 64, .partitions = partitions}};
    thread other([&] { model::check(p.submit(0, 1) == submit_status::accepted, "refused"); });
    for (const int key : {2, 1})
      model::check(p.submit(key, 1) == submit_status::accepted, "refused");
    other.join();
  });
}

/// As above, where nobody outside makes the other one ready.
void expect_handlers_to_wait_for_what_they_submit(unsigned partitions) {
  expect_works(1500, [partitions] {
    handled other_key;
    std::function<void()> submit_other;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int& key, int&) {
                            if (key == 1)
                              return other_key.one_more();
                            submit_other();
                            other_key.wait_for(1);
                          },
                          {.capacity = 64, .partitions = partitions}};
    submit_other = [&p] { model::check(p.submit(1, 1) == submit_status::accepted, "refused"); };
    model::check(p.submit(0, 1) == submit_status::accepted, "refused");
    other_key.wait_for(1);
  });
}

TEST(pipeline, handlers_wait_for_what_they_submit_to_their_partition) {
  expect_handlers_to_wait_for_what_they_submit(1);
}

TEST(pipeline, handlers_wait_for_what_they_submit_to_others) {
  expect_handlers_to_wait_for_what_they_submit(4);
}

TEST(pipeline, keys_of_a_partition_do_not_wait_for_each_other) {
  expect_keys_not_to_wait_for_each_other(1);
}

TEST(pipeline, partitions_do_not_wait_for_each_other) {
  expect_keys_not_to_wait_for_each_other(4);
}

/// Its copy takes many steps: its producer has a ticket, and does not publish.
struct slow_to_copy {
  int number;
  explicit slow_to_copy(int n) noexcept : number(n) {}
  slow_to_copy(const slow_to_copy& other) : number(other.number) {
    const convoy::detail::atomic<int> steps{0};
    for (int i = 0; i < 20; ++i)
      (void)steps.load(std::memory_order_relaxed);
  }
  slow_to_copy(slow_to_copy&&) noexcept = default;
};

TEST(pipeline, drainers_leave_producers_that_are_held_up) {
  expect_works(4000, [] {
    history seen[2];
    handled all;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, slow_to_copy> p{rt,
                                     [&](const int& key, slow_to_copy& m) {
                                       seen[key].see(m.number);
                                       all.one_more();
                                     },
                                     {.capacity = 64, .partitions = 1}};
      const auto produce = [&](int key) {
        const slow_to_copy m(1);
        model::check(p.submit(key, m) == submit_status::accepted, "refused");
      };
      thread other([&] { produce(1); });
      produce(0);
      other.join();
      all.wait_for(2);
    }
    model::check(seen[0].handled == 1 && seen[1].handled == 1, "lost");
  });
}

} // namespace
