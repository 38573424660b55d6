#include "gate.hpp"
#include "oracle.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <random>
#include <thread>
#include <vector>

// Processors end at any moment: while others wait for it in drain(), while its handlers submit more to it and
// to others.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::processor;
using convoy::runtime;
using convoy::submit_status;
using convoy::test::effort;
using convoy::test::key_oracle;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr unsigned keys_of_a_life = 16;

/// One life of a processor whose handlers feed it, from the first message to its end.
class life {
public:
  life(runtime& rt, std::uint64_t its_seed) : random_(its_seed), oracle_(keys_of_a_life) {
    type::options wanted{.capacity = 1 + random_() % 300, .partitions = 1u << (random_() % 3)};
    if (random_() % 2 == 0)
      wanted.failure = convoy::failure_policy{.attempts = 2, .backoff = 10us};
    p_ = std::make_unique<type>(
        rt, [this](const unsigned& key, message& m) { return handle(key, m); }, wanted);
    running_ = p_.get();
  }

  void run() {
    std::vector<std::jthread> others;
    for (unsigned i = 0; i < 2; ++i)
      others.emplace_back([this] {
        while (!end_)
          p_->drain();
      });
    others.emplace_back([this] { // producers are told by close()
      for (unsigned i = 0;
           submit(keys_of_a_life / 2 + i % (keys_of_a_life / 2)) != submit_status::closed; ++i) {
      }
    });
    for (auto n = random_() % 200; n != 0; --n)
      (void)submit(static_cast<unsigned>(random_() % (keys_of_a_life / 2)));
    if (random_() % 2 == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % 300));
    end_it();
    end_ = true;
    others.clear(); // who is inside must have come out before the destructor begins
    p_.reset();
    check();
  }

private:
  struct message {
    std::uint64_t number;
    unsigned more = 0; // messages that its handler submits
    unsigned failures = 0;
  };
  using type = processor<unsigned, message>;

  /// Of key 0 to keys / 2 by one thread, of the others by another. The last key is the handlers'.
  submit_status submit(unsigned key) {
    auto& number = numbers_[key];
    const auto status =
        p_->submit(key, {number + 1, static_cast<unsigned>(number % 3), number % 7 == 0 ? 1u : 0u});
    if (status == submit_status::accepted) {
      ++number;
      ++accepted_;
    }
    return status;
  }

  outcome handle(unsigned key, message& m) {
    if (m.failures != 0) {
      --m.failures;
      return outcome::retry;
    }
    if (key != keys_of_a_life)
      oracle_[key].see(m.number);
    ++handled_;
    for (; m.more != 0; --m.more)
      if (running_->submit(keys_of_a_life, {0, m.more - 1}) == submit_status::accepted)
        ++accepted_;
    return outcome::done;
  }

  void end_it() {
    const auto how = random_() % 3;
    if (how == 0)
      return p_->close();
    was_shut_down_ = true;
    account_ = p_->shutdown(how == 1 ? 1h : std::chrono::microseconds(random_() % 200));
  }

  void check() {
    EXPECT_TRUE(account_.balanced());
    if (was_shut_down_) {
      EXPECT_EQ(account_.accepted, accepted_);
      EXPECT_EQ(account_.completed, handled_);
    } else { // the destructor handles all
      EXPECT_EQ(handled_, accepted_);
    }
    for (const auto& each : oracle_)
      EXPECT_EQ(each.disorder, 0u);
  }

  std::mt19937_64 random_;
  std::vector<key_oracle> oracle_;
  std::array<std::uint64_t, keys_of_a_life> numbers_{};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> handled_{0};
  std::atomic<bool> end_{false};
  bool was_shut_down_ = false;
  convoy::account account_;
  std::unique_ptr<type> p_;
  type* running_ = nullptr; // for handlers, which run in its destructor, too
};

TEST(destruction, at_any_moment_while_others_drain_and_handlers_submit) {
  runtime rt{{.concurrency = 3}};
  std::mt19937_64 random(seed());
  for (std::uint64_t i = 0; i < 120 * effort(); ++i) {
    life(rt, random()).run();
    if (testing::Test::HasFailure()) {
      std::cerr << "life " << i << ": " << repeat_with() << '\n';
      return;
    }
  }
}

TEST(destruction, of_processors_whose_handlers_submit_to_each_other) {
  std::mt19937_64 random(seed());
  runtime rt{{.concurrency = 3}};
  using type = processor<unsigned, unsigned>; // so many are to follow
  std::atomic<std::uint64_t> handled{0};
  type last{rt, [&](unsigned&) { ++handled; }};
  for (std::uint64_t i = 0; i < 100 * effort(); ++i) {
    handled = 0;
    std::atomic<std::uint64_t> accepted{0};
    {
      type first{rt, [&](const unsigned& key, unsigned& m) {
                   ++handled;
                   if (m % 2 == 0) // a processor that goes on
                     accepted += last.submit(key, 0) == submit_status::accepted;
                   if (m != 0) // ours, which may be about to end
                     accepted += first.submit(key, m - 1) == submit_status::accepted;
                 }};
      for (auto n = random() % 300; n != 0; --n) {
        ASSERT_EQ(first.submit(static_cast<unsigned>(n % 5), static_cast<unsigned>(random() % 8)),
                  submit_status::accepted);
        ++accepted;
      }
    }
    last.drain();
    ASSERT_EQ(handled, accepted) << repeat_with();
  }
}

/// Was a bug: what sweeps up after limits of keys is called with the end of time, and plans its next look behind
/// it. If a rate takes longer than an hour to be filled up that overflows, and it plans for ever.
TEST(destruction, of_a_processor_whose_rate_is_slow) {
  runtime rt{{.concurrency = 1}};
  processor<int, int> p{rt, [](int&) {}, {.rate = {.per_second = 1e-4, .burst = 1}}};
  ASSERT_EQ(p.submit(1, 1), submit_status::accepted);
  p.drain();
}

} // namespace
