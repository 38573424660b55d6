#include "endings.hpp"
#include "oracle.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <exception>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Joint messages beside others, while all that handlers and others may do to keys is done at random: failures, parking,
// doomed rests, pauses, purges, fences, and an end at any moment. The record of a key is plain, and who handles or
// buries a message touches those of all its keys: so two that overlap in one of them are a data race as well.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using convoy::test::effort;
using convoy::test::ending;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr std::uint32_t joint_keys = 16, joint_producers = 3;

struct joint_message {
  std::uint32_t producer, number; // of the producer: 1, 2, 3, …
  bool is_joint;
  std::uint32_t calls = 0;

  [[nodiscard]] std::uint32_t id() const { return number * joint_producers + producer; }
};
using joint_processor = convoy::processor<std::uint32_t, joint_message, std::uint32_t>;

struct alignas(64) joint_record {
  bool is_busy = false;
  std::vector<std::uint32_t> ended; // ids, in their order
  std::array<std::uint32_t, joint_producers> last{};
  std::vector<std::string> faults;
  std::array<std::atomic<std::uint32_t>, joint_producers> last_ended{};

  void fault(const joint_message& m, const char* what) {
    if (faults.size() < 5)
      faults.push_back(std::to_string(m.producer) + "/" + std::to_string(m.number) + " " + what);
  }
  void begin(const joint_message& m) {
    if (std::exchange(is_busy, true))
      fault(m, "began while another message of its key was handled");
    if (last[m.producer] >= m.number)
      fault(m, "began after its end, or after the end of a later one");
  }
  void end(const joint_message& m) {
    last[m.producer] = m.number;
    last_ended[m.producer].store(m.number, std::memory_order_relaxed);
    ended.push_back(m.id());
  }
};

class joint_storm {
public:
  explicit joint_storm(std::uint64_t run)
      : run_(run), random_(run), messages_(static_cast<std::uint32_t>(800 * effort())) {
    for (auto& each : given_)
      each.resize(messages_ + 1);
  }

  void play() {
    convoy::runtime rt{{.concurrency = 1 + static_cast<unsigned>(random_() % 4)}};
    p_.emplace(
        rt,
        [this](const std::uint32_t& key, joint_message& m, std::uint32_t& state) {
          return handle(std::array{key}, std::array{&state}, m);
        },
        options());
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < joint_producers; ++i)
      threads.emplace_back([this, i] { produce(i); });
    std::thread operating([this] { operate(); });
    const auto how = static_cast<ending>(random_() % 4);
    const auto account =
        convoy::test::end_as(*p_, how, threads, random_, 20ms, [this] { resume_all(); });
    over_ = true;
    operating.join();
    p_.reset();
    SCOPED_TRACE("end " + std::to_string(static_cast<int>(how)));
    check(account ? &*account : nullptr);
  }

private:
  joint_processor::options options() {
    return {.capacity = random_() % 2 == 0 ? 64u : 2'000u,
            .partitions = 1u << random_() % 3,
            .on_error = [](const std::uint32_t&, const std::exception_ptr&) {},
            .failure =
                convoy::failure_policy{.attempts = 3,
                                       .backoff = 50us,
                                       .then = static_cast<convoy::exhausted>(random_() % 2)},
            .dead_letters = [this](auto& letter) { bury(letter); },
            .joint =
                [this](convoy::joint<std::uint32_t, std::uint32_t>& all, joint_message& m) {
                  std::vector<std::uint32_t> keys;
                  std::vector<std::uint32_t*> states;
                  for (std::size_t i = 0; i < all.size(); ++i)
                    if (std::ranges::find(keys, all.key(i)) == keys.end()) {
                      keys.push_back(all.key(i));
                      states.push_back(&all.state(i));
                    }
                  return handle(keys, states, m);
                }};
  }

  outcome handle(std::span<const std::uint32_t> keys, std::span<std::uint32_t* const> states,
                 joint_message& m) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      records_[keys[i]].begin(m);
      ++*states[i];
    }
    const auto drawn = (m.id() + 77 * m.calls++ + run_) * 2'654'435'761u >> 8;
    if (drawn % 128 == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(drawn / 128 % 50));
    const auto what = static_cast<std::uint32_t>(drawn % 1'000);
    const bool is_done = what >= 100;
    for (const auto key : keys) {
      if (is_done)
        records_[key].end(m);
      records_[key].is_busy = false;
    }
    if (is_done) {
      handled_.fetch_add(1, std::memory_order_relaxed);
      return outcome::done;
    }
    if (what < 30)
      return outcome::retry;
    if (what < 55)
      throw std::runtime_error("scripted");
    if (what < 75)
      return outcome::skip;
    return what < 95 || m.is_joint ? outcome::park : outcome::fail_rest;
  }

  void bury(const joint_processor::dead_letter& letter) {
    const auto end = [&](std::uint32_t key) {
      auto& r = records_[key];
      r.begin(letter.message);
      r.end(letter.message);
      r.is_busy = false;
    };
    if (letter.message.is_joint == letter.keys.empty())
      records_[letter.key].fault(letter.message, "a letter of another kind");
    if (letter.keys.empty())
      end(letter.key);
    std::vector<std::uint32_t> keys;
    for (const auto* key : letter.keys)
      if (std::ranges::find(keys, *key) == keys.end()) {
        end(*key);
        keys.push_back(*key);
      }
    dead_.fetch_add(1, std::memory_order_relaxed);
  }

  void produce(std::uint32_t producer) {
    std::mt19937 random(static_cast<std::uint32_t>(run_ + producer));
    for (std::uint32_t number = 1; number <= messages_; ++number) {
      std::vector<std::uint32_t> keys;
      const bool is_joint = random() % 2 == 0;
      for (auto n = is_joint ? 1 + random() % 4 : 1; n != 0; --n)
        keys.push_back(static_cast<std::uint32_t>(random() % joint_keys));
      joint_message m{producer, number, is_joint};
      const auto status = is_joint ? p_->submit_joint(std::span<const std::uint32_t>(keys), m)
                                   : p_->submit(keys[0], m);
      if (status == submit_status::closed)
        return;
      EXPECT_EQ(status, submit_status::accepted);
      given_[producer][number] = std::move(keys);
      submitted_[producer].store(number, std::memory_order_release);
    }
  }

  void operate() {
    std::mt19937_64 random(run_ * 7);
    while (!over_) {
      const auto key = static_cast<std::uint32_t>(random() % joint_keys);
      switch (random() % 12) {
      case 0:
        p_->pause(key);
        break;
      case 1:
        p_->pause(key, [this, key] { p_->resume(key); });
        break;
      case 2:
        p_->purge(key);
        break;
      case 3:
        fence(key, static_cast<std::uint32_t>(random() % joint_producers));
        break;
      case 4:
        p_->try_now(key);
        break;
      case 5:
        (void)p_->explain(key);
        break;
      default:
        resume_all();
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
    }
  }
  /// What the producer has given the key by now has ended when it is called.
  void fence(std::uint32_t key, std::uint32_t producer) {
    auto number = submitted_[producer].load(std::memory_order_acquire);
    while (number != 0 && !std::ranges::count(given_[producer][number], key))
      --number;
    p_->fence(key, [this, key, producer, number] {
      if (records_[key].last_ended[producer].load(std::memory_order_relaxed) < number)
        early_fences_.fetch_add(1, std::memory_order_relaxed);
    });
  }
  void resume_all() {
    for (std::uint32_t key = 0; key < joint_keys; ++key)
      p_->resume(key);
  }

  void check(const convoy::account* account) {
    std::uint64_t submitted = 0;
    for (std::uint32_t producer = 0; producer < joint_producers; ++producer) {
      submitted += submitted_[producer];
      for (std::uint32_t key = 0; key < joint_keys; ++key) {
        std::vector<std::uint32_t> given, ended;
        for (std::uint32_t number = 1; number <= submitted_[producer]; ++number)
          if (std::ranges::count(given_[producer][number], key) != 0)
            given.push_back(number);
        for (const auto id : records_[key].ended)
          if (id % joint_producers == producer)
            ended.push_back(id / joint_producers);
        EXPECT_EQ(ended, given) << "key " << key << ", producer " << producer;
      }
    }
    for (std::uint32_t key = 0; key < joint_keys; ++key)
      for (const auto& fault : records_[key].faults)
        ADD_FAILURE() << "key " << key << ": " << fault;
    EXPECT_EQ(handled_ + dead_, submitted);
    EXPECT_EQ(early_fences_, 0u);
    if (account != nullptr) {
      EXPECT_TRUE(account->balanced());
      EXPECT_EQ(account->accepted, submitted);
      EXPECT_EQ(account->completed, handled_);
      EXPECT_EQ(account->dead_letters, dead_);
    }
    for (std::uint32_t a = 0; a < joint_keys; ++a)
      for (std::uint32_t b = a + 1; b < joint_keys; ++b)
        EXPECT_EQ(of_both(a, b), of_both(b, a)) << "keys " << a << " and " << b;
  }
  /// What has ended in `key` and has a place in `other` too, in the order of `key`.
  [[nodiscard]] std::vector<std::uint32_t> of_both(std::uint32_t key, std::uint32_t other) const {
    auto ids = records_[key].ended;
    std::erase_if(ids, [&](std::uint32_t id) {
      return !std::ranges::count(given_[id % joint_producers][id / joint_producers], other);
    });
    return ids;
  }

  const std::uint64_t run_;
  std::mt19937_64 random_;
  const std::uint32_t messages_;
  std::array<joint_record, joint_keys> records_;
  std::array<std::vector<std::vector<std::uint32_t>>, joint_producers> given_; // keys, by number
  std::array<std::atomic<std::uint32_t>, joint_producers> submitted_{};
  std::optional<joint_processor> p_;
  std::atomic<bool> over_{false};
  std::atomic<std::uint64_t> handled_{0}, dead_{0}, early_fences_{0};
};

TEST(joint, of_everything_at_once) {
  for (std::uint64_t i = 0; i < 10; ++i) {
    SCOPED_TRACE(repeat_with() + ", run " + std::to_string(i));
    std::make_unique<joint_storm>(seed() + i)->play();
  }
}

} // namespace
