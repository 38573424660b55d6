// What the library keeps and gives back: places, lane state, batches that are not full, memory. On the model, with few messages.

#include "pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::clock;
using convoy::detail::sleep_for;
using convoy::detail::thread;
using model::expect_works;
using model::fate;
using model::handled;
using model::history;
using model::must_submit;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// The only place is a scheduled message's. It might be handled though cancelled, neither of both, or its
/// place never be free again for who waits for it.
void expect_cancelled_or_due(std::size_t capacity, std::size_t key_capacity, microseconds late) {
  expect_works(300, [=] {
    history seen;
    bool cancelled = false;
    convoy::account account;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](int& m) { seen.see(m); },
                          {.capacity = capacity, .key_capacity = key_capacity, .partitions = 1}};
    auto first = p.submit_after(1, microseconds(200), 1);
    model::check(first.status() == submit_status::accepted, "refused");
    thread other([&] {
      sleep_for(late);
      cancelled = first.cancel();
      model::check(!first.cancel(), "cancelled twice");
    });
    must_submit(p, 1, 2);
    other.join();
    account = p.shutdown(microseconds(0));
    model::check(account.balanced() && account.accepted == 2, "the account does not come out even");
    model::check(account.discarded == (cancelled ? 1u : 0u), "another number of cancelled ones");
    model::check(account.completed == static_cast<std::uint64_t>(seen.handled),
                 "another number of handled ones");
    model::check(p.scheduled_messages() == 0, "something is left");
  });
}

TEST(keeping, the_place_of_what_is_cancelled) {
  for (const int late : {50, 300})
    expect_cancelled_or_due(1, 0, microseconds(late));
}

TEST(keeping, the_keys_place_of_what_is_cancelled) {
  for (const int late : {50, 300})
    expect_cancelled_or_due(64, 1, microseconds(late));
}

/// Of two who cancel, one does.
TEST(keeping, cancelled_by_two) {
  expect_works(500, [] {
    history seen;
    int cancelled[2] = {};
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt, [&](int& m) { seen.see(m); }, {.capacity = 1, .partitions = 1}};
      auto first = p.submit_after(1, microseconds(200), 1);
      model::check(first.status() == submit_status::accepted, "refused");
      auto same = first;
      thread other([&] {
        sleep_for(microseconds(100));
        cancelled[1] = same.cancel();
      });
      sleep_for(microseconds(100));
      cancelled[0] = first.cancel();
      must_submit(p, 1, 2);
      other.join();
    }
    model::check(seen.handled + cancelled[0] + cancelled[1] == 2, "lost, or cancelled twice");
  });
}

/// As all ends: each might be told of twice, or not at all.
TEST(keeping, cancelled_as_all_ends) {
  expect_works(600, [] {
    fate seen;
    int cancelled = 0;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](int& m) { seen.see(m); },
                          {.capacity = 64, .partitions = 1, .dead_letters = seen.sink()}};
    auto first = p.submit_after(1, microseconds(100), 1);
    auto second = p.submit_after(1, milliseconds(50), 2);
    thread other([&] {
      sleep_for(microseconds(150));
      cancelled += second.cancel();
      cancelled += first.cancel();
    });
    const auto account = p.shutdown(clock::now() + microseconds(150));
    model::check(account.accepted == 2 && account.balanced(), "the account does not come out even");
    other.join();
    model::check(seen.all() + cancelled == 2, "lost, or told of twice");
    model::check(account.discarded == static_cast<std::uint64_t>(cancelled),
                 "another number of cancelled ones");
  });
}

// ---- state of keys ----

struct visits {
  int count = 0;
};

/// Who makes states, and what becomes of them: of one key, in plain memory.
struct states {
  int made = 0, gone = 0, visits_of_gone = 0;

  [[nodiscard]] auto options(std::chrono::nanoseconds idle) {
    return convoy::state_options<int, visits>{.make =
                                                  [this](const int&) {
                                                    model::check(made++ == gone, "two at a time");
                                                    return visits{};
                                                  },
                                              .idle = idle,
                                              .on_evict =
                                                  [this](const int&, visits& state) {
                                                    ++gone;
                                                    visits_of_gone += state.count;
                                                  }};
  }
};

/// A message as its key's state goes: it might get a state that is gone, or none, or come beside its going.
TEST(keeping, state_that_goes_against_submit) {
  for (const int late : {0, 100, 1000})
    expect_works(200, [late] {
      history seen;
      states all;
      {
        runtime rt{{.concurrency = 2}};
        processor<int, int, visits> p{
            rt,
            [&](int& m, visits& state) {
              seen.see(m);
              ++state.count;
            },
            {.capacity = 64, .partitions = 1, .state = all.options(microseconds(200))}};
        must_submit(p, 1, 1);
        sleep_for(microseconds(200 + late));
        for (int i = 2; i <= 3; ++i)
          must_submit(p, 1, i);
      }
      model::check(seen.handled == 3 && all.visits_of_gone == 3, "lost");
      model::check(all.made == all.gone, "a state is left");
      model::outcome(all.made);
    });
}

/// A state that goes as all ends, and there is another message.
TEST(keeping, state_that_goes_against_shutdown) {
  expect_works(500, [] {
    fate seen;
    states all;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int, visits> p{rt,
                                    [&](int& m, visits& state) {
                                      seen.see(m);
                                      ++state.count;
                                    },
                                    {.capacity = 64,
                                     .partitions = 1,
                                     .dead_letters = seen.sink(),
                                     .state = all.options(microseconds(100))}};
      must_submit(p, 1, 1);
      int accepted = 1;
      thread other([&] {
        sleep_for(milliseconds(1));
        accepted += p.submit(1, 2) == submit_status::accepted;
      });
      sleep_for(microseconds(100));
      const auto account = p.shutdown(microseconds(20));
      other.join();
      model::check(account.balanced(), "the account does not come out even");
      model::check(seen.all() == accepted, "lost");
    }
    model::check(all.made == all.gone, "a state is left");
    model::check(all.visits_of_gone == seen.handled, "a state is lost");
  });
}

// ---- batches ----

/// What is too little for a batch waits for more: it might wait for ever, or beside those that are full.
TEST(keeping, batches_that_are_not_full) {
  expect_works(400, [] {
    history seen;
    handled all;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{
        rt,
        [&](const int&, std::span<int> some) {
          model::check(some.size() <= 2, "more than a batch");
          for (const int m : some) {
            seen.see(m);
            all.one_more();
          }
        },
        {.capacity = 64, .partitions = 1, .batch_limit = 2, .linger = microseconds(200)}};
    thread other([&] {
      must_submit(p, 1, 1);
      must_submit(p, 1, 2);
      sleep_for(microseconds(200));
      must_submit(p, 1, 3);
    });
    all.wait_for(3); // nothing ends in between
    other.join();
  });
}

/// They wait as all ends: bare, or with a deadline.
void expect_batches_to_end(bool in_time) {
  expect_works(400, [in_time] {
    fate seen;
    int accepted = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](const int&, std::span<int> some) {
                              for (const int m : some)
                                seen.see(m);
                            },
                            {.capacity = 64,
                             .partitions = 1,
                             .batch_limit = 3,
                             .dead_letters = seen.sink(),
                             .linger = milliseconds(1)}};
      thread other([&] {
        for (int i = 1; i <= 4; ++i)
          accepted += p.submit(1, i) == submit_status::accepted;
      });
      if (in_time) {
        const auto account = p.shutdown(clock::now() + microseconds(300));
        model::check(account.balanced(), "the account does not come out even");
      }
      other.join();
    }
    model::check(seen.all() == accepted, "lost");
    model::check(in_time || seen.dead == 0, "there was time for all");
  });
}

TEST(keeping, batches_against_the_destructor) {
  expect_batches_to_end(false);
}

TEST(keeping, batches_against_shutdown) {
  expect_batches_to_end(true);
}

// ---- memory ----

/// So large that few of them fill a segment of the ring.
struct large {
  int number = 0;
  char rest[1000] = {};
};

/// Memory is given back after 100 ms without need, as the next message comes: it might be needed still, or who
/// gives it back might not notice the message.
TEST(keeping, memory_that_was_not_needed) {
  for (const int late : {0, 60, 120})
    expect_works(60,
                 [late] {
                   constexpr int many = 48;
                   history seen;
                   handled all, submitted;
                   runtime rt{{.concurrency = 2}};
                   processor<int, large> p{rt,
                                           [&](large& m) {
                                             submitted.wait_for(1);
                                             seen.see(m.number);
                                             all.one_more();
                                           },
                                           {.capacity = 64, .partitions = 1}};
                   for (int i = 1; i <= many; ++i)
                     must_submit(p, 1, large{i});
                   submitted.one_more();
                   all.wait_for(many);
                   for (int i = many + 1; i <= many + 2; ++i) {
                     model::wait_until(clock::now() + milliseconds(100) + microseconds(late));
                     must_submit(p, 1, large{i});
                     all.wait_for(i);
                   }
                 },
                 {.most_steps = 100'000, .longest_wait = std::chrono::hours(1)});
}

// ---- room ----

/// One thread is woken for two places while room is scarce: the others might never be told.
TEST(keeping, room_that_few_are_told_of) {
  for (const unsigned partitions : {1u, 2u})
    expect_works(60, [partitions] {
      history seen[3];
      handled full;
      {
        runtime rt{{.concurrency = 1}};
        processor<int, int> p{rt,
                              [&](const int& key, int& m) {
                                full.wait_for(2);
                                sleep_for(
                                    microseconds(30)); // so that visits leave some in the ring
                                seen[key].see(m);
                              },
                              {.capacity = 32, .partitions = partitions}};
        const auto produce = [&](int key) {
          for (int i = 1; i <= 17; ++i)
            if (p.try_submit(key, i) != submit_status::accepted) {
              full.one_more();
              must_submit(p, key, i);
            }
        };
        thread second([&] { produce(1); }), third([&] { produce(2); });
        produce(0);
        second.join();
        third.join();
      }
      for (const auto& each : seen)
        model::check(each.handled == 17, "lost");
    });
}

// ---- who watches ----

/// A handler is reported as it ends, and its processor with it. What the report asks for must still happen.
TEST(keeping, reports_against_the_end) {
  expect_works(600, [] {
    auto reports = std::make_unique<int>(0); // the timer thread's
    int answers = 0;
    history seen;
    {
      runtime rt{{.concurrency = 1}};
      std::unique_ptr<processor<int, int>> p;
      p = std::make_unique<processor<int, int>>(
          rt,
          [&](int& m) {
            sleep_for(milliseconds(1));
            seen.see(m);
          },
          processor<int, int>::options{
              .capacity = 64,
              .partitions = 1,
              .watchdog = {.threshold = microseconds(100), .report = [&](auto& one) {
                             model::check(one.key == 1, "another key");
                             ++*reports;
                             sleep_for(milliseconds(1)); // all else may be over
                             p->fence(1, [&] { ++answers; });
                             sleep_for(milliseconds(1));
                           }}});
      for (int i = 1; i <= 2; ++i)
        must_submit(*p, 1, i);
    }
    model::check(seen.handled == 2, "lost");
    model::check(answers == *reports, "what a report asked for is lost");
    model::outcome(std::min(*reports, 3));
    reports.reset();
  });
}

} // namespace
