#include "gate.hpp"
#include "insight/with_insight.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What a processor says about itself.

namespace {

using namespace std::chrono_literals;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using time_point = std::chrono::steady_clock::time_point;

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

TEST(snapshot, without_insight_has_counts) {
  runtime rt;
  processor<int, int> p{rt, [](int&) {}};
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(p.submit(i % 7, i), submit_status::accepted);
  p.drain();
  const auto is = p.snapshot();
  EXPECT_EQ(is.accepted, 100u);
  EXPECT_EQ(is.finished, 100u);
  EXPECT_EQ(is.backlog, 0u);
  EXPECT_EQ(is.window, 0ns);
  EXPECT_TRUE(is.hottest.empty());
  EXPECT_TRUE(rt.snapshot().empty());
}

TEST(snapshot, tells_time_from_number) {
  runtime rt{{.concurrency = 4}};
  processor<std::string, int> p{
      rt, [](int& us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); },
      with_insight(300ms)};
  for (int i = 0; i < 40; ++i) { // a sleep may take a millisecond more
    ASSERT_EQ(p.submit("many", 100), submit_status::accepted);
    if (i % 4 != 0) {
      ASSERT_EQ(p.submit("slow", 8'000), submit_status::accepted);
    }
  }
  ASSERT_TRUE(eventually([&] { return p.snapshot().window != 0ns; }));
  const auto is = p.snapshot();
  EXPECT_EQ(is.name, "orders");
  EXPECT_EQ(is.workers, 4u);
  ASSERT_EQ(is.hottest.size(), 2u);
  EXPECT_EQ(is.hottest.front().label, "slow");
  EXPECT_GE(is.hottest.front().handler_time, 4ms);
  EXPECT_LE(is.hottest.front().low, is.hottest.front().share);
  EXPECT_GE(is.hottest.front().high, is.hottest.front().share);
  EXPECT_EQ(is.most.front().label, "many");
  EXPECT_EQ(is.costliest.front().label, "slow");
  EXPECT_GT(is.efficiency, 0.5);
  EXPECT_NEAR(is.speedup_ceiling, 1 / is.hottest.front().share, 0.01);
  EXPECT_GT(is.finished_per_second, 100);
  EXPECT_GT(is.handler.p99, 3ms);
  EXPECT_GT(is.latency.p99, is.handler.p99);
  const auto all = rt.snapshot();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.front().name, "orders");
  p.drain();
}

TEST(snapshot, keeps_keys_private_by_default) {
  runtime rt;
  options wanted = with_insight(10ms);
  wanted.insight.label = {};
  processor<std::string, int> p{rt, [](int&) { std::this_thread::sleep_for(1ms); }, wanted};
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(p.submit("secret", i), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return !p.snapshot().hottest.empty(); }));
  const auto label = p.snapshot().hottest.front().label;
  EXPECT_EQ(label.find("secret"), std::string::npos);
  EXPECT_EQ(label.front(), '#');
}

TEST(snapshot, cuts_long_labels_and_keeps_them_apart) {
  const std::string umlaut = "\xc3\xa4";
  std::string name;
  for (int i = 0; i < 100; ++i)
    name += umlaut;
  const auto one = convoy::detail::short_label(name, 1);
  EXPECT_LE(one.size(), 40u);
  EXPECT_NE(one, convoy::detail::short_label(name, 2));
  EXPECT_EQ(one.substr(0, 24), name.substr(0, 24));
  EXPECT_EQ(convoy::detail::short_label("x" + name, 1).substr(0, 23), "x" + name.substr(0, 22));
}

TEST(snapshot, ends_with_the_work) {
  runtime rt;
  processor<std::string, int> p{rt, [](int&) {}, with_insight(5ms)};
  ASSERT_EQ(p.submit("key", 0), submit_status::accepted);
  ASSERT_TRUE(eventually([&] { return p.snapshot().window != 0ns; }));
  std::this_thread::sleep_for(30ms);
  EXPECT_GT(p.snapshot().age, 15ms); // no window after the last one in which something was
  EXPECT_TRUE(eventually([&] {
    (void)p.submit("key", 0); // on a busy machine a window has ended long ago when this looks
    return p.snapshot().age < 5ms;
  }));
}

/// Against the exact split, of all messages: what each has waited for its predecessor, then for a
/// worker, then ran. False: they did not all find time in one window.
bool splits_as_an_exact_account_does(std::chrono::nanoseconds window) {
  constexpr int messages = 1'500;
  struct times {
    time_point submitted, begun, ended;
  };
  std::vector<times> all(messages);
  std::vector<int> key_of(messages);
  for (int i = 0; i < messages; ++i)
    key_of[static_cast<std::size_t>(i)] = (i * i) % 11 * (i % 3);
  runtime rt{{.concurrency = 4}};
  processor<std::string, int> p{rt,
                                [&](int& i) {
                                  auto& is = all[static_cast<std::size_t>(i)];
                                  is.begun = std::chrono::steady_clock::now();
                                  std::this_thread::sleep_for(
                                      std::chrono::microseconds(300 + i % 700));
                                  is.ended = std::chrono::steady_clock::now();
                                },
                                with_insight(window)};
  for (int i = 0; i < messages; ++i) {
    all[static_cast<std::size_t>(i)].submitted = std::chrono::steady_clock::now();
    EXPECT_EQ(p.submit(std::to_string(key_of[static_cast<std::size_t>(i)]), i),
              submit_status::accepted);
    if (i % 50 == 0)
      std::this_thread::sleep_for(5ms);
  }
  p.drain();
  EXPECT_TRUE(eventually([&] { return p.snapshot().window != 0ns; }));
  const auto is = p.snapshot();
  if (is.finished != static_cast<std::uint64_t>(messages))
    return false;
  double own = 0, scheduler = 0, service = 0;
  std::map<int, time_point> before;
  for (int i = 0; i < messages; ++i) {
    const auto& t = all[static_cast<std::size_t>(i)];
    auto& last = before[key_of[static_cast<std::size_t>(i)]];
    const auto ready = std::max(t.submitted, last);
    own += seconds(ready - t.submitted);
    scheduler += seconds(t.begun - ready);
    service += seconds(t.ended - t.begun);
    last = t.ended;
  }
  const auto whole = own + scheduler + service;
  EXPECT_NEAR(is.wait.own_key, own / whole, 0.02);
  EXPECT_NEAR(is.wait.scheduler, scheduler / whole, 0.02);
  EXPECT_NEAR(is.wait.service, service / whole, 0.02);
  EXPECT_NEAR(is.wait.own_key + is.wait.scheduler + is.wait.service + is.wait.backoff +
                  is.wait.admission,
              1, 1e-9);
  return true;
}

TEST(snapshot, splits_the_time_as_an_exact_account_does) {
  EXPECT_TRUE(splits_as_an_exact_account_does(1'500ms) ||
              splits_as_an_exact_account_does(6s) || // the machine is busy
              splits_as_an_exact_account_does(20s));
}

TEST(snapshot, has_no_window_though_requests_took_tickets) {
  runtime rt;
  processor<std::string, int> p{rt, [](int&) {}, with_insight(5ms)};
  ASSERT_EQ(p.submit("key", 0), submit_status::accepted);
  for (int i = 0; i < 10; ++i)
    p.resume("key");
  ASSERT_TRUE(eventually([&] { return p.snapshot().window != 0ns; }));
  EXPECT_TRUE(eventually([&] { return p.snapshot().age > 30ms; }));
  EXPECT_EQ(p.snapshot().backlog, 0u);
}

TEST(snapshot, may_be_asked_for_by_who_calls_a_key_something) {
  runtime rt{{.concurrency = 2}};
  processor<std::string, int>* self = nullptr;
  options wanted = with_insight(1ms);
  std::atomic<bool> made{false};
  wanted.insight.label = [&](const std::string& key) {
    if (made)
      (void)self->snapshot();
    return key;
  };
  processor<std::string, int> p{rt, [](int&) { std::this_thread::sleep_for(300us); }, wanted};
  self = &p;
  made = true;
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(p.submit(std::to_string(i % 5), i), submit_status::accepted);
  p.drain();
}

TEST(snapshot, refuses_options_out_of_range) {
  runtime rt;
  const auto make = [&](convoy::insight_options<int> insight) {
    processor<int, int>::options wanted;
    wanted.insight = std::move(insight);
    const processor<int, int> p{rt, [](int&) {}, wanted};
  };
  EXPECT_THROW(make({.top = 129}), std::invalid_argument);
  EXPECT_THROW(make({.top = 1, .window = 0ms}), std::invalid_argument);
  EXPECT_THROW(make({.top = 1, .window = 2h}), std::invalid_argument);
  EXPECT_NO_THROW(make({.top = 128, .window = 1ms}));
}

TEST(snapshot, may_be_asked_for_by_anybody_at_any_time) {
  runtime rt{{.concurrency = 4}};
  std::atomic<bool> over{false};
  std::vector<std::thread> askers;
  for (int i = 0; i < 2; ++i)
    askers.emplace_back([&] {
      while (!over)
        for (const auto& each : rt.snapshot())
          EXPECT_LE(each.finished, each.accepted);
    });
  for (int round = 0; round < 20; ++round) {
    processor<std::string, int>* self = nullptr;
    processor<std::string, int> p{rt,
                                  [&](int& i) {
                                    if (i % 100 == 0) {
                                      EXPECT_LE(self->snapshot().finished, 2'000u);
                                    }
                                  },
                                  with_insight(1ms)};
    self = &p;
    for (int i = 0; i < 2'000; ++i)
      ASSERT_EQ(p.submit(std::to_string(i % 17), i), submit_status::accepted);
  }
  over = true;
  for (auto& each : askers)
    each.join();
}

} // namespace
