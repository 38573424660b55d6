#include "gate.hpp"
#include "joint_bank.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <stdexcept>
#include <thread>
#include <vector>

// Joint messages: one message, its turn in each of its keys, all outcomes.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using joint_tests::bank;
using joint_tests::book;
using joint_tests::booked;

#define CONVOY_ACCEPTED(what) ASSERT_EQ(what, submit_status::accepted)

TEST(joint, is_handled_once_with_its_keys_and_states_as_they_were_given) {
  convoy::runtime rt{{.concurrency = 2}};
  std::vector<int> keys;
  bank p{rt, booked, {.partitions = 4, .joint = [&](bank::joint& all, int& m) {
                        for (std::size_t i = 0; i < all.size(); ++i) {
                          keys.push_back(all.key(i));
                          all.state(i).ids.push_back(m);
                        }
                      }}};
  CONVOY_ACCEPTED(p.submit_joint({5, 3, 9, 3}, 1));
  CONVOY_ACCEPTED(p.submit(3, 2));
  CONVOY_ACCEPTED(p.submit_joint({3}, 3));
  p.drain();
  EXPECT_EQ(keys, (std::vector<int>{5, 3, 9, 3, 3}));
  EXPECT_EQ(joint_tests::log_of(p, 3), (std::vector<int>{1, 1, 2, 3}));
  EXPECT_EQ(joint_tests::log_of(p, 9), (std::vector<int>{1}));
  EXPECT_EQ(p.account().accepted, 5u); // log_of() asks, too
  EXPECT_TRUE(p.account().balanced());
}

TEST(joint, waits_for_what_each_of_its_keys_was_given_before_and_holds_what_comes_behind) {
  convoy::runtime rt{{.concurrency = 4}};
  gate first;
  std::atomic<int> behind{0};
  std::atomic<bool> ran{false};
  bank p{rt,
         [&](const int&, int& m, book&) {
           if (m == 1)
             first.pass();
           else if (m == 3) {
             EXPECT_TRUE(ran);
             ++behind;
           }
         },
         {.partitions = 4, .joint = [&](bank::joint&, int&) {
            std::this_thread::sleep_for(2ms);
            ran = true;
          }}};
  CONVOY_ACCEPTED(p.submit(1, 1));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit_joint({1, 2, 3}, 2));
  for (int key = 1; key <= 3; ++key)
    CONVOY_ACCEPTED(p.submit(key, 3));
  CONVOY_ACCEPTED(p.submit(4, 4));
  p.drain(4); // another key does not notice
  EXPECT_FALSE(ran);
  EXPECT_EQ(behind, 0);
  first.open();
  p.drain();
  EXPECT_EQ(behind, 3);
}

// verona-rt#34: a behaviour that needed the same cown twice waited for itself, for ever and in silence.
// And two that need the same ones in another order each wait for the other.
TEST(joint, needs_the_same_key_twice_or_others_in_another_order_and_does_not_wait_for_itself) {
  for (const unsigned partitions : {1u, 2u, 8u}) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> ran{0};
    bank p{rt, booked, {.partitions = partitions, .joint = [&](bank::joint&, int&) { ++ran; }}};
    std::vector<std::thread> submitters;
    for (int t = 0; t < 2; ++t)
      submitters.emplace_back([&p, t] {
        for (int i = 0; i < 500; ++i) {
          const int a = i % 7, b = i % 5;
          const auto status = t == 0 ? p.submit_joint({a, b, a}, i) : p.submit_joint({b, a, b}, i);
          EXPECT_EQ(status, submit_status::accepted);
        }
      });
    for (auto& each : submitters)
      each.join();
    p.drain();
    EXPECT_EQ(ran, 1000);
  }
}

TEST(joint, retries_and_holds_all_of_its_keys_meanwhile) {
  convoy::runtime rt{{.concurrency = 2}};
  std::vector<unsigned> attempts;
  std::atomic<int> behind{0};
  bank p{rt,
         [&](const int&, int&, book&) { ++behind; },
         {.partitions = 4,
          .on_error = [](const int&, const std::exception_ptr&) {},
          .failure = convoy::failure_policy{.attempts = 4, .backoff = 2ms},
          .joint =
              [&](bank::joint& all, int&) {
                EXPECT_EQ(behind, 0);
                attempts.push_back(all.attempt());
                if (attempts.size() == 1)
                  return outcome::retry;
                if (attempts.size() == 2)
                  throw std::runtime_error("not yet");
                return outcome::done;
              }}};
  CONVOY_ACCEPTED(p.submit_joint({1, 2, 3}, 1));
  for (int key = 1; key <= 3; ++key)
    CONVOY_ACCEPTED(p.submit(key, 2));
  p.drain();
  EXPECT_EQ(attempts, (std::vector<unsigned>{1, 2, 3}));
  EXPECT_EQ(behind, 3);
  EXPECT_EQ(p.account().completed, 4u);
}

TEST(joint, parks_and_goes_on_when_any_of_its_keys_is_resumed) {
  for (int resumed = 1; resumed <= 3; ++resumed) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> calls{0};
    std::atomic<int> behind{0};
    bank p{rt,
           [&](const int&, int&, book&) { ++behind; },
           {.partitions = 4, .joint = [&](bank::joint&, int&) {
              return calls++ < 2 ? outcome::park : outcome::done;
            }}};
    CONVOY_ACCEPTED(p.submit_joint({1, 2, 3}, 1));
    for (int key = 1; key <= 3; ++key)
      CONVOY_ACCEPTED(p.submit(key, 2));
    for (int i = 1; i <= 2; ++i) {
      ASSERT_TRUE(eventually([&] { return calls == i && p.parked() == 1; }));
      EXPECT_EQ(behind, 0);
      p.resume(resumed);
    }
    p.drain();
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(behind, 3);
  }
}

TEST(joint, that_is_parked_is_purged_through_any_of_its_keys) {
  for (int purged = 1; purged <= 2; ++purged) {
    convoy::runtime rt{{.concurrency = 2}};
    std::vector<int> dead;
    bank p{rt,
           booked,
           {.partitions = 4,
            .dead_letters =
                [&](bank::dead_letter& letter) {
                  EXPECT_EQ(letter.why, convoy::death::purged);
                  dead.push_back(letter.message);
                },
            .joint = [&](bank::joint&, int&) { return outcome::park; }}};
    CONVOY_ACCEPTED(p.submit_joint({1, 2}, 1));
    ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
    p.purge(purged);
    p.drain();
    EXPECT_EQ(dead, std::vector<int>{1});
    EXPECT_EQ(p.parked(), 0u);
  }
}

TEST(joint, becomes_one_dead_letter_of_its_first_key) {
  convoy::runtime rt{{.concurrency = 2}};
  std::vector<std::vector<int>> dead;
  int errors = 0;
  bank p{rt,
         booked,
         {.partitions = 4,
          .on_error = [&](const int&, const std::exception_ptr&) { ++errors; },
          .dead_letters =
              [&](bank::dead_letter& letter) {
                dead.emplace_back();
                for (const int* key : letter.keys)
                  dead.back().push_back(*key);
                EXPECT_EQ(letter.reason, letter.message == 1 ? "why not" : "");
              },
          .joint = [&](bank::joint&, int& m) -> outcome {
            if (m == 1)
              return outcome::skip.because("why not");
            if (m == 2)
              throw std::runtime_error("no");
            return outcome::fail_rest;
          }}};
  for (int m = 1; m <= 3; ++m)
    CONVOY_ACCEPTED(p.submit_joint({7, 2, 3}, m));
  CONVOY_ACCEPTED(p.submit(2, 4));
  p.drain();
  EXPECT_EQ(dead, std::vector(3, std::vector<int>{7, 2, 3}));
  EXPECT_EQ(errors, 2) << "fail_rest is an error, as what is thrown";
  EXPECT_EQ(joint_tests::log_of(p, 2), std::vector<int>{4}) << "the rest goes on";
  const auto all = p.account();
  EXPECT_EQ(all.dead_letters, 3u);
  EXPECT_TRUE(all.balanced());
}

TEST(joint, waits_while_one_of_its_keys_is_paused) {
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<bool> ran{false};
  bank p{rt, booked, {.partitions = 4, .joint = [&](bank::joint&, int&) { ran = true; }}};
  gate paused;
  p.pause(2, [&] { paused.pass(); });
  paused.await_visitors();
  paused.open();
  CONVOY_ACCEPTED(p.submit_joint({1, 2}, 1));
  CONVOY_ACCEPTED(p.submit(1, 2));
  CONVOY_ACCEPTED(p.submit(3, 3));
  p.drain(3);
  std::this_thread::sleep_for(2ms);
  EXPECT_FALSE(ran);
  p.resume(2);
  p.drain();
  EXPECT_TRUE(ran);
}

/// A purge that comes while it runs is about it, too, if it does not end.
TEST(joint, dies_if_it_stops_when_one_of_its_keys_was_purged) {
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> dead{0};
  gate running;
  bank p{rt,
         booked,
         {.partitions = 4,
          .dead_letters = [&](bank::dead_letter&) { ++dead; },
          .joint =
              [&](bank::joint&, int&) {
                running.pass();
                return convoy::outcome(convoy::outcome::park);
              }}};
  CONVOY_ACCEPTED(p.submit_joint({1, 2, 3}, 1));
  running.await_visitors();
  CONVOY_ACCEPTED(p.submit(2, 2));
  std::atomic<bool> purged{false};
  p.purge(2, [&] { purged = true; });
  running.open();
  ASSERT_TRUE(eventually([&] { return purged.load(); }));
  p.drain();
  EXPECT_EQ(dead, 2);
  EXPECT_TRUE(p.account().balanced());
}

TEST(joint, dies_with_the_waiting_messages_of_a_key_that_is_purged) {
  convoy::runtime rt{{.concurrency = 2}};
  std::atomic<int> dead{0};
  std::atomic<int> ran{0};
  bank p{rt,
         booked,
         {.partitions = 4,
          .dead_letters = [&](bank::dead_letter&) { ++dead; },
          .joint = [&](bank::joint&, int&) { ++ran; }}};
  p.pause(2);
  CONVOY_ACCEPTED(p.submit(2, 1));
  CONVOY_ACCEPTED(p.submit_joint({1, 2}, 2));
  CONVOY_ACCEPTED(p.submit(2, 3));
  CONVOY_ACCEPTED(p.submit(1, 4));
  p.purge(2);
  p.drain();
  EXPECT_EQ(dead, 3);
  EXPECT_EQ(ran, 0);
  p.resume(2);
  CONVOY_ACCEPTED(p.submit_joint({1, 2}, 5));
  p.drain();
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(p.account().balanced());
}

TEST(joint, dies_once_when_the_processor_ends_before_it) {
  for (const bool shuts : {true, false}) {
    convoy::runtime rt{{.concurrency = 2}};
    std::atomic<int> dead{0};
    {
      bank p{
          rt,
          booked,
          {.partitions = 4,
           .dead_letters = [&](bank::dead_letter&) { ++dead; },
           .joint = [&](bank::joint&, int& m) { return m == 1 ? outcome::park : outcome::done; }}};
      CONVOY_ACCEPTED(p.submit_joint({1, 2}, 1));
      CONVOY_ACCEPTED(p.submit_joint({2, 3}, 2));
      p.pause(4);
      CONVOY_ACCEPTED(p.submit_joint({3, 4}, 3));
      CONVOY_ACCEPTED(p.submit(3, 4));
      ASSERT_TRUE(eventually([&] { return p.parked() == 1; }));
      if (shuts) {
        const auto all = p.shutdown(10ms);
        EXPECT_EQ(all.accepted, 4u);
        EXPECT_TRUE(all.balanced());
        EXPECT_EQ(dead, 4);
      }
    }
    EXPECT_GE(dead, 2);
  }
}

TEST(joint, takes_room_for_all_of_its_keys_or_for_none) {
  convoy::runtime rt{{.concurrency = 2}};
  gate first;
  std::atomic<int> ran{0};
  bank p{rt,
         [&](const int&, int&, book&) { first.pass(); },
         {.capacity = 4, .partitions = 4, .joint = [&](bank::joint&, int&) { ++ran; }}};
  CONVOY_ACCEPTED(p.submit(1, 1));
  first.await_visitors();
  EXPECT_EQ(p.try_submit_joint({1, 2, 3, 4}, 2), submit_status::full);
  CONVOY_ACCEPTED(p.try_submit_joint({1, 2, 3}, 2));
  EXPECT_EQ(p.try_submit(5, 3), submit_status::full);
  std::thread waits([&] { EXPECT_EQ(p.submit_joint({1, 5, 6, 7}, 3), submit_status::accepted); });
  first.open();
  waits.join();
  p.drain();
  EXPECT_EQ(ran, 2);
  p.close();
  EXPECT_EQ(p.submit_joint({1, 2}, 4), submit_status::closed);
  EXPECT_EQ(p.account().accepted, 3u);
  EXPECT_TRUE(p.account().balanced());
}

TEST(joint, counts_for_the_limits_of_all_of_its_keys_or_of_none) {
  convoy::runtime rt{{.concurrency = 2}};
  gate first;
  bank p{rt,
         [&](const int&, int&, book&) { first.pass(); },
         {.key_capacity = 2, .partitions = 4, .joint = [&](bank::joint&, int&) {}}};
  CONVOY_ACCEPTED(p.submit(1, 1));
  first.await_visitors();
  CONVOY_ACCEPTED(p.submit(1, 2));
  for (int i = 0; i < 3; ++i) // leaves nothing in the others
    EXPECT_EQ(p.try_submit_joint({2, 3, 1}, 3), submit_status::key_full);
  CONVOY_ACCEPTED(p.try_submit_joint({2, 3}, 3));
  first.open();
  p.drain();
  for (int i = 0; i < 4; ++i)
    CONVOY_ACCEPTED(p.submit_joint({2, 3, 1}, 3));
  p.drain();
  EXPECT_TRUE(p.account().balanced());
}

TEST(joint, keeps_its_place_when_others_are_put_before_all) {
  convoy::runtime rt{{.concurrency = 2}};
  bank p{rt, booked, {.partitions = 4, .joint = [&](bank::joint& all, int& m) {
                        for (std::size_t i = 0; i < all.size(); ++i)
                          all.state(i).ids.push_back(m);
                      }}};
  p.pause(1);
  CONVOY_ACCEPTED(p.submit(1, 3));
  CONVOY_ACCEPTED(p.submit_joint({1, 2}, 4));
  CONVOY_ACCEPTED(p.submit(1, 5));
  CONVOY_ACCEPTED(p.submit_joint({1, 2}, 6));
  CONVOY_ACCEPTED(p.submit(1, 7));
  CONVOY_ACCEPTED(p.submit(1, 8));
  std::vector<int> before{1, 2};
  EXPECT_EQ(p.resubmit(1, before, convoy::place::before).accepted, 2u);
  p.resume(1);
  p.drain();
  EXPECT_EQ(joint_tests::log_of(p, 1), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(joint_tests::log_of(p, 2), (std::vector<int>{4, 6}));
}

TEST(joint, is_refused_with_too_many_keys_none_or_nobody_to_handle_it) {
  convoy::runtime rt{{.concurrency = 1}};
  bank with{rt, booked, {.capacity = 8, .partitions = 4, .joint = [](bank::joint&, int&) {}}};
  const std::vector<int> none, nine{1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_THROW((void)with.submit_joint(none, 1), std::invalid_argument);
  EXPECT_THROW((void)with.submit_joint(nine, 1), std::invalid_argument);
  EXPECT_THROW((void)with.submit_joint(std::vector<int>(17), 1), std::invalid_argument);
  CONVOY_ACCEPTED(with.submit_joint(std::vector<int>(16), 1));
  bank without{rt, booked};
  EXPECT_THROW((void)without.submit_joint({1, 2}, 1), std::logic_error);
  EXPECT_EQ(without.account().accepted, 0u);
}

} // namespace
