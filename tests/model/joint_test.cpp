// Joint messages on the model: two of them on two keys of two partitions, beside others.

#include "pipeline.hpp"

#include <chrono>
#include <convoy/convoy.hpp>

namespace {

using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::detail::thread;
using model::check;
using model::expect_works;
using model::history;

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
    expect_works(partitions == 2 ? 3000 : 800, [partitions] {
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
    expect_works(2000, [parks] {
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

TEST(joint, dies_once_at_the_end) {
  expect_works(1500, [] {
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
