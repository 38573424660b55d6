// Joint messages on the model: two of them on two keys of two partitions, beside others.

#include "pipeline.hpp"
#include "protocols.hpp"
#include "ring.hpp"

#include <chrono>
#include <convoy/convoy.hpp>
#include <initializer_list>
#include <mutex>

namespace {

using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::detail::thread;
using model::check;
using model::expect_works;
using model::history;

using model::at_once;
using model::expect_holds;

// ---- the words ----

TEST(joint_words, memory_comes_back_to_one_who_may_write_it) {
  expect_holds([] {
    convoy::detail::joint_memory memory;
    struct piece {
      int* next;
      int number;
    };
    void* const first = memory.take(sizeof(piece));
    void* const second = memory.take(sizeof(piece));
    static_cast<piece*>(first)->number = static_cast<piece*>(second)->number = 0;
    at_once({[&] {
               static_cast<piece*>(first)->number = 1;
               memory.give_back(first);
             },
             [&] {
               static_cast<piece*>(second)->number = 2;
               memory.give_back(second);
             },
             [&] {
               void* const mine = memory.take(sizeof(piece));
               static_cast<piece*>(mine)->number = 3;
               memory.give_back(mine);
             }});
  });
}

/// Twice: as the message stops in between, its lanes go back to their drainers.
TEST(joint_words, who_arrives_last_has_all_lanes) {
  struct request {
    request* link = nullptr;
  };
  struct lane {
    lane* link = nullptr;
    int touched = 0; // plain
  };
  expect_holds([] {
    lane lanes[2];
    convoy::detail::inbox<lane, request> returned[2];
    convoy::detail::arrivals_left missing;
    missing.arm(2);
    int runs = 0; // plain
    const auto arrive = [&](int i) {
      ++lanes[i].touched;
      if (!missing.arrive(false))
        return;
      ++runs;
      for (auto& each : lanes)
        ++each.touched;
      if (runs == 2)
        return;
      missing.arm(2);
      for (int to = 0; to < 2; ++to)
        returned[to].give_back(lanes[to]);
    };
    const auto drainer = [&](int i) {
      arrive(i);
      for (int looks = 0; looks < 2; ++looks)
        returned[i].take_lanes([&](lane&) { arrive(i); });
    };
    at_once({[&] { drainer(0); }, [&] { drainer(1); }});
    for (int i = 0; i < 2; ++i)
      returned[i].take_lanes([&](lane&) { arrive(i); });
    check(runs == 2 && lanes[0].touched == 4 && lanes[1].touched == 4, "lost or twice");
  });
}

/// A message as its producers and drainers see it.
struct alignas(64) joint_record {
  int number = 0; // plain
  int hash = 0;   // likewise, and not written any more
  convoy::detail::arrivals_left missing;
  int lanes[2] = {}; // plain: each its drainer's, then the last one's
};

/// Two producers, two rings: tickets are taken under the locks of both, in ascending order.
TEST(joint_words, two_messages_have_the_same_order_in_two_rings) {
  expect_holds(
      [] {
        model::ring rings[2]{model::ring(64), model::ring(64)};
        convoy::detail::mutex locks[2];
        for (auto& each : rings)
          (void)each.grow(8);
        joint_record records[2];
        const auto submit = [&](int m) {
          auto& mine = records[m];
          std::uint64_t tickets[2];
          {
            const std::lock_guard first(locks[0]);
            const std::lock_guard second(locks[1]);
            mine.number = mine.hash = m + 1;
            mine.missing.arm(2);
            for (int i = 0; i < 2; ++i)
              tickets[i] = rings[i].claim();
            for (std::uint32_t i = 0; i < 2; ++i)
              rings[i].publish_place(rings[i].at(tickets[i]), tickets[i], &mine, i);
          }
        };
        int order[2][2] = {};
        int seen[2] = {};
        int runs = 0;
        const auto drain = [&](std::uint32_t i) {
          while (rings[i].peek() == model::ring::state::place) {
            if (const auto next = rings[i].place_ahead(1); next.message != nullptr)
              check(static_cast<joint_record*>(next.message)->hash != 0, "not there yet");
            const auto [message, number] = rings[i].place();
            auto& its = *static_cast<joint_record*>(message);
            check(number == i, "another place");
            order[i][seen[i]++] = its.number;
            its.lanes[i] = 1;
            if (its.missing.arrive(false)) {
              check(its.lanes[0] + its.lanes[1] == 2, "before it was its turn");
              its.number = 0;
            }
            rings[i].consume_place();
          }
        };
        at_once({[&] { submit(0); }, [&] { submit(1); }, [&] { drain(0); }});
        drain(0);
        drain(1);
        for (const auto& each : records)
          runs += each.number == 0;
        check(seen[0] == 2 && seen[1] == 2 && runs == 2, "lost");
        check(order[0][0] == order[1][0], "two orders");
      },
      {.preemptions = 2});
}

/// As for explain(): places that are not the next ones.
TEST(joint_words, who_looks_ahead_sees_what_was_published) {
  expect_holds([] {
    model::ring r(64);
    (void)r.grow(8);
    joint_record record;
    at_once({[&] {
               const auto ticket = r.claim();
               record.hash = 1; // as what is known with the tickets alone
               r.publish_place(r.at(ticket), ticket, &record, 0);
             },
             [&] {
               (void)r.look_ahead(2, [](const auto& its) {
                 check(static_cast<joint_record*>(its.message)->hash == 1, "not there yet");
               });
             }});
  });
}

/// A place is counted as it was when it is consumed.
TEST(joint_words, what_is_accepted_never_falls) {
  expect_holds([] {
    model::ring r(64);
    (void)r.grow(8);
    joint_record record;
    for (std::uint32_t i = 0; i < 2; ++i) {
      const auto ticket = r.claim();
      r.publish_place(r.at(ticket), ticket, &record, i);
    }
    at_once({[&] {
               while (r.peek() == model::ring::state::place)
                 r.consume_place();
             },
             [&] {
               check(r.messages() == 1, "counted otherwise");
               check(r.messages() == 1, "counted otherwise");
             }});
  });
}

TEST(joint_words, a_cell_is_no_place_any_more_when_it_has_another_ticket) {
  expect_holds([] {
    model::ring r(64);
    joint_record record;
    const void* first = nullptr;
    bool comes_again = false;
    for (int i = 0; i < 48; ++i) {
      (void)r.grow(1);
      const auto ticket = r.claim();
      check(ticket != r.no_ticket, "no room");
      check(r.peek() == model::ring::state::pending, "the place of a ticket before");
      r.publish_place(r.at(ticket), ticket, &record, 1);
      check(r.peek() == model::ring::state::place, "none");
      comes_again |= first == &r.current();
      if (i == 0)
        first = &r.current();
      r.consume_place();
      r.recycle();
    }
    check(comes_again, "no cell had two tickets");
  });
}

// ---- the whole ----

using pair_of_keys = processor<int, int>;

void must_join(pair_of_keys& p, std::initializer_list<int> keys, int m) {
  check(p.submit_joint(keys, m) == convoy::submit_status::accepted, "refused");
}

/// Keys of different partitions, of two.
constexpr int joint_a = 0, joint_b = 1;

/// What was handled of two keys; plain memory, so that handlers that overlap are data races.
struct two_logs {
  int of[2][8] = {};
  int size[2] = {};

  void see(int key, int m) { of[key][size[key]++] = m; }
  [[nodiscard]] int place(int key, int m) const {
    for (int i = 0; i < size[key]; ++i)
      if (of[key][i] == m)
        return i;
    check(false, "lost");
    return -1;
  }
};

TEST(joint, one_order_in_all_keys_beside_others) {
  for (const unsigned partitions : {2u, 1u})
    expect_works(partitions == 2 ? 1500 : 400, [partitions] {
      two_logs seen;
      {
        runtime rt{{.concurrency = 2}};
        pair_of_keys p{rt,
                       [&](const int& key, int& m) { seen.see(key, m); },
                       {.capacity = 64, .partitions = partitions, .joint = [&](auto& keys, int& m) {
                          for (std::size_t i = 0; i < keys.size(); ++i)
                            seen.see(keys.key(i), m);
                        }}};
        thread other([&] {
          must_join(p, {joint_b, joint_a}, 11);
          model::must_submit(p, joint_b, 12);
        });
        model::must_submit(p, joint_a, 1);
        must_join(p, {joint_a, joint_b}, 2);
        other.join();
        p.drain();
      }
      check(seen.size[0] == 3 && seen.size[1] == 3, "lost or twice");
      check((seen.place(0, 2) < seen.place(0, 11)) == (seen.place(1, 2) < seen.place(1, 11)),
            "two orders");
      check(seen.place(0, 1) < seen.place(0, 2), "one of its key was before it");
      check(seen.place(1, 11) < seen.place(1, 12), "one of its key was behind it");
    });
}

TEST(joint, retries_and_parks_with_all_of_its_keys) {
  for (const bool parks : {false, true})
    expect_works(900, [parks] {
      history seen[2];
      int failures = 0;
      {
        runtime rt{{.concurrency = 2}};
        pair_of_keys p{
            rt,
            [&](const int& key, int& m) { seen[key].see(m); },
            {.capacity = 64, .partitions = 2, .joint = [&](auto& keys, int& m) -> outcome {
               if (failures++ == 0)
                 return parks ? outcome::park
                              : outcome::retry_after(std::chrono::microseconds(200));
               for (std::size_t i = 0; i < keys.size(); ++i)
                 seen[keys.key(i)].see(m);
               return outcome::done;
             }}};
        must_join(p, {joint_a, joint_b}, 1);
        thread other([&] { p.resume(joint_b); });
        model::must_submit(p, joint_a, 2);
        model::must_submit(p, joint_b, 2);
        other.join();
        if (parks)
          p.resume(joint_b);
        p.drain();
      }
      check(seen[0].handled == 2 && seen[1].handled == 2, "lost");
    });
}

/// Asked for while it runs, or has parked, by whichever of its keys: either it does not park or it goes on.
TEST(joint, resumed_as_it_parks) {
  for (const int key : {joint_a, joint_b})
    expect_works(400, [key] {
      int attempts = 0;
      {
        model::handled begun;
        runtime rt{{.concurrency = 2}};
        pair_of_keys p{rt,
                       [](int&) {},
                       {.capacity = 64, .partitions = 2, .joint = [&](auto&, int&) -> outcome {
                          begun.one_more();
                          return attempts++ == 0 ? outcome::park : outcome::done;
                        }}};
        must_join(p, {joint_a, joint_b}, 1);
        begun.wait_for(1);
        p.resume(key);
        p.drain();
      }
      check(attempts == 2, "lost or twice");
    });
}

TEST(joint, dies_once_at_the_end) {
  expect_works(600, [] {
    int handled = 0, dead = 0;
    {
      runtime rt{{.concurrency = 2}};
      pair_of_keys p{rt,
                     [&](int&) {},
                     {.capacity = 64,
                      .partitions = 2,
                      .dead_letters = [&](auto&) { ++dead; },
                      .joint = [&](auto&, int&) -> outcome {
                        ++handled;
                        return outcome::park;
                      }}};
      thread other([&] { must_join(p, {joint_a, joint_b}, 1); });
      other.join();
      const auto account =
          p.shutdown(convoy::detail::clock::now() + std::chrono::microseconds(400));
      check(account.accepted == 1 && account.balanced(), "the account does not come out even");
    }
    check(dead == 1 && handled <= 1, "lost or twice");
  });
}

} // namespace
