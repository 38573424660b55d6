// Threads that wait for room, several at once: in a full processor, for a full key, and for credit that another
// partition has.

#include "convoy/detail/ds/event_count.hpp"
#include "convoy/detail/partition/room_notifier.hpp"
#include "pipeline.hpp"
#include "protocols.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::detail::atomic;
using convoy::detail::event_count;
using convoy::detail::room_notifier;
using convoy::detail::thread;
using model::expect_works;
using model::handled;
using model::history;

/// Three producers with two messages each, of a key of its own.
void expect_all_to_come_in(std::uint64_t runs, std::size_t capacity, unsigned partitions) {
  expect_works(runs, [=] {
    history seen[3];
    atomic<int> unfinished{0};
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{rt,
                            [&](const int& key, int& m) {
                              unfinished.fetch_sub(1, std::memory_order_relaxed);
                              seen[key].see(m);
                            },
                            {.capacity = capacity, .partitions = partitions}};
      const auto produce = [&](int key) {
        for (int i = 1; i <= 2; ++i) {
          model::must_submit(p, key, i);
          const auto now = unfinished.fetch_add(1, std::memory_order_relaxed) + 1;
          model::check(now <= static_cast<int>(capacity), "more than there is room for");
        }
      };
      thread second([&] { produce(1); }), third([&] { produce(2); });
      produce(0);
      second.join();
      third.join();
    }
    for (const auto& each : seen)
      model::check(each.handled == 2, "lost");
  });
}

/// Whoever is woken may find the place taken: then the next one must be told.
TEST(waiters, three_for_one_place) {
  expect_all_to_come_in(500, 1, 1);
}

TEST(waiters, three_for_two_places) {
  expect_all_to_come_in(400, 2, 1);
}

/// A place of a key is of no use to who waits for another key: all must be told, or the one who is told goes
/// back to sleep. Here it sleeps until the other one has come in.
TEST(waiters, for_their_keys) {
  expect_works(400, [] {
    history seen[2];
    handled second;
    {
      runtime rt{{.concurrency = 2}};
      processor<int, int> p{rt,
                            [&](const int& key, int& m) {
                              seen[key].see(m);
                              if (key == 0 && m == 1)
                                second.wait_for(1);
                              else if (key == 1 && m == 2)
                                second.one_more();
                            },
                            {.capacity = 64, .key_capacity = 1, .partitions = 1}};
      const auto produce = [&](int key) {
        for (int i = 1; i <= 2; ++i)
          model::must_submit(p, key, i);
      };
      thread other([&] { produce(1); });
      produce(0);
      other.join();
    }
    model::check(seen[0].handled == 2 && seen[1].handled == 2, "lost");
  });
}

/// Credit on its way from one partition to another might be lost, be there twice, or look like none.
TEST(waiters, for_credit_of_another_partition) {
  expect_all_to_come_in(400, 1, 2);
}

TEST(waiters, for_credit_of_two_partitions) {
  expect_all_to_come_in(400, 2, 2);
}

/// Credit that one of them holds while it looks for more must not look to the other as if there were none.
TEST(waiters, two_partitions_borrow_at_once) {
  expect_works(1'500, [] {
    constexpr unsigned partitions = 4;
    const auto key_of = [](std::uint64_t partition) {
      int key = 0;
      while ((convoy::detail::scatter(std::hash<int>{}(key)) >> 48) % partitions != partition)
        ++key;
      return key;
    };
    const int first = key_of(0), second = key_of(1);
    handled goes_on;
    runtime rt{{.concurrency = 1}};
    processor<int, int> p{
        rt, [&](int&) { goes_on.wait_for(1); }, {.capacity = 4, .partitions = partitions}};
    model::must_submit(p, first, 1);
    model::must_submit(p, second, 1);
    bool accepted = false; // there is room for both
    thread other([&] { accepted = p.try_submit(second, 2) == submit_status::accepted; });
    model::check(p.try_submit(first, 2) == submit_status::accepted, "full, says one");
    other.join();
    model::check(accepted, "full, says the other");
    goes_on.one_more();
  });
}

/// Two producers of one key: it might take more than it may hold, or count one that was refused.
TEST(waiters, two_for_one_key) {
  expect_works(500, [] {
    int last[2] = {0, 0};
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int>* self = nullptr;
      processor<int, int> p{rt,
                            [&](int& m) {
                              model::check(m % 10 > last[m / 10], "out of order");
                              last[m / 10] = m % 10;
                              const int more = 0; // this one is not finished, and the key holds one
                              model::check(self->try_submit(1, more) != submit_status::accepted,
                                           "more than its key may hold");
                            },
                            {.capacity = 64, .key_capacity = 1, .partitions = 1}};
      self = &p;
      const auto produce = [&](int who) {
        for (int i = 1; i <= 2; ++i)
          model::must_submit(p, 1, 10 * who + i);
      };
      thread other([&] { produce(1); });
      produce(0);
      other.join();
    }
    model::check(last[0] == 2 && last[1] == 2, "lost");
  });
}

/// What is scheduled takes its credit from wherever there is some, and gives it back.
TEST(waiters, scheduled_against_submitted) {
  expect_works(500, [] {
    history seen[2];
    {
      runtime rt{{.concurrency = 1}};
      processor<int, int> p{
          rt, [&](const int& key, int& m) { seen[key].see(m); }, {.capacity = 1, .partitions = 2}};
      thread other([&] {
        const auto made = p.submit_after(1, std::chrono::microseconds(100), 1);
        model::check(made.status() == submit_status::accepted, "refused");
      });
      for (int i = 1; i <= 2; ++i)
        model::must_submit(p, 0, i);
      other.join();
      while (p.scheduled_messages() != 0)
        convoy::detail::sleep_for(std::chrono::microseconds(50));
    }
    model::check(seen[0].handled == 2 && seen[1].handled == 1, "lost");
  });
}

/// A full ring, which says so, and its credit.
struct full_ring {
  atomic<int> credit{0};

  [[nodiscard]] bool has_more_room_than_messages() const { return false; }
  [[nodiscard]] bool take() {
    auto now = credit.load(std::memory_order_relaxed);
    while (now != 0)
      if (credit.compare_exchange_strong(now, now - 1, std::memory_order_relaxed,
                                         std::memory_order_relaxed))
        return true;
    return false;
  }
};

/// While room is scarce one thread is woken for two places: the one that nobody was told of must be told when
/// the partition comes to rest.
TEST(room_notifier, tells_in_the_end) {
  model::expect_holds(
      [] {
        event_count room;
        room_notifier notice(room, 32, false);
        full_ring ring;
        const auto take = [&] { room.wait([&] { return ring.take(); }); };
        model::at_once({take, take, [&] {
                          ring.credit.fetch_add(2, std::memory_order_seq_cst);
                          notice.add(2);
                          notice.tell(ring, false);
                          notice.tell(ring, true);
                        }});
      },
      {.preemptions = 1});
}

} // namespace
