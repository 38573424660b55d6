// Conflation: what waits behind a running message is the drainer's, and takes in what comes. A message is a set of
// numbers, so that it can be told what is in it.

#include "pipeline.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace {

using convoy::death;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::detail::clock;
using convoy::detail::thread;
using model::expect_works;
using model::must_submit;

constexpr int set_of(int number) {
  return 1 << number;
}
void merge(int& waiting, int& next) {
  model::check(next > waiting, "merged out of order");
  waiting |= next;
}

/// Of one key; plain memory, as history.
struct sets {
  int ended = 0, handled = 0, dead = 0; // sets
  int calls = 0;

  void end(int m) {
    model::check((ended & m) == 0, "twice");
    model::check(m > ended, "out of order");
    ended |= m;
  }
  void handle(int m) {
    end(m);
    handled |= m;
    ++calls;
  }
  void bury(int m) {
    end(m);
    dead |= m;
  }
};

template <class Processor>
void check_account(Processor& p, int calls) {
  const auto is = p.shutdown(clock::now() + std::chrono::milliseconds(1));
  model::check(is.balanced(), "the account does not come out even");
  model::check(is.completed == static_cast<std::uint64_t>(calls), "another number was completed");
}

TEST(conflation, takes_in_what_comes_while_a_message_runs) {
  expect_works(2'000, [] {
    sets seen[2];
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int& key, int& m) { seen[key].handle(m); },
                          {.capacity = 64, .partitions = 1, .conflate = merge}};
    const auto produce = [&](int key) {
      for (int i = 0; i < 3; ++i)
        must_submit(p, key, set_of(i));
    };
    thread other([&] { produce(1); });
    produce(0);
    other.join();
    p.drain();
    model::check(seen[0].handled == 7 && seen[1].handled == 7, "lost, or drained too early");
    check_account(p, seen[0].calls + seen[1].calls);
  });
}

/// Each one that is merged must make room at once, or the last submit waits for ever.
TEST(conflation, gives_room_back) {
  expect_works(1'000, [] {
    sets seen;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt,
                          [&](const int&, int& m) { seen.handle(m); },
                          {.capacity = 8, .key_capacity = 3, .partitions = 1, .conflate = merge}};
    p.pause(0);
    for (int i = 0; i < 5; ++i)
      must_submit(p, 0, set_of(i));
    p.resume(0);
    p.drain();
    model::check(seen.handled == 31, "lost");
    check_account(p, seen.calls);
  });
}

/// What is submitted behind the purge must not die with what was purged.
TEST(conflation, of_a_key_that_is_purged) {
  expect_works(2'000, [] {
    sets seen;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int&, int& m) { seen.handle(m); },
                          {.capacity = 64,
                           .partitions = 1,
                           .dead_letters = [&](auto& letter) { seen.bury(letter.message); },
                           .conflate = merge}};
    for (int i = 0; i < 3; ++i)
      must_submit(p, 0, set_of(i));
    p.purge(0);
    for (int i = 3; i < 5; ++i)
      must_submit(p, 0, set_of(i));
    p.drain();
    model::check(seen.ended == 31, "lost");
    model::check((seen.dead & ~7) == 0, "died with what was purged before it");
    check_account(p, seen.calls);
  });
}

/// As above, while its lane is held and what was purged goes out in pieces.
TEST(conflation, of_a_paused_key_that_is_purged) {
  expect_works(2'000, [] {
    sets seen;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int&, int& m) { seen.handle(m); },
                          {.capacity = 64,
                           .partitions = 1,
                           .on_error = [](auto&&...) {},
                           .dead_letters = [&](auto& letter) { seen.bury(letter.message); },
                           .conflate =
                               [](int& waiting, int& next) {
                                 if (next == set_of(1)) // so that two wait
                                   throw 1;
                                 merge(waiting, next);
                               }}};
    p.pause(0);
    for (int i = 0; i < 2; ++i)
      must_submit(p, 0, set_of(i));
    p.purge(0);
    must_submit(p, 0, set_of(2));
    p.resume(0);
    must_submit(p, 0, set_of(3));
    p.drain();
    model::check(seen.ended == 15, "lost");
    model::check(seen.dead == 3, "others died than were purged");
    check_account(p, seen.calls);
  });
}

TEST(conflation, leaves_alone_what_is_put_before_others) {
  expect_works(1'000, [] {
    int alone = 0, handled = 0;
    runtime rt{{.concurrency = 2}};
    processor<int, int> p{rt,
                          [&](const int&, int& m) {
                            alone += m == set_of(10);
                            handled |= m;
                          },
                          {.capacity = 64,
                           .partitions = 1,
                           .conflate = [](int& waiting, int& next) { waiting |= next; }}};
    p.pause(0);
    std::vector<int> before{set_of(10)};
    model::check(p.resubmit(0, before, convoy::place::before).accepted == 1, "refused");
    must_submit(p, 0, set_of(0));
    must_submit(p, 0, set_of(1));
    p.resume(0);
    must_submit(p, 0, set_of(2));
    p.drain();
    model::check(alone == 1, "merged, or lost");
    model::check(handled == (set_of(10) | 7), "lost");
  });
}

/// Whoever asks for the account meanwhile: no figure falls, and no more is finished than was accepted.
TEST(conflation, is_in_the_account_no_earlier_than_what_it_is_merged_from) {
  expect_works(1'500, [] {
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{rt, [](int&) {}, {.capacity = 64, .partitions = 1, .conflate = merge}};
    thread other([&] {
      for (int i = 0; i < 3; ++i)
        must_submit(p, 0, set_of(i));
    });
    convoy::account last;
    for (int i = 0; i < 4; ++i) {
      const auto now = p.account();
      model::check(now.accepted >= last.accepted && now.completed >= last.completed &&
                       now.conflated >= last.conflated,
                   "fewer than before");
      model::check(now.finished() <= now.accepted, "more finished than were accepted");
      last = now;
      convoy::detail::sleep_for(std::chrono::microseconds(20));
    }
    other.join();
    const auto end = p.shutdown(clock::now() + std::chrono::milliseconds(1));
    model::check(end.balanced() && end.accepted == 3, "the account does not come out even");
  });
}

} // namespace
