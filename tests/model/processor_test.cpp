// The whole library on the model: runtime, processor and pumps as they are, with few messages. Too many
// interleavings to go through all of them, so they are drawn: each run checks order, exclusion (a
// race of plain memory), that nothing is lost, and that everything comes to an end.

#include "convoy/convoy.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <gmock/gmock.h>
#include <span>
#include <utility>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::thread;

/// Of one key; plain memory, so that handlers that overlap are data races.
struct history {
  int last = 0;
  int handled = 0;

  void see(int number) {
    model::check(number > last, "out of order");
    last = number;
    ++handled;
  }
};

/// Waits for handlers without asking the processor for anything, which would wake what sleeps for ever.
class handled {
public:
  void one_more() {
    count_.fetch_add(1, std::memory_order_seq_cst);
    changed_.notify();
  }
  void wait_for(int count) {
    changed_.wait([&] { return count_.load(std::memory_order_acquire) == count; });
  }

private:
  convoy::detail::atomic<int> count_{0};
  convoy::detail::event_count changed_;
};

void explore(std::uint64_t runs, const std::function<void()>& scenario) {
  const auto found =
      model::explore({.random_runs = runs * model::effort(), .most_steps = 200'000}, scenario);
  EXPECT_EQ(found.failure, "");
}

/// Each producer submits its messages, numbered by key, in its turn or for a key of its own.
TEST(pipeline, two_producers_each_with_a_key) {
  explore(1500, [] {
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
  explore(1500, [] {
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
  explore(1500, [] {
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
  explore(1500, [] {
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
  explore(1500, [] {
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
  explore(1500, [] {
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

TEST(pipeline, retries_park_and_resume) {
  explore(1500, [] {
    history seen;
    int failures = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](int& m) -> convoy::outcome {
                              if (m == 1 && failures++ == 0)
                                return convoy::outcome::park;
                              seen.see(m);
                              return convoy::outcome::done;
                            },
                            {.capacity = 64, .partitions = 1}};
      thread other([&] { p.resume(1); });
      for (int i = 1; i <= 2; ++i)
        model::check(p.submit(1, i) == submit_status::accepted, "refused");
      other.join();
      p.resume(1);
      p.drain();
    }
    model::check(seen.handled == 2, "lost");
  });
}

/// A handler that takes long hides what lies behind it in the ring.
TEST(pipeline, a_stuck_handler_is_taken_over) {
  explore(1500, [] {
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

/// A handler waits for another key's: whoever is stuck hides nothing for good.
void expect_keys_not_to_wait_for_each_other(unsigned partitions) {
  explore(1500, [partitions] {
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
  explore(1500, [partitions] {
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

/// A retry waits for its timer; shutdown() makes dead letters of what does not come to its turn.
TEST(pipeline, timers_against_shutdown) {
  explore(1500, [] {
    int handled = 0, failures = 0, dead = 0;
    std::uint64_t accepted = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](int& m) -> convoy::outcome {
                              if (m == 1 && failures++ == 0)
                                return convoy::outcome::retry_after(std::chrono::microseconds(200));
                              ++handled;
                              return convoy::outcome::done;
                            },
                            {.capacity = 64,
                             .partitions = 1,
                             .failure = convoy::failure_policy{},
                             .dead_letters = [&](auto&) { ++dead; }}};
      thread other([&] {
        for (int i = 1; i <= 2; ++i)
          accepted += p.submit(1, i) == submit_status::accepted;
      });
      const auto account =
          p.shutdown(convoy::detail::clock::now() + std::chrono::microseconds(400));
      other.join();
      model::check(account.accepted == account.completed + account.dead_letters + account.discarded,
                   "the account does not come out even");
    }
    model::check(accepted == static_cast<std::uint64_t>(handled + dead), "lost");
  });
}

/// A fence comes after all that was accepted before it, whoever runs that.
///
/// A bug that this found: pause(), submit(), resume(), and then the processor's destructor. The drainer had
/// gone through the ring, resume() took its ticket behind its back, the destructor said that all ends,
/// and the drainer saw that first: what was paused became dead letters, a message among them that should
/// have been handled. Now the end has its turn when the ring is as far as it was then.
TEST(pipeline, fences_and_control_of_a_key) {
  explore(1500, [] {
    int handled = 0;
    int fenced = 0;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt, [&](int&) { ++handled; }, {.capacity = 64, .partitions = 1}};
      model::check(p.submit(1, 1) == submit_status::accepted, "refused");
      p.fence(1, [&] { fenced = 1; });
      thread other([&] {
        p.pause(1);
        p.resume(1);
      });
      model::check(p.submit(1, 2) == submit_status::accepted, "refused");
      other.join();
    }
    model::check(handled == 2, "a message is lost");
    model::check(fenced == 1, "a fence is lost");
  });
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
  explore(1500, [] {
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
        for (int i = 1; i <= 2; ++i) {
          const slow_to_copy m(i);
          model::check(p.submit(key, m) == submit_status::accepted, "refused");
        }
      };
      thread other([&] { produce(1); });
      produce(0);
      other.join();
      all.wait_for(4);
    }
    model::check(seen[0].handled == 2 && seen[1].handled == 2, "lost");
  });
}

} // namespace
