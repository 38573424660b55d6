#include "oracle.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <gtest/gtest.h>
#include <latch>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

// Shared and exclusive messages that fail in all ways at random, against what one thread would do
// with them: all that came before an exclusive one has ended when it begins, and nothing that came
// later has begun; before a shared one all exclusive ones have. What is looked at is plain, so an
// overlap that must not be, or an edge that is lost, is a data race as well.

namespace {

using namespace std::chrono_literals;
using convoy::exhausted;
using convoy::failure_policy;
using convoy::outcome;
using convoy::submit_status;
using convoy::test::effort;
using convoy::test::repeat_with;
using convoy::test::seed;

struct mixed_message {
  std::uint32_t number;
  bool is_shared;
};

} // namespace

template <>
struct convoy::message_traits<mixed_message> {
  static convoy::access access(const mixed_message& m) noexcept {
    return m.is_shared ? access::shared : access::exclusive;
  }
};

namespace {

/// Of one message. Plain: its own handler and its dead letter write it, one after the other.
struct alignas(64) trace {
  unsigned calls = 0;
  bool has_ended = false;
};

struct book {
  std::uint32_t last = 0; // exclusive message
};

constexpr std::uint32_t traced_keys = 12;

struct played_key {
  explicit played_key(std::uint32_t messages) : traces(messages + 2) {}
  std::vector<trace> traces;
  std::uint32_t accepted = 0;
  std::uint32_t last_exclusive = 0;      // plain: shared ones read it
  std::atomic<std::uint32_t> at_once{0}; // relaxed: how many handlers run
  std::atomic<std::uint32_t> most_at_once{0};
};

enum class deed : std::uint8_t { done, retry, error, skip, park, fail_rest };

class shared_storm {
public:
  shared_storm(std::uint64_t run, std::uint32_t messages, unsigned most, bool dooms)
      : run_(run), messages_(messages), most_(most), dooms_(dooms) {
    std::mt19937_64 random(run);
    exclusive_in_ = 1 + random() % 12;
    slow_ = random() % 2 != 0;
    for (std::uint32_t key = 0; key < traced_keys; ++key)
      keys_.emplace_back(messages);
    for (std::uint32_t i = 0; i < messages + 2; ++i)
      shared_.push_back(drawn(i, 77) % exclusive_in_ != 0);
  }

  [[nodiscard]] bool is_shared(std::uint32_t number) const { return shared_[number]; }

  outcome handle(std::uint32_t key, const mixed_message& m) {
    auto& k = keys_[key];
    auto& mine = k.traces[m.number];
    const auto now = 1 + k.at_once.fetch_add(1, std::memory_order_relaxed);
    auto most = k.most_at_once.load(std::memory_order_relaxed);
    while (most < now &&
           !k.most_at_once.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
    }
    if (mine.has_ended)
      note("was handled after its end");
    if (m.is_shared) {
      check(key, m.number, k.last_exclusive < m.number);
    } else {
      check_all_before(k, m.number);
      if (m.number + 1 <= messages_ && k.traces[m.number + 1].calls != 0)
        note("a later message has begun before an exclusive one");
      k.last_exclusive = m.number;
      if (now != 1)
        note("an exclusive message was not alone");
    }
    const auto result = act(key, m, mine.calls++);
    if (result.what() == outcome::kind::done)
      mine.has_ended = true;
    k.at_once.fetch_sub(1, std::memory_order_relaxed);
    return result;
  }

  void bury(std::uint32_t key, const mixed_message& m, convoy::death why) {
    auto& k = keys_[key];
    if (k.traces[m.number].has_ended)
      note("became a dead letter after its end");
    if (m.is_shared && why == convoy::death::shutdown)
      check(key, m.number, k.last_exclusive < m.number);
    else if (why == convoy::death::failed_rest || why == convoy::death::shutdown)
      check_all_before(k, m.number);
    k.traces[m.number].has_ended = true;
  }

  void check_fence(std::uint32_t key, std::uint32_t up_to) {
    check_all_before(keys_[key], up_to + 1);
  }

  void accept(std::uint32_t key, std::uint32_t number) { keys_[key].accepted = number; }

  void check_end(const convoy::account& is) {
    std::uint64_t accepted = 0;
    for (auto& k : keys_) {
      for (std::uint32_t n = 1; n <= messages_; ++n)
        if (k.traces[n].has_ended != (n <= k.accepted))
          note("a message has not ended, or was not accepted");
      accepted += k.accepted;
      EXPECT_LE(k.most_at_once.load(), most_ != 0 ? most_ : 64);
    }
    EXPECT_EQ(faults_.load(), 0u) << fault_.load();
    EXPECT_EQ(is.accepted, accepted);
    EXPECT_EQ(is.accepted, is.completed + is.dead_letters);
  }

private:
  [[nodiscard]] std::uint64_t drawn(std::uint64_t a, std::uint64_t b) const {
    std::mt19937_64 random(run_ * 1'000'003 + a * 1'009 + b);
    return random();
  }
  void note(const char* what) {
    fault_.store(what);
    ++faults_;
  }
  void check(std::uint32_t key, std::uint32_t number, bool holds) {
    if (!holds)
      note("a shared message began after a later exclusive one");
    auto n = number - 1; // the exclusive one before its run
    while (n != 0 && shared_[n])
      --n;
    if (n != 0 && !keys_[key].traces[n].has_ended)
      note("a shared message began before the end of an exclusive one");
  }
  void check_all_before(const played_key& k, std::uint32_t number) {
    for (auto n = number - 1; n != 0; --n) {
      if (!k.traces[n].has_ended)
        note("an earlier message has not ended");
      if (!shared_[n])
        break; // it has looked for itself
    }
  }
  outcome act(std::uint32_t key, const mixed_message& m, unsigned call) {
    if (slow_ && m.number % 16 == 0)
      std::this_thread::sleep_for(50us);
    const auto draw = drawn(key * 100'003 + m.number, call) % 1'000;
    if (draw < 940)
      return outcome::done;
    if (draw < 960)
      return outcome::retry;
    if (draw < 980)
      throw_at(key);
    if (draw < 990)
      return outcome::skip;
    if (draw < 996 || !dooms_)
      return outcome::park;
    return outcome::fail_rest;
  }
  [[noreturn]] void throw_at(std::uint32_t key) {
    keys_[key].at_once.fetch_sub(1, std::memory_order_relaxed);
    throw 1;
  }

  const std::uint64_t run_;
  const std::uint32_t messages_;
  const unsigned most_;
  const bool dooms_;
  std::uint64_t exclusive_in_ = 1;
  bool slow_ = false;
  std::vector<bool> shared_;
  std::deque<played_key> keys_;
  std::atomic<const char*> fault_{""};
  std::atomic<unsigned> faults_{0};
};

template <class State>
void play_shared(std::uint64_t run, bool controls, bool ends = false) {
  SCOPED_TRACE(repeat_with() + ", run " + std::to_string(run));
  std::mt19937_64 random(run);
  const auto messages = static_cast<std::uint32_t>(200 * effort());
  const unsigned most = random() % 2 == 0 ? 0 : 1 + static_cast<unsigned>(random() % 4);
  convoy::runtime rt{{.concurrency = 1 + static_cast<unsigned>(random() % 4)}};
  shared_storm storm(run, messages, most, !controls);
  using processor = convoy::processor<std::uint32_t, mixed_message, State>;
  typename processor::options options{};
  options.capacity = 400;
  options.most_shared = most;
  options.on_error = [](const std::uint32_t&, const std::exception_ptr&) {};
  options.failure = failure_policy{.attempts = 3,
                                   .backoff = 100us,
                                   .then = static_cast<exhausted>(random() % (controls ? 2 : 3))};
  options.dead_letters = [&](auto& letter) { storm.bury(letter.key, letter.message, letter.why); };
  const auto play = [&](processor& p) {
    std::latch begin(2);
    std::atomic<bool> drained{false};
    std::thread producer([&] {
      begin.arrive_and_wait();
      for (std::uint32_t number = 1; number <= messages; ++number)
        for (std::uint32_t key = 0; key < traced_keys; ++key) {
          const auto status = p.submit(key, mixed_message{number, storm.is_shared(number)});
          if (status == submit_status::closed)
            return;
          EXPECT_EQ(status, submit_status::accepted);
          storm.accept(key, number);
          if (number % 31 == key)
            p.fence(key, [&storm, key, number] { storm.check_fence(key, number); });
        }
    });
    std::thread controller([&, seed = random()] {
      std::mt19937_64 draw(seed);
      begin.arrive_and_wait();
      while (!drained) {
        for (std::uint32_t key = 0; key < traced_keys; ++key) {
          if (controls && draw() % 16 == 0)
            p.pause(key);
          if (controls && draw() % 64 == 0)
            p.purge(key);
          if (controls && draw() % 16 == 0)
            p.try_now(key);
          p.resume(key);
        }
        std::this_thread::sleep_for(200us);
      }
    });
    if (ends) { // at any moment
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      (void)p.shutdown(std::chrono::microseconds(random() % 2'000));
    }
    producer.join();
    p.drain();
    drained = true;
    controller.join();
    EXPECT_EQ(p.parked(), 0u);
    return p.account();
  };
  convoy::account is;
  if constexpr (std::is_void_v<State>) {
    processor p{rt,
                [&](const std::uint32_t& key, mixed_message& m) { return storm.handle(key, m); },
                options};
    is = play(p);
  } else {
    processor p{rt,
                [&](const std::uint32_t& key, mixed_message& m, auto& state) {
                  if constexpr (!std::is_const_v<std::remove_reference_t<decltype(state)>>)
                    state.last = m.number;
                  else if (state.last > m.number)
                    ADD_FAILURE() << "a shared message saw a later state";
                  return storm.handle(key, m);
                },
                options};
    is = play(p);
  }
  storm.check_end(is);
}

TEST(shared, messages_that_fail_at_random_keep_the_order) {
  for (std::uint64_t i = 0; i < 6; ++i)
    play_shared<void>(seed() + i, false);
}
TEST(shared, messages_with_state_keep_the_order) {
  for (std::uint64_t i = 0; i < 4; ++i)
    play_shared<book>(seed() + i, false);
}
TEST(shared, messages_keep_the_order_while_keys_are_paused_and_purged) {
  for (std::uint64_t i = 0; i < 6; ++i)
    play_shared<void>(seed() + i, true);
}
TEST(shared, messages_keep_the_order_while_their_processor_ends) {
  for (std::uint64_t i = 0; i < 10; ++i)
    play_shared<book>(seed() + i, i % 2 == 0, true);
}

} // namespace
