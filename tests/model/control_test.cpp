// What stops lanes, waits for a time, or ends: on the model, with few messages.

#include "pipeline.hpp"

#include <chrono>
#include <cstdint>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::thread;
using model::expect_works;
using model::fate;
using model::history;

TEST(control, retries_park_and_resume) {
  expect_works(1500, [] {
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

/// A retry waits for its timer; shutdown() makes dead letters of what does not come to its turn.
TEST(control, timers_against_shutdown) {
  expect_works(1500, [] {
    fate seen;
    int failures = 0;
    std::uint64_t accepted = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](int& m) -> convoy::outcome {
                              if (m == 1 && failures++ == 0)
                                return convoy::outcome::retry_after(std::chrono::microseconds(200));
                              seen.see(m);
                              return convoy::outcome::done;
                            },
                            {.capacity = 64,
                             .partitions = 1,
                             .failure = convoy::failure_policy{},
                             .dead_letters = [&](auto& letter) { seen.bury(letter.message); }}};
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
    model::check(accepted == static_cast<std::uint64_t>(seen.all()), "lost");
  });
}

/// Hours on, as after a suspended machine's sleep, or back a little, as no steady clock should.
TEST(control, a_clock_that_jumps) {
  for (const std::chrono::nanoseconds by :
       {std::chrono::nanoseconds(std::chrono::hours(3)), std::chrono::nanoseconds(-500'000)})
    expect_works(700, [by] {
      history seen[3];
      int failures = 0;
      {
        runtime rt{{.concurrency = 2}};
        processor<int, int> p{
            rt,
            [&](const int& key, int& m) -> convoy::outcome {
              if (m == 2 && failures++ == 0)
                return convoy::outcome::retry_after(std::chrono::microseconds(200));
              seen[key].see(m);
              return convoy::outcome::done;
            },
            {.capacity = 64, .partitions = 1, .failure = convoy::failure_policy{}}};
        thread jumper([by] { model::jump(by); });
        for (int i = 1; i <= 3; ++i)
          model::check(p.submit(1, i) == submit_status::accepted, "refused");
        model::check(p.submit_after(2, std::chrono::microseconds(300), 4).status() ==
                         submit_status::accepted,
                     "refused");
        jumper.join();
        while (p.scheduled_messages() != 0)
          convoy::detail::sleep_for(std::chrono::microseconds(50));
      }
      model::check(seen[1].handled == 3 && seen[2].handled == 1, "lost");
    });
}

/// A fence comes after all that was accepted before it, whoever runs that.
///
/// A bug that this found: pause(), submit(), resume(), and then the processor's destructor. The drainer had
/// gone through the ring, resume() took its ticket behind its back, the destructor said that all ends,
/// and the drainer saw that first: what was paused became dead letters, a message among them that should
/// have been handled. Now the end has its turn when the ring is as far as it was then.
TEST(control, fences_and_control_of_a_key) {
  expect_works(1500, [] {
    int handled = 0;
    bool first_handled = false; // plain, as what a fence's callback may rely on
    int fenced = 0;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](int& m) {
                              ++handled;
                              if (m == 1)
                                first_handled = true;
                            },
                            {.capacity = 64, .partitions = 1}};
      model::check(p.submit(1, 1) == submit_status::accepted, "refused");
      p.fence(1, [&] {
        model::check(first_handled, "it came before a message that was there before it");
        fenced = 1;
      });
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

/// It comes back after all that its key had then, and does not wait for what others hold up.
TEST(control, drain_of_a_key) {
  expect_works(600, [] {
    int handled = 0;
    model::handled let_go;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int&) {
                              if (key == 2)
                                let_go.wait_for(1);
                              else
                                ++handled;
                            },
                            {.capacity = 64, .partitions = 1}};
      thread other([&] { model::must_submit(p, 2, 1); });
      for (int i = 1; i <= 2; ++i)
        model::must_submit(p, 1, i);
      p.drain(1);
      model::check(handled == 2, "drained too early");
      let_go.one_more();
      other.join();
    }
  });
}

/// Of what is under way: never more finished than accepted, however much of it is seen late.
TEST(control, an_account_in_between) {
  expect_works(3000, [] {
    convoy::detail::atomic<bool> handled{false};
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](int&) { handled.store(true, std::memory_order_relaxed); },
                          {.capacity = 64, .partitions = 1}};
    thread other([&] {
      p.resume(1); // a ticket that carries no message
      model::must_submit(p, 1, 1);
    });
    while (!handled.load(std::memory_order_relaxed))
      convoy::detail::sleep_for(std::chrono::milliseconds(1));
    convoy::detail::sleep_for(std::chrono::milliseconds(1)); // or as long as it likes
    const auto now = p.account();
    model::check(now.accepted <= 2, "more than were submitted, and asked for");
    model::check(now.completed <= now.accepted, "more than were accepted");
    other.join();
  });
}

} // namespace
