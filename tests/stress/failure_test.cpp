#include "oracle.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Messages that fail in all ways at random, against a reference: what must happen to the messages of a
// key, one after the other. Its histories are plain; only the key's handlers and its dead letters
// touch them.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::exhausted;
using convoy::failure_policy;
using convoy::outcome;
using convoy::submit_status;
using convoy::test::effort;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr std::uint32_t keys = 40;
constexpr unsigned attempts = 3;

enum class event : std::uint8_t { called, failed, rest };
struct step {
  std::uint32_t number;
  event what;
  bool operator==(const step&) const = default;
};
using history = std::vector<step>;

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

enum class act : std::uint8_t { done, retry, error, skip, park, fail_rest };

/// What the handler does the n-th time it is called for a message: the script of the whole test.
act scripted(std::uint64_t run, std::uint32_t key, std::uint32_t number, unsigned call) {
  const auto drawn = mixed(mixed(run + key) + (std::uint64_t{number} << 8) + call) % 1'000;
  return drawn < 900   ? act::done
         : drawn < 945 ? act::retry
         : drawn < 985 ? act::error
         : drawn < 990 ? act::skip
         : drawn < 996 ? act::park
                       : act::fail_rest;
}

/// The history that the script asks for. How far fail_rest reaches depends on what was submitted by
/// then, so that is taken from what was seen.
history reference(std::uint64_t run, std::uint32_t key, std::uint32_t messages, exhausted then,
                  const history& seen) {
  history all;
  for (std::uint32_t number = 1; number <= messages; ++number) {
    unsigned failed = 0;
    for (unsigned call = 0;; ++call) {
      all.push_back({number, event::called});
      auto what = scripted(run, key, number, call);
      if (what == act::retry || what == act::error) {
        if (++failed < attempts)
          continue;
        what = then == exhausted::skip   ? act::skip
               : then == exhausted::park ? act::park
                                         : act::fail_rest;
      }
      if (what == act::park) {
        failed = 0; // and somebody resumes it
        continue;
      }
      if (what != act::done)
        all.push_back({number, event::failed});
      if (what == act::fail_rest)
        while (all.size() < seen.size() && seen[all.size()] == step{number + 1, event::rest})
          all.push_back({++number, event::rest});
      break;
    }
  }
  return all;
}

struct key_state {
  history seen;
  std::uint32_t current = 0;
  unsigned calls = 0;
};

void storm(std::uint64_t run, bool spans) {
  SCOPED_TRACE(repeat_with() + ", run " + std::to_string(run));
  std::mt19937_64 random(run);
  const auto then = static_cast<exhausted>(random() % 3);
  const auto messages = static_cast<std::uint32_t>(500 * effort());
  const auto slow = random() % 2 != 0;
  convoy::runtime rt{{.concurrency = 1 + static_cast<unsigned>(random() % 4)}};
  std::vector<key_state> states(keys);
  std::atomic<std::uint64_t> done{0};
  const auto handle = [&](std::uint32_t key, std::uint32_t number) -> outcome {
    auto& mine = states[key];
    mine.seen.push_back({number, event::called});
    mine.calls = mine.current == number ? mine.calls + 1 : 0;
    mine.current = number;
    if (slow && number % 64 == 0)
      std::this_thread::sleep_for(50us);
    switch (scripted(run, key, number, mine.calls)) {
    case act::done:
      ++done;
      return outcome::done;
    case act::retry:
      return number % 2 == 0 ? outcome::retry : outcome::retry_after(0us);
    case act::error:
      if (spans) // all of the span would be called again
        return outcome::retry;
      throw std::runtime_error("scripted");
    case act::skip:
      return outcome::skip;
    case act::park:
      return outcome::park;
    case act::fail_rest:
      break;
    }
    return outcome::fail_rest;
  };
  using processor = convoy::processor<std::uint32_t, std::uint32_t>;
  const processor::options options{
      .capacity = 1'000,
      .on_error = [](const std::uint32_t&, const std::exception_ptr&) {},
      .failure = failure_policy{.attempts = attempts, .backoff = 200us, .then = then},
      .dead_letters =
          [&](auto& letter) {
            states[letter.key].seen.push_back(
                {letter.message, letter.why == death::failed ? event::failed : event::rest});
          }};
  const auto play = [&](processor& p) {
    std::thread producer([&] {
      for (std::uint32_t number = 1; number <= messages; ++number)
        for (std::uint32_t key = 0; key < keys; ++key)
          EXPECT_EQ(p.submit(key, number), submit_status::accepted);
    });
    std::atomic<bool> drained{false};
    std::thread resumer([&] {
      while (!drained) {
        for (std::uint32_t key = 0; key < keys; ++key)
          p.resume(key);
        std::this_thread::sleep_for(200us);
      }
    });
    producer.join();
    p.drain();
    drained = true;
    resumer.join();
    EXPECT_EQ(done + p.dead_letters(), std::uint64_t{keys} * messages);
    EXPECT_EQ(p.parked(), 0u);
  };
  if (spans) {
    processor p{rt,
                [&](const std::uint32_t& key, std::span<std::uint32_t> numbers) {
                  for (std::size_t i = 0; i < numbers.size(); ++i)
                    if (const auto result = handle(key, numbers[i]);
                        result.what() != outcome::kind::done)
                      return result.at(i);
                  return outcome::done;
                },
                options};
    play(p);
  } else {
    processor p{
        rt, [&](const std::uint32_t& key, std::uint32_t& number) { return handle(key, number); },
        options};
    play(p);
  }
  for (std::uint32_t key = 0; key < keys; ++key) {
    const auto& seen = states[key].seen;
    const auto expected = reference(run, key, messages, then, seen);
    const auto [at, other] =
        std::mismatch(seen.begin(), seen.end(), expected.begin(), expected.end());
    ASSERT_TRUE(at == seen.end() && other == expected.end())
        << "key " << key << " differs at step " << at - seen.begin() << " of " << seen.size()
        << ", " << expected.size() << " expected";
  }
}

TEST(failures, follow_the_script_one_by_one) {
  for (std::uint64_t i = 0; i < 6; ++i)
    storm(seed() + i, false);
}

TEST(failures, follow_the_script_in_spans) {
  for (std::uint64_t i = 0; i < 6; ++i)
    storm(seed() + i, true);
}

} // namespace
