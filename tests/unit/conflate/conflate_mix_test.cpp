#include "conflate/conflated.hpp"
#include "gate.hpp"

#include <algorithm>
#include <atomic>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <deque>
#include <gtest/gtest.h>
#include <ostream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Conflation against a reference that has one thread: what is handled, and what dies, in which order, and how
// much was merged into it. After each step the processor comes to rest, so that the reference knows what
// is in the lane; what happens at once is in stress/conflate_test.cpp.

namespace {

using conflated::numbers;
using convoy::death;
using convoy::outcome;
using convoy::submit_status;

constexpr int reference_key = 1;

/// What becomes of a message, by its number.
outcome scripted(int m, int call) {
  switch (conflated::number_of(m) % 7) {
  case 1:
    return call == 0 ? outcome::park : outcome::done;
  case 2:
    return outcome::skip;
  case 3:
    return call == 0 ? outcome::retry_after(std::chrono::nanoseconds(0)) : outcome::done;
  case 4:
    return call == 0 ? outcome::park : outcome::skip;
  default:
    return outcome::done;
  }
}
bool is_thrown_for(int m) {
  return conflated::number_of(m) % 11 == 0;
}

struct event {
  int message;
  int what; // 0: its handler was called; else 1 + death
  bool operator==(const event&) const = default;
};
std::ostream& operator<<(std::ostream& out, const event& e) {
  out << conflated::number_of(e.message) << "+" << conflated::merged_in(e.message);
  return e.what == 0 ? out : out << " dead " << to_string(static_cast<death>(e.what - 1));
}

class reference {
public:
  std::vector<event> events;
  std::size_t merged = 0;
  bool is_parked = false;

  void submit(int m) {
    if (!lane_.empty() && lane_.back().takes_more && !is_thrown_for(m)) {
      lane_.back().message += conflated::one_more;
      ++merged;
    } else {
      lane_.push_back({m, true});
    }
    run();
  }
  void put_before(const std::vector<int>& all) {
    for (auto each = all.rbegin(); each != all.rend(); ++each)
      lane_.push_front({*each, false});
    run();
  }
  void pause() { is_paused_ = true; }
  void resume() {
    is_paused_ = is_parked = false;
    run();
  }
  void end(death why) {
    for (const auto& each : std::exchange(lane_, {}))
      events.push_back({each.message, 1 + static_cast<int>(why)});
    is_parked = false;
  }

private:
  struct item {
    int message;
    bool takes_more;
    int calls = 0;
  };

  void run() {
    while (!lane_.empty() && !is_paused_ && !is_parked) {
      auto& first = lane_.front();
      first.takes_more = false;
      events.push_back({first.message, 0});
      const auto what = scripted(first.message, first.calls++).what();
      if (what == outcome::kind::park) {
        is_parked = true;
        return;
      }
      if (what == outcome::kind::retry)
        continue;
      if (what == outcome::kind::skip)
        events.push_back({first.message, 1 + static_cast<int>(death::failed)});
      lane_.pop_front();
    }
  }

  std::deque<item> lane_;
  bool is_paused_ = false;
};

class mix {
public:
  explicit mix(unsigned seed)
      : random_(seed), rt_({.concurrency = 1 + seed % 3}),
        p_(
            rt_, [this](const int& key, int& m) { return handle(key, m); }, options()) {}

  void play() {
    for (int i = 0; i < 60 && !testing::Test::HasFailure(); ++i) {
      step();
      come_to_rest();
    }
    const auto account = p_.shutdown(std::chrono::nanoseconds(0));
    reference_.end(death::shutdown);
    expect_equal();
    EXPECT_TRUE(account.balanced());
    EXPECT_EQ(account.conflated, reference_.merged);
  }
  [[nodiscard]] std::size_t merged() const { return reference_.merged; }

private:
  static void merge(int& waiting, int& next) {
    if (is_thrown_for(next))
      throw std::runtime_error("scripted");
    conflated::merge(waiting, next);
  }
  numbers::options options() {
    return {.partitions = 1,
            .on_error = [](const int&, const std::exception_ptr&) {},
            .dead_letters =
                [this](numbers::dead_letter& letter) {
                  note(letter.message, 1 + static_cast<int>(letter.why));
                },
            .conflate = merge};
  }
  outcome handle(const int& key, int m) {
    if (key != reference_key)
      return outcome::done;
    note(m, 0);
    return scripted(m, calls_[static_cast<std::size_t>(conflated::number_of(m))]++);
  }
  void note(int m, int what) {
    events_.push_back({m, what});
    noted_.fetch_add(1, std::memory_order_release);
  }

  void step() {
    switch (random_() % 8) {
    case 0:
      conflated::stop(p_, reference_key);
      reference_.pause();
      break;
    case 1:
    case 2:
      p_.resume(reference_key);
      reference_.resume();
      break;
    case 3:
      p_.purge(reference_key);
      reference_.end(death::purged);
      break;
    case 4: {
      std::vector<int> all(1 + random_() % 3);
      for (auto& each : all)
        each = next_++;
      reference_.put_before(all);
      EXPECT_EQ(p_.resubmit(reference_key, all, convoy::place::before).accepted, all.size());
      break;
    }
    default:
      for (auto left = 1 + random_() % 4; left != 0; --left) {
        conflated::must_submit(p_, reference_key, next_);
        reference_.submit(next_++);
        come_to_rest();
      }
    }
  }
  void come_to_rest() {
    conflated::let_arrive(p_);
    EXPECT_TRUE(eventually([&] {
      return noted_.load(std::memory_order_acquire) >= reference_.events.size() &&
             p_.parked() == static_cast<std::size_t>(reference_.is_parked);
    }));
    conflated::let_arrive(p_); // the lane is back
    expect_equal();
  }
  void expect_equal() const {
    ASSERT_EQ(noted_.load(std::memory_order_acquire), reference_.events.size());
    const auto [mine, its] =
        std::mismatch(events_.begin(), events_.end(), reference_.events.begin());
    if (mine != events_.end())
      ADD_FAILURE() << "event " << mine - events_.begin() << " is " << *mine << ", not " << *its;
  }

  std::mt19937 random_;
  reference reference_;
  int next_ = 1;
  int calls_[1'000] = {};
  std::vector<event> events_; // the key's handlers and its sink
  std::atomic<std::size_t> noted_{0};
  convoy::runtime rt_;
  numbers p_;
};

TEST(conflation, is_what_a_single_thread_would_do) {
  std::size_t merged = 0;
  for (unsigned seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    mix each(seed);
    each.play();
    merged += each.merged();
  }
  EXPECT_GE(merged, 500u); // else it shows nothing
}

} // namespace
