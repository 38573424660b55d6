#include "gate.hpp"

#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <functional>
#include <gmock/gmock.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Corners where two things that can be asked of a key meet. Each of these went wrong once; what went
// wrong stands above the test.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::outcome;
using convoy::place;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using testing::ElementsAre;

using numbers = processor<int, int>;

// Messages put before others while their lane was out were counted when it came back: drain() and the
// destructor had gone by then, and fences behind them were early.
TEST(put_before, a_running_lane_is_waited_for_by_drain_fence_and_purge) {
  for (const bool purged : {false, true}) {
    runtime rt{{.concurrency = 1}};
    gate held;
    std::vector<int> seen;
    std::atomic<int> at_the_fence{-1};
    numbers p{rt,
              [&](int& m) {
                if (m == 0)
                  held.pass();
                else
                  std::this_thread::sleep_for(5ms);
                seen.push_back(m);
              },
              {.partitions = 1, .quantum_messages = 1}};
    ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
    held.await_visitors();
    std::vector<int> before{-2, -1};
    ASSERT_EQ(p.resubmit(1, before, place::before).accepted, 2u);
    if (purged)
      p.purge(1);
    p.fence(1, [&] { at_the_fence = static_cast<int>(seen.size()); });
    held.open();
    p.drain();
    if (purged) {
      EXPECT_LE(seen.size(), 2u); // a worker may have been handed one
      EXPECT_EQ(seen.size() + p.dead_letters(), 3u);
    } else {
      EXPECT_THAT(seen, ElementsAre(0, -2, -1));
      p.drain(1);
      EXPECT_TRUE(eventually([&] { return at_the_fence != -1; }));
      EXPECT_EQ(at_the_fence, 3);
    }
    EXPECT_TRUE(p.shutdown(1h).balanced());
  }
}

// The last part of the fence could end on the caller's thread, which is no worker.
TEST(fence, of_all_keys_may_be_passed_before_the_call_returns) {
  runtime rt{{.concurrency = 2}};
  numbers p{rt, [](int&) {}, {.partitions = 1}};
  std::atomic<int> passed{0};
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(p.submit(i, i), submit_status::accepted);
    p.fence([&] { ++passed; });
  }
  EXPECT_TRUE(eventually([&] { return passed == 20'000; }));
}

// A lane that comes back from its eviction has no messages, and no entry among the limits.
TEST(lane_state, goes_where_keys_have_limits) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> evicted{0};
  processor<int, int, int> p{
      rt,
      [](int&, int&) {},
      {.key_capacity = 10,
       .state = {.idle = 1ms, .on_evict = [&](const int&, int&) { ++evicted; }}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return evicted == 1; }));
}

// A batch that was not full when the processor ended was handed out empty, for ever.
TEST(linger, ends_with_its_processor) {
  runtime rt{{.concurrency = 2}};
  for (int run = 0; run < 50; ++run) {
    std::atomic<int> handled{0};
    {
      numbers p{rt,
                [&](const int&, std::span<int> all) {
                  EXPECT_FALSE(all.empty());
                  handled += static_cast<int>(all.size());
                },
                {.batch_limit = 10, .linger = 1ms}};
      for (int i = 0; i < 333; ++i)
        ASSERT_EQ(p.submit(i % 7, i), submit_status::accepted);
    }
    EXPECT_EQ(handled, 333);
  }
}

struct order {
  std::string id;
};

} // namespace

template <>
struct convoy::message_traits<order> {
  static std::optional<std::string> id(const order& o) { return o.id; } // by value
};

namespace {

// The handler may move from its message; the id is known all the same.
TEST(duplicates, are_known_by_ids_that_traits_return_by_value) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> handled{0};
  processor<int, order> p{rt,
                          [&](order& o) {
                            const auto gone = std::move(o);
                            ++handled;
                          },
                          {.duplicates = convoy::duplicates{}}};
  const std::string id = "an id that does not fit into the string itself";
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(p.submit(1, order{id}), i == 0 ? submit_status::accepted : submit_status::duplicate);
    p.drain();
  }
  EXPECT_EQ(handled, 1);
}

// Its id stayed taken, though nothing was ever handled.
TEST(duplicates, forget_what_is_cancelled) {
  runtime rt{{.concurrency = 1}};
  using message = convoy::envelope<int, int>;
  processor<int, message> p{rt, [](message&) {}, {.duplicates = convoy::duplicates{}}};
  auto later = p.submit_after(1, 1h, {.message = 1, .id = 7});
  EXPECT_EQ(p.submit(1, {.message = 1, .id = 7}), submit_status::duplicate);
  EXPECT_TRUE(later.cancel());
  EXPECT_TRUE(eventually([&] { return p.scheduled_messages() == 0; }));
  EXPECT_EQ(p.submit(1, {.message = 1, .id = 7}), submit_status::accepted);
}

TEST(scheduled_messages, give_their_room_back) {
  runtime rt{{.concurrency = 1}};
  numbers p{rt, [](int&) {}, {.capacity = 4}};
  for (int i = 0; i < 100; ++i) {
    auto cancelled = p.submit_after(1, 1h, 1);
    const auto handled = p.submit_after(1, 100us, 2);
    ASSERT_EQ(cancelled.status(), submit_status::accepted);
    ASSERT_EQ(handled.status(), submit_status::accepted);
    EXPECT_TRUE(cancelled.cancel());
  }
  EXPECT_TRUE(eventually([&] { return p.scheduled_messages() == 0; }));
  p.drain();
  const auto account = p.shutdown(1h);
  EXPECT_EQ(account.discarded, 100u);
  EXPECT_EQ(account.completed, 100u);
}

struct fragile_with_id {
  int id = 0;
  bool breaks = false;
  fragile_with_id(int its_id, bool copies_throw) : id(its_id), breaks(copies_throw) {}
  fragile_with_id(fragile_with_id&&) noexcept = default;
  fragile_with_id(const fragile_with_id& other) : id(other.id) {
    if (other.breaks)
      throw std::runtime_error("copied");
  }
  ~fragile_with_id() = default;
};

} // namespace

template <>
struct convoy::message_traits<fragile_with_id> {
  static std::optional<int> id(const fragile_with_id& f) { return f.id; }
};

namespace {

TEST(duplicates, forget_what_could_not_be_copied) {
  runtime rt{{.concurrency = 1}};
  processor<int, fragile_with_id> p{
      rt, [](fragile_with_id&) {}, {.duplicates = convoy::duplicates{}}};
  const fragile_with_id breaks{7, true}, holds{7, false};
  EXPECT_THROW((void)p.submit(1, breaks), std::runtime_error);
  EXPECT_EQ(p.submit(1, holds), submit_status::accepted);
  EXPECT_EQ(p.submit(1, holds), submit_status::duplicate);
}

// The sweep planned the next look for at once, again and again, under the lock.
TEST(rates, that_are_very_high_do_no_harm) {
  runtime rt{{.concurrency = 1}};
  numbers p{rt, [](int&) { return outcome::park; }, {.rate = {.per_second = 1e10}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return p.parked() == 1; }));
  p.resume(1);
  EXPECT_TRUE(p.shutdown(1ms).balanced());
}

// It was beyond the time at which the end makes everything due.
TEST(shutdown, ends_what_is_scheduled_for_the_end_of_time) {
  runtime rt{{.concurrency = 1}};
  numbers p{rt, [](int&) {}};
  ASSERT_EQ(p.submit_at(1, std::chrono::steady_clock::time_point::max(), 1).status(),
            submit_status::accepted);
  const auto account = p.shutdown(1ms);
  EXPECT_EQ(account.dead_letters, 1u);
  EXPECT_TRUE(account.balanced());
}

// Stop was requested of those that had asked for a token before, and nobody looked again.
TEST(shutdown, stops_a_handler_that_asks_for_its_token_afterwards) {
  runtime rt{{.concurrency = 1}};
  gate begun;
  std::atomic<bool> late{false};
  numbers p{rt, [&](numbers::context& c, int&) {
              begun.open();
              while (!late)
                std::this_thread::yield();
              const auto stop = c.stop_token();
              EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
            }};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  begun.pass();
  std::thread ending([&] { EXPECT_TRUE(p.shutdown(1ms).balanced()); });
  std::this_thread::sleep_for(30ms);
  late = true;
  ending.join();
}

// The letter that the sink had refused took those that were put before it along.
TEST(redrive, before_a_letter_that_was_refused_has_its_messages_handled) {
  runtime rt{{.concurrency = 1}};
  convoy::dead_letter_store<int, int> store{{.capacity = 2, .when_full = convoy::store_full::park}};
  std::vector<int> seen;
  std::atomic<bool> mended{false};
  numbers p{rt,
            [&](int& m) {
              if (!mended)
                return outcome::skip;
              seen.push_back(m);
              return outcome::done;
            },
            {.dead_letters = std::ref(store)}};
  for (const int m : {1, 2, 3, 4})
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return p.parked() == 1; })); // the store is full: 3 can't die
  mended = true;
  EXPECT_EQ(store.redrive(p, 1, place::before).accepted, 2u);
  p.resume(1);
  p.drain();
  EXPECT_THAT(seen, ElementsAre(1, 2, 4)); // and 3 is dead by then
  EXPECT_EQ(store.size(), 1u);
  EXPECT_TRUE(p.shutdown(1h).balanced());
}

// The marker's exception left through code that must not throw.
TEST(callbacks, that_throw_are_contained) {
  runtime rt{{.concurrency = 1}};
  std::atomic<int> reported{0};
  numbers p{
      rt,
      [](int& m) { return m == 1 ? outcome::fail_rest : outcome::park; },
      {.on_error = [&](const int&, const std::exception_ptr&) { ++reported; },
       .dead_letters = [](auto&) { throw std::runtime_error("sink"); },
       .marker = [](const int&) -> bool { throw std::runtime_error("marker"); },
       .on_parked = [](const int&,
                       const std::exception_ptr&) { throw std::runtime_error("on_parked"); }}};
  p.pause(1);
  for (const int m : {1, 2})
    ASSERT_EQ(p.submit(1, m), submit_status::accepted);
  p.resume(1);
  p.drain();
  ASSERT_EQ(p.submit(2, 3), submit_status::accepted);
  EXPECT_TRUE(eventually([&] { return p.parked() == 1; }));
  EXPECT_TRUE(eventually([&] { return reported == 2; })) << reported;
  EXPECT_TRUE(p.shutdown(1ms).balanced());
  EXPECT_THROW((numbers{rt, [](int&) {}, {.exceptions = {{nullptr, {}}}}}), std::invalid_argument);
}

/// Each void ticket that left the ring once had all requests looked at that were still to come: a drainer
/// that had been held up for a while never caught up with a thread that resumed keys in a loop, and the
/// list grew without end.
TEST(requests, many_are_served_in_a_time_that_grows_with_their_number) {
  runtime rt{{.concurrency = 1}};
  gate held;
  std::atomic<int> handled{0};
  processor<int, int> p{rt,
                        [&](int& m) {
                          if (m == 0)
                            held.pass();
                          ++handled;
                        },
                        {.request_capacity = 1 << 20}};
  ASSERT_EQ(p.submit(1, 0), submit_status::accepted);
  held.await_visitors(1);
  for (int i = 0; i < 300'000; ++i)
    p.resume(1); // squared it would be minutes
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  held.open();
  p.drain();
  EXPECT_EQ(handled, 2);
}

} // namespace
