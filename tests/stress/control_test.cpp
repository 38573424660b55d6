#include "oracle.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <functional>
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

// Everything that can be asked of keys and messages, at random and at once: failures by a script, pauses,
// purges, fences, schedules, cancellations, redrives, lingering spans, expiry, state that goes, and an
// end at any moment. The record of a key is plain: only its handlers and its dead letters touch it.
// Against it stands what the script and the order demand of each single message.
//
// What it has found: a fence counted messages that were put before its own as if they had been among
// those that it waits for, and was early by as many.

namespace {

using namespace std::chrono_literals;
using convoy::death;
using convoy::outcome;
using convoy::submit_status;
using convoy::test::effort;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr std::uint32_t keys = 24, producers = 2;

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

enum class way : std::uint8_t { plain, scheduled, cancelled, expired };
enum class act : std::uint8_t { done, retry, error, skip, park, fail_rest };

struct script {
  std::uint64_t run;

  [[nodiscard]] way comes(std::uint32_t key, std::uint32_t number) const {
    const auto drawn = mixed(mixed(run + key) + number) % 100;
    return drawn < 80   ? way::plain
           : drawn < 88 ? way::scheduled
           : drawn < 94 ? way::cancelled
                        : way::expired;
  }
  [[nodiscard]] act does(std::uint32_t key, std::uint32_t number, unsigned call) const {
    const auto drawn = mixed(mixed(run * 3 + key) + (std::uint64_t{number} << 8) + call) % 1'000;
    return drawn < 920   ? act::done
           : drawn < 950 ? act::retry
           : drawn < 975 ? act::error
           : drawn < 985 ? act::skip
           : drawn < 994 ? act::park
                         : act::fail_rest;
  }
};

using number_type = convoy::envelope<std::uint32_t, std::uint32_t>;
using processor = convoy::processor<std::uint32_t, number_type, std::uint32_t>;
using store_type = convoy::dead_letter_store<std::uint32_t, number_type>;

struct alignas(64) record {
  enum class fate : std::uint8_t { none, done, dead };
  std::vector<fate> fates;
  std::vector<std::uint8_t> calls;
  std::vector<std::uint8_t> redriven;      // the sink has had it before
  std::uint32_t last_plain = 0;            // plain messages end in their order
  std::vector<std::string> faults;         // what was wrong
  std::atomic<std::uint32_t> submitted{0}; // plain ones so far
  std::atomic<std::uint32_t> ended{0};     // of these, for the first time

  void fault(std::uint32_t number, const char* what) {
    if (faults.size() < 5)
      faults.push_back(std::to_string(number) + " " + what);
  }
};

class storm {
public:
  storm(std::uint64_t run, bool spans)
      : script_{run}, spans_(spans), random_(run),
        messages_(static_cast<std::uint32_t>(400 * effort())) {
    for (auto& r : records_) {
      r.fates.resize(messages_ + 1);
      r.calls.resize(messages_ + 1);
      r.redriven.resize(messages_ + 1);
    }
  }

  void play() {
    convoy::runtime rt{{.concurrency = 1 + static_cast<unsigned>(random_() % 4)}};
    const auto one = [this](processor::context& c, number_type& m) { return handle(c, m); };
    const auto many = [this](processor::context& c, std::span<number_type> all) {
      for (std::size_t i = 0; i < all.size(); ++i)
        if (const auto said = handle(c, all[i]); said.what() != outcome::kind::done)
          return said.at(i);
      return outcome::done;
    };
    if (spans_)
      p_.emplace(rt, many, options());
    else
      p_.emplace(rt, one, options());
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < producers; ++i)
      threads.emplace_back([this, i] { produce(i); });
    std::thread operating([this] { operate(); });
    for (auto& each : threads)
      each.join();
    const bool to_the_end = random_() % 2 == 0;
    if (to_the_end) {
      while (p_->scheduled_messages() != 0)
        std::this_thread::sleep_for(1ms);
      over_ = true;
      operating.join();
      for (bool again = true;
           again;) { // whatever is paused or parked goes on, until nothing is left
        for (std::uint32_t key = 0; key < keys; ++key)
          p_->resume(key);
        std::this_thread::sleep_for(1ms);
        const auto now = p_->account();
        again = !now.balanced();
      }
      p_->drain();
    }
    account_ = p_->shutdown(to_the_end ? 1h : std::chrono::nanoseconds(2ms));
    over_ = true;
    if (operating.joinable())
      operating.join();
    check(to_the_end);
    p_.reset();
    check_states();
  }

private:
  processor::options options() {
    return {.capacity = 4'000,
            .batch_limit = 8,
            .on_error = [](const std::uint32_t&, const std::exception_ptr&) {},
            .failure = convoy::failure_policy{.attempts = 3, .backoff = 100us},
            .dead_letters =
                [this](auto& letter) {
                  bury(letter);
                  store_(letter);
                  ++kept_;
                },
            .state = {.make =
                          [this](const std::uint32_t&) {
                            ++made_;
                            return 0u;
                          },
                      .idle = 300us,
                      .on_evict = [this](const std::uint32_t&, std::uint32_t&) { ++evicted_; }},
            .linger = spans_ ? 200us : 0us};
  }

  outcome handle(processor::context& c, number_type& m) {
    const auto key = c.key();
    const auto number = m.message;
    auto& r = records_[key];
    ++c.state();
    if (r.fates[number] == record::fate::done)
      r.fault(number, "was handled again after it was done");
    if (r.fates[number] == record::fate::dead && !redriving_)
      r.fault(number, "was handled though it was dead");
    const auto how = script_.comes(key, number);
    if (how == way::expired)
      r.fault(number, "was handled though it had expired");
    switch (script_.does(key, number, r.calls[number]++)) {
    case act::done:
      break;
    case act::retry:
      return number % 2 == 0 ? outcome::retry : outcome::retry_after(50us);
    case act::error:
      if (spans_) // all of the span would be called again
        return outcome::retry;
      throw std::runtime_error("scripted");
    case act::skip:
      return outcome::skip;
    case act::park:
      return outcome::park;
    case act::fail_rest:
      return outcome::fail_rest;
    }
    end(r, key, number, record::fate::done);
    ++done_;
    return outcome::done;
  }

  template <class Letter>
  void bury(Letter& letter) {
    auto& r = records_[letter.key];
    const auto number = letter.message.message;
    if (r.fates[number] == record::fate::done)
      r.fault(number, "died though it was done");
    if (letter.why == death::expired && script_.comes(letter.key, number) != way::expired)
      r.fault(number, "expired without a deadline");
    end(r, letter.key, number, record::fate::dead);
    r.redriven[number] = 1;
  }

  void end(record& r, std::uint32_t key, std::uint32_t number, record::fate how) {
    const auto came = script_.comes(key, number);
    if (r.fates[number] == record::fate::none && (came == way::plain || came == way::expired)) {
      if (number <= r.last_plain)
        r.fault(number, "ended after a later one");
      r.last_plain = number;
      r.ended.fetch_add(1, std::memory_order_relaxed);
    }
    r.fates[number] = how;
  }

  void produce(std::uint32_t producer) {
    std::mt19937_64 random(script_.run + producer);
    std::vector<convoy::scheduled> cancellable;
    for (std::uint32_t number = 1; number <= messages_; ++number)
      for (std::uint32_t key = producer; key < keys; key += producers) {
        const auto how = script_.comes(key, number);
        auto m = number_type{.message = number};
        if (how == way::plain || how == way::expired) {
          if (how == way::expired)
            m.deadline = m.submitted - 1ms;
          EXPECT_EQ(p_->submit(key, std::move(m)), submit_status::accepted);
          records_[key].submitted.fetch_add(1, std::memory_order_release);
        } else {
          auto handle =
              p_->submit_after(key, std::chrono::microseconds(random() % 3'000), std::move(m));
          EXPECT_EQ(handle.status(), submit_status::accepted);
          if (how == way::cancelled)
            cancellable.push_back(std::move(handle));
        }
        ++accepted_;
        if (cancellable.size() > 16) {
          cancelled_ += cancellable[random() % cancellable.size()].cancel();
          cancellable.erase(cancellable.begin());
        }
      }
  }

  void operate() {
    std::mt19937_64 random(script_.run * 7);
    while (!over_) {
      const auto key = static_cast<std::uint32_t>(random() % keys);
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
        fence(key);
        break;
      case 4:
        fence_all();
        break;
      case 5:
        redrive(key, random() % 2 == 0 ? convoy::place::before : convoy::place::behind);
        break;
      default:
        for (std::uint32_t each = 0; each < keys; ++each)
          p_->resume(each);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
    }
  }

  void fence(std::uint32_t key) {
    auto& r = records_[key];
    const auto before = r.submitted.load(std::memory_order_acquire);
    p_->fence(key, [&r, before, this] {
      if (r.ended.load(std::memory_order_relaxed) < before)
        ++early_fences_;
    });
  }
  void fence_all() {
    auto before = std::make_shared<std::array<std::uint32_t, keys>>();
    for (std::uint32_t key = 0; key < keys; ++key)
      (*before)[key] = records_[key].submitted.load(std::memory_order_acquire);
    p_->fence([before, this] {
      for (std::uint32_t key = 0; key < keys; ++key)
        if (records_[key].ended.load(std::memory_order_relaxed) < (*before)[key])
          ++early_fences_;
    });
  }

  void redrive(std::uint32_t key, convoy::place where) {
    redriving_ = true;
    try {
      const auto result = store_.redrive(*p_, key, where);
      redriven_ += result.accepted;
    } catch (const std::invalid_argument&) { // it has no letters at the moment
    }
  }

  void check(bool to_the_end) {
    EXPECT_EQ(early_fences_, 0u);
    EXPECT_TRUE(account_.balanced()) << account_.accepted << " = " << account_.completed << " + "
                                     << account_.dead_letters << " + " << account_.discarded;
    EXPECT_EQ(account_.accepted, accepted_ + redriven_);
    EXPECT_EQ(account_.completed, done_);
    EXPECT_EQ(account_.dead_letters, kept_);
    EXPECT_EQ(account_.discarded, cancelled_);
    EXPECT_EQ(kept_, store_.size() + redriven_);
    EXPECT_EQ(p_->parked(), 0u);
    EXPECT_EQ(p_->scheduled_messages(), 0u);
    std::uint64_t none = 0;
    for (std::uint32_t key = 0; key < keys; ++key) {
      for (const auto& fault : records_[key].faults)
        ADD_FAILURE() << "key " << key << ": " << fault;
      for (std::uint32_t number = 1; number <= messages_; ++number)
        none += records_[key].fates[number] == record::fate::none;
    }
    EXPECT_EQ(none, cancelled_) << (to_the_end ? "to the end" : "cut short");
  }

  void check_states() const { EXPECT_EQ(made_, evicted_); }

  const script script_;
  const bool spans_;
  std::mt19937_64 random_;
  const std::uint32_t messages_;
  std::array<record, keys> records_;
  store_type store_{{.capacity = std::size_t{1} << 20}};
  std::optional<processor> p_;
  convoy::account account_;
  std::atomic<bool> over_{false};
  std::atomic<bool> redriving_{false};
  std::atomic<std::uint64_t> accepted_{0}, done_{0}, kept_{0}, cancelled_{0}, redriven_{0};
  std::atomic<std::uint64_t> early_fences_{0}, made_{0}, evicted_{0};
};

TEST(control, of_everything_at_once_one_by_one) {
  for (std::uint64_t i = 0; i < 8; ++i) {
    SCOPED_TRACE(repeat_with() + ", run " + std::to_string(i));
    std::make_unique<storm>(seed() + i, false)->play();
  }
}

TEST(control, of_everything_at_once_in_spans) {
  for (std::uint64_t i = 0; i < 8; ++i) {
    SCOPED_TRACE(repeat_with() + ", run " + std::to_string(i));
    std::make_unique<storm>(seed() + i, true)->play();
  }
}

} // namespace
