// Shared messages: on the model, with few messages. What readers and writers touch is plain memory, so
// that two which must not overlap are a data race.

#include "pipeline.hpp"

#include <chrono>
#include <type_traits>

namespace {

struct page_access {
  int number = 0;
  bool writes = false;
};

} // namespace

template <>
struct convoy::message_traits<page_access> {
  static convoy::access access(const page_access& m) noexcept {
    return m.writes ? access::exclusive : access::shared;
  }
};

namespace {

using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::detail::thread;
using model::expect_works;
using model::must_submit;

constexpr page_access reads(int number) {
  return {number, false};
}
constexpr page_access writes(int number) {
  return {number, true};
}

/// Of one key; plain.
struct page {
  int written = 0;       // by the last writer
  bool has_read[8] = {}; // each by its reader
  int handled_writes = 0;

  void read(int number, int last_write) {
    model::check(written == last_write, "a reader does not see the last writer before it");
    model::check(!has_read[number], "read twice");
    has_read[number] = true;
  }
  void write(int number, int first_reader) {
    for (int reader = first_reader; reader < number; ++reader)
      model::check(has_read[reader], "a writer was let in before a reader has ended");
    for (int reader = number + 1; reader < 8; ++reader)
      model::check(!has_read[reader], "a reader has overtaken a writer");
    written = number;
    ++handled_writes;
  }
};

TEST(shared, readers_and_writers_keep_their_order) {
  expect_works(1500, [] {
    page its[3]; // by key
    {
      runtime rt{{.concurrency = 2}};
      processor<int, page_access> p{rt,
                                    [&](const int& key, page_access& m) {
                                      if (m.writes)
                                        its[key].write(m.number, 1);
                                      else
                                        its[key].read(m.number, key == 1 && m.number > 3 ? 3 : 0);
                                    },
                                    {.capacity = 64, .partitions = 1}};
      thread other([&] { must_submit(p, 2, reads(7)); });
      for (const auto each : {reads(1), reads(2), writes(3), reads(4), reads(5)})
        must_submit(p, 1, each);
      other.join();
    }
    model::check(its[1].handled_writes == 1 && its[1].has_read[4] && its[1].has_read[5] &&
                     its[2].has_read[7],
                 "lost");
  });
}

/// Staged: a handler that sleeps is never run by the drainer for long.
TEST(shared, readers_that_take_long_end_in_any_order) {
  expect_works(1000, [] {
    page its;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, page_access> p{rt,
                                    [&](page_access& m) {
                                      if (m.number == 1)
                                        convoy::detail::sleep_for(std::chrono::milliseconds(1));
                                      if (m.writes)
                                        its.write(m.number, 1);
                                      else
                                        its.read(m.number, m.number > 4 ? 4 : 0);
                                    },
                                    {.capacity = 64, .partitions = 1, .most_shared = 2}};
      for (const auto each : {reads(1), reads(2), reads(3), writes(4), reads(5)})
        must_submit(p, 1, each);
      p.drain();
      model::check(its.has_read[5], "drained too early");
    }
    model::check(its.handled_writes == 1, "lost");
  });
}

/// The state is the key's lane's: readers have it at the same time.
TEST(shared, readers_of_a_state) {
  expect_works(1000, [] {
    model::handled all;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, page_access, page> p{
          rt,
          [&](page_access& m, auto& its) {
            if constexpr (std::is_const_v<std::remove_reference_t<decltype(its)>>)
              model::check(its.written == (m.number > 2 ? 2 : 0), "another state");
            else
              its.written = m.number;
            all.one_more();
          },
          {.capacity = 64, .partitions = 1}};
      thread other([&] { must_submit(p, 2, reads(1)); });
      for (const auto each : {reads(1), writes(2), reads(3), reads(4), writes(5)})
        must_submit(p, 1, each);
      other.join();
      all.wait_for(6);
    }
  });
}

/// A reader that has parked holds the writer behind it back, not the readers beside it.
TEST(shared, a_reader_parks_and_is_resumed) {
  expect_works(1500, [] {
    page its;
    bool has_parked = false; // plain: the reader's
    {
      runtime rt{{.concurrency = 2}};
      processor<int, page_access> p{rt,
                                    [&](page_access& m) -> outcome {
                                      if (m.number == 1 && !std::exchange(has_parked, true))
                                        return outcome::park;
                                      if (m.writes)
                                        its.write(m.number, 1);
                                      else
                                        its.read(m.number, m.number > 3 ? 3 : 0);
                                      return outcome::done;
                                    },
                                    {.capacity = 64, .partitions = 1}};
      thread other([&] { p.resume(1); });
      for (const auto each : {reads(1), reads(2), writes(3), reads(4)})
        must_submit(p, 1, each);
      other.join();
      p.resume(1);
      p.drain();
      model::check(its.has_read[4], "drained too early");
    }
    model::check(its.handled_writes == 1, "lost");
  });
}

/// A fence counts in the order of the messages, in whatever order they end: 2, 1, 3.
TEST(shared, a_fence_among_readers) {
  expect_works(1500, [] {
    page its;
    bool has_failed[8] = {}; // plain: each its reader's
    {
      runtime rt{{.concurrency = 2}};
      processor<int, page_access> p{
          rt,
          [&](page_access& m) -> outcome {
            if (m.number % 2 != 0 && !std::exchange(has_failed[m.number], true))
              return outcome::retry_after(std::chrono::microseconds(100 * m.number));
            its.read(m.number, 0);
            return outcome::done;
          },
          {.capacity = 64, .partitions = 1, .failure = convoy::failure_policy{}}};
      for (int number = 1; number <= 3; ++number)
        must_submit(p, 1, reads(number));
      p.fence(1, [&] {
        model::check(its.has_read[1] && its.has_read[2] && its.has_read[3],
                     "a fence was reached too early");
      });
      must_submit(p, 1, reads(4));
      p.drain();
    }
    model::check(its.has_read[4], "lost");
  });
}

/// Messages of two epochs wait in the lane, and end out of order.
TEST(shared, drains_among_readers) {
  expect_works(1500, [] {
    page its;
    bool has_failed = false;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, page_access> p{
          rt,
          [&](page_access& m) -> outcome {
            if (m.number == 1 && !std::exchange(has_failed, true))
              return outcome::retry_after(std::chrono::microseconds(100));
            its.read(m.number, 0);
            return outcome::done;
          },
          {.capacity = 64, .partitions = 1, .most_shared = 1, .failure = convoy::failure_policy{}}};
      must_submit(p, 1, reads(1));
      must_submit(p, 1, reads(2));
      thread other([&] {
        p.drain();
        model::check(its.has_read[1] && its.has_read[2], "drained too early");
      });
      must_submit(p, 1, reads(3));
      p.drain();
      model::check(its.has_read[3], "drained too early");
      must_submit(p, 1, reads(4));
      other.join();
    }
    model::check(its.has_read[4], "lost");
  });
}

/// What has not begun when the end has come becomes dead letters, each message once.
TEST(shared, a_reader_that_is_parked_at_the_end) {
  expect_works(1500, [] {
    int dead = 0; // plain: dead letters of a key that are not next to each other do not overlap
    int handled_writes = 0;
    std::uint64_t accepted = 0;
    {
      runtime rt{{.concurrency = 1}};
      processor<int, page_access> p{
          rt,
          [&](page_access& m) -> outcome {
            if (m.number == 1)
              return outcome::park;
            ++handled_writes;
            return outcome::done;
          },
          {.capacity = 64, .partitions = 1, .dead_letters = [&](auto&) { ++dead; }}};
      thread other([&] {
        for (const auto each : {reads(1), writes(2)})
          accepted += p.submit(1, each) == convoy::submit_status::accepted;
      });
      const auto account =
          p.shutdown(convoy::detail::clock::now() + std::chrono::microseconds(200));
      other.join();
      model::check(account.accepted == account.completed + account.dead_letters + account.discarded,
                   "the account does not come out even");
    }
    model::check(accepted == static_cast<std::uint64_t>(dead + handled_writes), "lost");
  });
}

} // namespace
