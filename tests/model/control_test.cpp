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
using model::must_submit;

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
                             .dead_letters = seen.sink()}};
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
      thread other([&] { must_submit(p, 2, 1); });
      for (int i = 1; i <= 2; ++i)
        must_submit(p, 1, i);
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
      must_submit(p, 1, 1);
    });
    while (!handled.load(std::memory_order_relaxed))
      convoy::detail::sleep_for(std::chrono::milliseconds(1));
    convoy::detail::sleep_for(std::chrono::milliseconds(1)); // or as long as it likes
    const auto now = p.account();
    model::check(now.accepted <= 1, "more than were submitted");
    model::check(now.completed <= now.accepted, "more than were accepted");
    other.join();
  });
}

/// A purge as the handler parks, and who lets it go on: what it takes might be handled as well, or be told of
/// twice, and who asked for it never hear of it.
TEST(control, purge_against_parking_and_resume) {
  expect_works(800, [] {
    fate seen;
    bool over[4] = {}; // plain, as what a callback may rely on
    int failures = 0;
    int told = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](int& m) -> convoy::outcome {
                              if (m == 1 && failures++ == 0)
                                return convoy::outcome::park;
                              seen.see(m);
                              over[m] = true;
                              return convoy::outcome::done;
                            },
                            {.capacity = 64,
                             .partitions = 1,
                             .failure = convoy::failure_policy{},
                             .dead_letters = [&](auto& letter) {
                               seen.bury(letter.message);
                               over[letter.message] = true;
                             }}};
      for (int i = 1; i <= 2; ++i)
        must_submit(p, 1, i);
      thread other([&] { p.resume(1); });
      p.purge(1, [&] {
        model::check(over[1] && over[2], "told before it was done");
        ++told;
      });
      must_submit(p, 1, 3);
      other.join();
      p.drain();
      model::check(p.parked() == 0, "still counted as parked");
      model::check(seen.all() == 3 && over[3], "lost");
      model::check(p.account().balanced(), "the account does not come out even");
    }
    model::check(told == 1, "not told, or twice");
  });
}

/// What was put there before it becomes dead letters, and nothing else, whoever resumes the key meanwhile.
TEST(control, purge_of_a_paused_key) {
  expect_works(600, [] {
    fate seen;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](int& m) {
                              model::check(m > 2, "handled though purged");
                              seen.see(m);
                            },
                            {.capacity = 64, .partitions = 1, .dead_letters = [&](auto& letter) {
                               model::check(letter.message <= 2, "purged though it came later");
                               seen.bury(letter.message);
                             }}};
      p.pause(1);
      for (int i = 1; i <= 2; ++i)
        must_submit(p, 1, i);
      p.purge(1);
      thread other([&] { p.resume(1); });
      for (int i = 3; i <= 4; ++i)
        must_submit(p, 1, i);
      other.join();
      p.drain(); // what ends does not pause any more
    }
    model::check(seen.dead == 2 && seen.handled == 2, "lost");
  });
}

/// A purge takes what waits for its time to be tried again, if that comes or not: the timer might find a lane that
/// is not there, or the purge leave the lane as it is.
TEST(control, purge_against_a_retry) {
  for (const auto delay : {std::chrono::microseconds(100), std::chrono::microseconds(1'000'000)})
    expect_works(400, [delay] {
      fate seen;
      int failures = 0;
      {
        runtime rt{{.concurrency = 1}};
        processor<int, int> p{rt,
                              [&](int& m) -> convoy::outcome {
                                if (m == 1 && failures++ == 0)
                                  return convoy::outcome::retry_after(delay);
                                seen.see(m);
                                return convoy::outcome::done;
                              },
                              {.capacity = 64,
                               .partitions = 1,
                               .failure = convoy::failure_policy{},
                               .dead_letters = seen.sink()}};
        for (int i = 1; i <= 2; ++i)
          must_submit(p, 1, i);
        convoy::detail::sleep_for(std::chrono::microseconds(100));
        p.purge(1);
        must_submit(p, 1, 3);
        p.drain();
        model::check(seen.all() == 3, "lost");
        model::check(p.account().balanced(), "the account does not come out even");
      }
    });
}

/// A fence of all keys comes after what was there before it in both partitions, though others go on.
TEST(control, fence_of_all_keys) {
  expect_works(600, [] {
    int first_handled[2] = {}; // plain, as what a fence's callback may rely on
    int handled[2] = {};
    int fenced = 0;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int& m) {
                              ++handled[key];
                              if (m == 1)
                                first_handled[key] = 1;
                            },
                            {.capacity = 64, .partitions = 2}};
      for (const int key : {0, 1})
        must_submit(p, key, 1);
      thread other([&] {
        for (const int key : {0, 1})
          must_submit(p, key, 2);
      });
      p.fence([&] {
        model::check(first_handled[0] == 1 && first_handled[1] == 1,
                     "it came before a message that was there before it");
        ++fenced;
      });
      other.join();
    }
    model::check(handled[0] == 2 && handled[1] == 2, "a message is lost");
    model::check(fenced == 1, "a fence is lost, or came twice");
  });
}

} // namespace
