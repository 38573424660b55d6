#include "control/refusal_of.hpp"
#include "cpu_time.hpp"
#include "gate.hpp"

#include <atomic>
#include <convoy/convoy.hpp>
#include <gmock/gmock.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using std::chrono::milliseconds;

// ---- capacity

class capacity : public testing::TestWithParam<std::tuple<int, unsigned>> {
protected:
  const int messages = std::get<0>(GetParam());
  const processor<int, int>::options wanted{.capacity = static_cast<std::size_t>(messages),
                                            .partitions = std::get<1>(GetParam())};
  gate held;
  std::atomic<int> handled{0};
  runtime rt{{.concurrency = 1}};
};

TEST_P(capacity, is_exact) {
  processor<int, int> p{rt,
                        [&](int&) {
                          held.pass();
                          ++handled;
                        },
                        wanted};
  for (int i = 0; i < messages; ++i)
    ASSERT_EQ(p.try_submit(i, i), submit_status::accepted) << i;
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(p.try_submit(i, i), submit_status::full) << i;
  held.open();
  p.drain();
  EXPECT_EQ(handled, messages);
}

TEST_P(capacity, is_exact_again_after_much_has_come_and_gone) {
  processor<int, int> p{rt,
                        [&](int& m) {
                          if (m < 0)
                            held.pass();
                          ++handled;
                        },
                        wanted};
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(i, i), submit_status::accepted);
  p.drain();
  for (int i = 0; i < messages; ++i) // waits, if it must, until the last room is given back
    ASSERT_EQ(p.submit(i, -1), submit_status::accepted);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(p.try_submit(i, -1), submit_status::full);
  held.open();
  p.drain();
  EXPECT_EQ(handled, 1'000 + messages);
}

TEST_P(capacity, is_never_exceeded_by_producers_that_compete_for_it) {
  processor<int, int> p{rt,
                        [&](int&) {
                          held.pass();
                          ++handled;
                        },
                        wanted};
  std::atomic<int> accepted{0};
  {
    std::vector<std::jthread> producers;
    for (int t = 0; t < 3; ++t)
      producers.emplace_back([&, t] {
        for (int i = 0; i < 300; ++i)
          if (p.try_submit(1'000 * t + i, i) == submit_status::accepted)
            ++accepted;
      });
  }
  EXPECT_LE(accepted, messages); // a race for the last room may have no winner
  held.open();
  p.drain();
  EXPECT_EQ(handled, accepted);
}

INSTANTIATE_TEST_SUITE_P(of, capacity,
                         testing::Combine(testing::Values(1, 2, 7, 100),
                                          testing::Values(1u, 2u, 8u, 64u)),
                         [](const auto& of) {
                           return std::to_string(std::get<0>(of.param)) + "_in_" +
                                  std::to_string(std::get<1>(of.param)) + "_partitions";
                         });

TEST(submit, leaves_the_message_intact_unless_accepted) {
  runtime rt{{.concurrency = 1}};
  gate held;
  processor<int, std::unique_ptr<int>> p{
      rt, [&](std::unique_ptr<int>&) { held.pass(); }, {.capacity = 2, .key_capacity = 1}};
  auto message = std::make_unique<int>(5);
  ASSERT_EQ(p.try_submit(1, std::move(message)), submit_status::accepted);
  EXPECT_EQ(message, nullptr);
  message = std::make_unique<int>(5);
  EXPECT_EQ(p.try_submit(1, std::move(message)), submit_status::key_full);
  ASSERT_NE(message, nullptr);
  ASSERT_EQ(p.try_submit(2, std::make_unique<int>()), submit_status::accepted);
  EXPECT_EQ(p.try_submit(3, std::move(message)), submit_status::full);
  ASSERT_NE(message, nullptr);
  p.close();
  EXPECT_EQ(p.try_submit(1, std::move(message)), submit_status::closed);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(p.submit(1, std::move(message)), submit_status::closed);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(*message, 5);
  held.open();
}

/// Fills a processor of capacity 4 with messages of key 0, whose handler waits at `held`.
void fill(processor<int, int>& p, gate& held) {
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(p.try_submit(0, i), submit_status::accepted);
  held.await_visitors();
}

TEST(submit, sleeps_while_full_and_goes_on_when_there_is_room_in_any_partition) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::atomic<int> handled{0};
  processor<int, int> p{rt,
                        [&](int&) {
                          held.pass();
                          ++handled;
                        },
                        {.capacity = 4, .partitions = 4}};
  fill(p, held);
  std::atomic<int> accepted{0};
  std::atomic<std::int64_t> cpu_ns{0};
  {
    std::vector<std::jthread> producers;
    for (int key = 1; key <= 16; ++key) // in every partition, and all the room is in key 0's
      producers.emplace_back([&, key] {
        const auto before = cpu_time(CLOCK_THREAD_CPUTIME_ID);
        EXPECT_EQ(p.submit(key, key), submit_status::accepted);
        ++accepted;
        cpu_ns += (cpu_time(CLOCK_THREAD_CPUTIME_ID) - before).count();
      });
    std::this_thread::sleep_for(milliseconds(300)); // what is measured, not a synchronisation
    EXPECT_EQ(accepted, 0);
    held.open();
  }
  EXPECT_EQ(accepted, 16);
  p.drain();
  EXPECT_EQ(handled, 20);
  EXPECT_LT(std::chrono::nanoseconds(cpu_ns / 16), milliseconds(30)); // of 300, had they spun
}

TEST(submit, stops_waiting_when_the_processor_is_closed) {
  runtime rt{{.concurrency = 1}};
  gate held;
  processor<int, int> p{rt, [&](int&) { held.pass(); }, {.capacity = 4}};
  fill(p, held);
  {
    std::vector<std::jthread> producers;
    for (int key = 0; key < 3; ++key)
      producers.emplace_back([&, key] { EXPECT_EQ(p.submit(key, 0), submit_status::closed); });
    std::this_thread::sleep_for(milliseconds(20)); // so that some wait; none needs to
    p.close();
  } // they come back although nothing is finished
  held.open();
}

// ---- key_capacity

TEST(key_capacity, is_exact_and_concerns_no_other_key) {
  runtime rt{{.concurrency = 2}};
  gate held;
  std::atomic<int> others{0};
  processor<int, int> p{rt,
                        [&](const int& key, int&) {
                          if (key == 0)
                            held.pass();
                          else
                            ++others;
                        },
                        {.key_capacity = 3, .partitions = 1}};
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(p.try_submit(0, i), submit_status::accepted);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(p.try_submit(0, i), submit_status::key_full);
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(p.submit(1 + i % 50, i), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return others == 1'000; }));
  EXPECT_EQ(p.try_submit(0, 0), submit_status::key_full);
  held.open();
  p.drain();
  EXPECT_TRUE(eventually([&] { return p.try_submit(0, 0) == submit_status::accepted; }));
}

TEST(key_capacity, is_exact_with_producers_that_compete_for_it) {
  for (int round = 0; round < 50; ++round) {
    runtime rt{{.concurrency = 1}};
    gate held;
    processor<int, int> p{rt, [&](int&) { held.pass(); }, {.key_capacity = 3}};
    std::atomic<int> accepted{0};
    {
      std::vector<std::jthread> producers;
      for (int t = 0; t < 3; ++t)
        producers.emplace_back([&] {
          for (int i = 0; i < 20; ++i)
            if (p.try_submit(0, i) == submit_status::accepted)
              ++accepted;
        });
    }
    EXPECT_EQ(accepted, 3);
    held.open();
  }
}

TEST(key_capacity, makes_submit_wait_for_its_own_key) {
  runtime rt{{.concurrency = 2}};
  gate held;
  std::vector<int> handled;
  processor<int, int> p{rt,
                        [&](int& m) {
                          held.pass();
                          handled.push_back(m);
                        },
                        {.key_capacity = 2}};
  {
    std::atomic<int> accepted{0};
    const std::jthread producer([&] {
      for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(p.submit(0, i), submit_status::accepted);
        ++accepted;
      }
    });
    held.await_visitors();
    EXPECT_TRUE(eventually([&] { return accepted == 2; }));
    std::this_thread::sleep_for(milliseconds(20));
    EXPECT_EQ(accepted, 2);
    held.open();
  }
  p.drain();
  EXPECT_EQ(handled.size(), 100u);
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
}

// ---- inside a handler

TEST(submit_in_a_handler, is_refused_at_once_when_full) {
  runtime rt{{.concurrency = 1}};
  submit_status other_key{};
  submit_status own_key{};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](int&) {
                          other_key = self->submit(1, 1);
                          own_key = self->submit(0, 1);
                        },
                        {.capacity = 1}};
  self = &p;
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(other_key, submit_status::full);
  EXPECT_EQ(own_key, submit_status::full);
}

TEST(submit_in_a_handler, is_refused_at_once_when_its_key_is_full) {
  runtime rt{{.concurrency = 1}};
  submit_status own_key{};
  processor<int, int>* self = nullptr;
  processor<int, int> p{rt,
                        [&](int& m) {
                          if (m == 0)
                            own_key = self->submit(0, 1);
                        },
                        {.key_capacity = 1}};
  self = &p;
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(own_key, submit_status::key_full);
}

TEST(submit_in_a_handler, is_refused_by_a_full_processor_of_another_runtime) {
  runtime one{{.concurrency = 1}};
  runtime other{{.concurrency = 1}};
  gate held;
  processor<int, int> full{other, [&](int&) { held.pass(); }, {.capacity = 1}};
  ASSERT_EQ(full.submit(0, 0), submit_status::accepted);
  submit_status status{};
  processor<int, int> p{one, [&](int&) { status = full.submit(1, 1); }};
  ASSERT_EQ(p.submit(0, 0), submit_status::accepted);
  p.drain();
  EXPECT_EQ(status, submit_status::full);
  held.open();
}

// ---- options

TEST(options, are_refused_out_of_range_with_words) {
  runtime rt{{.concurrency = 1}};
  using tested = processor<int, int>;
  const auto refusal = [&](tested::options wanted) {
    return refusal_of([&] { const tested p{rt, [](int&) {}, std::move(wanted)}; });
  };
  using testing::HasSubstr;
  EXPECT_THAT(refusal({.capacity = 0}), HasSubstr("capacity"));
  EXPECT_THAT(refusal({.capacity = (std::size_t{1} << 31) + 1}), HasSubstr("capacity"));
  EXPECT_THAT(refusal({.partitions = 3}), HasSubstr("partitions"));
  EXPECT_THAT(refusal({.partitions = 2048}), HasSubstr("partitions"));
  EXPECT_THAT(refusal({.batch_limit = 65'536}), HasSubstr("batch_limit"));
  EXPECT_EQ(refusal({.capacity = std::size_t{1} << 31, .partitions = 1024, .batch_limit = 65'535}),
            "accepted");
}

} // namespace
