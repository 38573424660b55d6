#include "oracle.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Conflation at once with all that handlers and others may do to a key. A message is a range of numbers, which
// conflation makes longer; the record of a key is plain, and only its handlers and its dead letters
// touch it: each number ends once, in order, in the range that it was merged into.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::outcome;
using convoy::submit_status;
using convoy::test::effort;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr std::uint32_t conflated_keys = 16, conflating_producers = 2;

struct range {
  std::uint32_t first, last;
  std::uint32_t calls = 0;
};
using range_processor = convoy::processor<std::uint32_t, range>;

struct alignas(64) range_record {
  std::uint32_t ended = 0; // so many numbers
  std::uint64_t handled = 0, dead = 0, merged = 0;
  std::uint64_t faults = 0;

  void end(const range& m) {
    faults += m.first != ended + 1 || m.last < m.first;
    merged += m.last - m.first;
    ended = m.last;
  }
};

class conflating_storm {
public:
  explicit conflating_storm(std::uint64_t run)
      : random_(run), messages_(static_cast<std::uint32_t>(2'000 * effort())) {}

  void play() {
    convoy::runtime rt{{.concurrency = 1 + static_cast<unsigned>(random_() % 4)}};
    p_.emplace(
        rt, [this](const std::uint32_t& key, range& m) { return handle(key, m); }, options());
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < conflating_producers; ++i)
      threads.emplace_back([this, i] { produce(i); });
    std::thread operating([this] { operate(); });
    for (auto& each : threads)
      each.join();
    over_ = true;
    operating.join();
    const bool to_the_end = random_() % 2 == 0;
    while (to_the_end && p_->account().unfinished() != 0) {
      for (std::uint32_t key = 0; key < conflated_keys; ++key)
        p_->resume(key);
      std::this_thread::sleep_for(1ms);
    }
    const auto account = p_->shutdown(to_the_end ? 1h : 1ms);
    p_.reset();
    check(account);
  }

private:
  range_processor::options options() {
    return {.capacity = 500,
            .key_capacity = random_() % 2 == 0 ? std::size_t{0} : std::size_t{3},
            .partitions = 2,
            .on_error = [](const std::uint32_t&, const std::exception_ptr&) {},
            .failure = convoy::failure_policy{.attempts = 3, .backoff = 50us},
            .dead_letters =
                [this](auto& letter) {
                  auto& r = records_[letter.key];
                  r.end(letter.message);
                  ++r.dead;
                },
            .conflate =
                [](range& waiting, range& next) {
                  if (next.first % 97 == 0)
                    throw std::runtime_error("scripted");
                  waiting.last = next.first == waiting.last + 1 ? next.last : 0; // 0: a fault
                }};
  }

  outcome handle(std::uint32_t key, range& m) {
    auto& r = records_[key];
    const auto drawn = (m.first * 2'654'435'761u >> 8) % 100;
    if (m.calls++ == 0) {
      if (drawn < 5)
        return outcome::retry;
      if (drawn < 10)
        return outcome::park;
      if (drawn < 15)
        throw std::runtime_error("scripted");
      if (drawn < 18)
        return outcome::skip;
      if (drawn < 20)
        return outcome::fail_rest;
    }
    if (drawn > 90)
      std::this_thread::sleep_for(20us);
    r.end(m);
    ++r.handled;
    return outcome::done;
  }

  void produce(std::uint32_t producer) {
    for (std::uint32_t number = 1; number <= messages_; ++number)
      for (std::uint32_t key = producer; key < conflated_keys; key += conflating_producers)
        EXPECT_EQ(p_->submit(key, range{number, number}), submit_status::accepted);
  }

  void operate() {
    std::mt19937_64 random(random_());
    while (!over_) {
      const auto key = static_cast<std::uint32_t>(random() % conflated_keys);
      switch (random() % 8) {
      case 0:
        p_->pause(key, [this, key] { p_->resume(key); });
        break;
      case 1:
        p_->purge(key);
        break;
      case 2:
        p_->fence(key, [] {});
        break;
      case 3:
        (void)p_->account();
        break;
      default:
        for (std::uint32_t each = 0; each < conflated_keys; ++each)
          p_->resume(each);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 100));
    }
  }

  void check(const convoy::account& account) {
    EXPECT_TRUE(account.balanced());
    std::uint64_t handled = 0, dead = 0, merged = 0;
    for (const auto& r : records_) {
      EXPECT_EQ(r.faults, 0u);
      EXPECT_EQ(r.ended, messages_);
      handled += r.handled;
      dead += r.dead;
      merged += r.merged;
    }
    EXPECT_EQ(account.accepted, std::uint64_t{conflated_keys} * messages_);
    EXPECT_EQ(account.completed, handled);
    EXPECT_EQ(account.dead_letters, dead);
    EXPECT_EQ(account.conflated, merged);
    EXPECT_GT(merged, 0u); // else it shows nothing
  }

  std::mt19937_64 random_;
  const std::uint32_t messages_;
  std::array<range_record, conflated_keys> records_;
  std::optional<range_processor> p_;
  std::atomic<bool> over_{false};
};

TEST(conflation, of_everything_at_once) {
  for (std::uint64_t i = 0; i < 6; ++i) {
    SCOPED_TRACE(repeat_with() + ", run " + std::to_string(i));
    std::make_unique<conflating_storm>(seed() + i)->play();
  }
}

} // namespace
