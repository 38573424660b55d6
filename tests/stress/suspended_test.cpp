#include "endings.hpp"
#include "oracle.hpp"
#include "other_threads.hpp"

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
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Handlers that wait, at random and at once: for threads that complete early, late, twice or never, for times, for
// answers of other keys, for what another library awaits; while they fail by a script, keys are paused and purged,
// few may be suspended, limits stop them, and the end comes at any moment. The record of a key is plain: only its
// handlers, on whatever worker they go on, and its dead letters touch it.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using convoy::task;
using convoy::task_of;
using convoy::test::effort;
using convoy::test::ending;
using convoy::test::other_threads;
using convoy::test::repeat_with;
using convoy::test::seed;

constexpr std::uint32_t waiting_keys = 24, waiting_producers = 2;

struct waiting_message {
  std::uint32_t number = 0; // of its key's producer: 1, 2, 3, …; 0: it was asked
  std::uint32_t asker = 0;
  std::uint32_t question = 0; // of the asker: 1, 2, 3, …
  std::uint32_t calls = 0;
  convoy::completion<std::uint32_t> answer = {};

  [[nodiscard]] std::uint32_t id() const {
    return (number << 16 ^ asker << 11 ^ question) * 2'654'435'761u;
  }
};
using waiting_processor = convoy::processor<std::uint32_t, waiting_message, std::uint32_t>;
using waiting_context = waiting_processor::context;

struct alignas(64) waiting_record {
  bool is_busy = false;
  std::uint32_t ended = 0; // the last number
  std::uint32_t questions = 0;
  std::array<std::uint32_t, waiting_keys> last_question{}; // that ended, by who asked
  std::uint64_t handled = 0, dead = 0;
  std::vector<std::string> faults;
  std::atomic<std::uint32_t> submitted{0}, finished{0}; // numbers

  void fault(const waiting_message& m, const char* what) {
    if (faults.size() < 5)
      faults.push_back(std::to_string(m.number) + "/" + std::to_string(m.asker) + "/" +
                       std::to_string(m.question) + " " + what);
  }
  void end(const waiting_message& m) {
    if (m.number == 0) {
      if (std::exchange(last_question[m.asker], m.question) >= m.question)
        fault(m, "a question ended twice or out of order");
    } else {
      if (m.number != ended + 1)
        fault(m, "ended twice or out of order");
      ended = m.number;
      finished.store(ended, std::memory_order_relaxed);
    }
  }
};

class waiting_storm {
public:
  explicit waiting_storm(std::uint64_t run)
      : run_(run), random_(run), messages_(static_cast<std::uint32_t>(100 * effort())),
        limited_(random_() % 2 == 0),
        most_(limited_ ? 1 + static_cast<std::uint32_t>(random_() % 8) : 0) {}

  void play() {
    convoy::runtime rt{{.concurrency = 1 + static_cast<unsigned>(random_() % 4)}};
    p_.emplace(
        rt, [this](waiting_context& c, waiting_message& m) { return handle(c, m); }, options());
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < waiting_producers; ++i)
      threads.emplace_back([this, i] { produce(i); });
    std::thread operating([this] { operate(); });
    const auto how = static_cast<ending>(random_() % 4);
    const auto account =
        convoy::test::end_as(*p_, how, threads, random_, 50ms, [this] { resume_all(); });
    over_ = true;
    operating.join();
    p_.reset();
    SCOPED_TRACE("end " + std::to_string(static_cast<int>(how)) + ", most " +
                 std::to_string(most_));
    check(account ? &*account : nullptr);
    if (how == ending::all_is_handled) { // else it shows nothing
      EXPECT_GT(refused_, 0u);
      EXPECT_GT(cancelled_, 0u);
    }
  }

private:
  waiting_processor::options options() {
    waiting_processor::options wanted{
        .capacity = 400,
        .partitions = 2,
        .on_error = [](const std::uint32_t&, const std::exception_ptr&) {},
        .failure = convoy::failure_policy{.attempts = 3,
                                          .backoff = 50us,
                                          .then = static_cast<convoy::exhausted>(random_() % 3)},
        .dead_letters =
            [this](auto& letter) {
              auto& r = records_[letter.key];
              if (r.is_busy)
                r.fault(letter.message, "died while a handler of its key ran");
              r.end(letter.message);
              ++r.dead;
            },
        .state = {.make =
                      [this](const std::uint32_t&) {
                        ++made_;
                        return 0u;
                      },
                  .idle = 300us,
                  .on_evict =
                      [this](const std::uint32_t& key, std::uint32_t&) {
                        ++evicted_;
                        if (records_[key].is_busy)
                          records_[key].fault({}, "lost its state while a handler ran");
                      }},
        .suspended = {.most = most_}};
    if (limited_)
      wanted.suspended.limit = 1ms;
    return wanted;
  }

  /// From begin to end of a handler.
  class running {
  public:
    running(waiting_storm& storm, waiting_record& r, const waiting_message& m)
        : storm_(storm), r_(r) {
      if (std::exchange(r.is_busy, true))
        r.fault(m, "began while another handler of its key ran");
      if (1 + storm_.running_.fetch_add(1, std::memory_order_relaxed) > storm_.most_ &&
          storm_.most_ != 0)
        r.fault(m, "began though as many had begun as may");
    }
    ~running() {
      r_.is_busy = false;
      storm_.running_.fetch_sub(1, std::memory_order_relaxed);
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;

  private:
    waiting_storm& storm_;
    waiting_record& r_;
  };

  task_of<outcome> handle(waiting_context& c, waiting_message& m) {
    auto& r = records_[c.key()];
    std::minstd_rand random(static_cast<std::uint32_t>(run_ + c.key()) ^ (m.id() + m.calls++));
    random.discard(3);
    const running its(*this, r, m);
    const auto state = ++c.state();
    if (random() % 32 == 0)
      (void)c.limit(300us);
    for (auto n = random() % 3; n != 0; --n) {
      if (random() % 4 == 0)
        m.answer(m.id()); // what comes now the asker does not wait for
      bool stopped = false;
      try {
        const auto drawn = static_cast<std::uint32_t>(random());
        if (drawn % 4 == 0)
          co_await convoy::sleep(std::chrono::microseconds(drawn / 4 % 200));
        else
          co_await wait(c, m, drawn / 4);
      } catch (const convoy::cancelled&) {
        stopped = true;
      }
      if (stopped)
        cancelled_.fetch_add(1, std::memory_order_relaxed);
      if (stopped && random() % 2 == 0) // else what it awaits next throws at once
        throw convoy::cancelled();
    }
    if (c.state() != state)
      r.fault(m, "another handler had its state");
    const auto drawn = random() % 1'000;
    if (drawn < 30)
      co_return outcome::retry;
    if (drawn < 60)
      throw std::runtime_error("scripted");
    if (drawn < 80)
      co_return outcome::skip;
    if (drawn < 90)
      co_return outcome::park;
    if (drawn < 95)
      co_return outcome::fail_rest;
    m.answer(m.id());
    r.end(m);
    ++r.handled;
    co_return outcome::done;
  }

  task wait(waiting_context& c, waiting_message& m, std::uint32_t drawn) {
    const auto key = c.key();
    auto& r = records_[key];
    if (drawn % 4 == 0) {
      co_await ask(c, m, drawn / 4 % waiting_keys);
    } else if (drawn % 16 == 1) {
      const auto resumed = others_.resumed(key);
      co_await resumed;
    } else {
      const auto how = drawn / 16 % 16;
      const auto start = [&](convoy::completion<std::uint32_t> done) {
        switch (how) {
        case 0:
          done(drawn);
          done(drawn + 1); // does nothing
          break;
        case 1: // destroyed
          break;
        case 2:
          done.fail(std::make_exception_ptr(std::runtime_error("scripted")));
          break;
        case 3:
          throw std::runtime_error("scripted");
        case 4:
          if (limited_) {
            others_.forget(key, std::move(done));
            break;
          }
          [[fallthrough]];
        default:
          others_.take(key, std::move(done), drawn);
        }
      };
      bool unanswered = false;
      try {
        if (drawn != co_await convoy::callback<std::uint32_t>(start))
          r.fault(m, "got what another wait was completed with");
      } catch (const convoy::no_answer&) {
        unanswered = true;
      }
      if (unanswered != (how == 1) && how != 4)
        r.fault(m, "was told that nobody completes it, or was not");
    }
  }

  task ask(waiting_context& c, const waiting_message& m, std::uint32_t other) {
    const auto key = c.key();
    auto& r = records_[key];
    waiting_message question;
    question.asker = key;
    question.question = ++r.questions;
    const auto id = question.id();
    try {
      if (id != co_await c.owner().ask(c, other, std::move(question)))
        r.fault(m, "got the answer to another question");
      if (other == key)
        r.fault(m, "was answered by itself");
    } catch (const convoy::would_deadlock& told) {
      const auto& names = told.keys();
      if ((names.size() == 2) != (other == key) || names.front() != names.back())
        r.fault(m, "was told of a circle that is none");
      refused_.fetch_add(1, std::memory_order_relaxed);
    } catch (const convoy::no_answer&) { // NOLINT(bugprone-empty-catch): it has died
    } catch (const convoy::refused&) {   // NOLINT(bugprone-empty-catch): no room, or the end
    }
  }

  void produce(std::uint32_t producer) {
    for (std::uint32_t number = 1; number <= messages_; ++number)
      for (std::uint32_t key = producer; key < waiting_keys; key += waiting_producers) {
        waiting_message m;
        m.number = number;
        const auto status = p_->submit(key, std::move(m));
        if (status == submit_status::closed)
          return;
        EXPECT_EQ(status, submit_status::accepted);
        records_[key].submitted.store(number, std::memory_order_release);
      }
  }

  void operate() {
    std::mt19937_64 random(run_ * 7);
    while (!over_) {
      const auto key = static_cast<std::uint32_t>(random() % waiting_keys);
      switch (random() % 16) {
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
      case 4:
        p_->fence(key, [this, &r = records_[key],
                        before = records_[key].submitted.load(std::memory_order_acquire)] {
          if (r.finished.load(std::memory_order_relaxed) < before)
            early_fences_.fetch_add(1, std::memory_order_relaxed);
        });
        break;
      case 5:
        p_->try_now(key);
        break;
      case 6:
        (void)p_->explain(key);
        break;
      case 7:
        (void)p_->snapshot();
        break;
      default:
        resume_all();
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
    }
  }
  void resume_all() {
    for (std::uint32_t key = 0; key < waiting_keys; ++key)
      p_->resume(key);
  }

  void check(const convoy::account* account) {
    std::uint64_t handled = 0, dead = 0;
    for (std::uint32_t key = 0; key < waiting_keys; ++key) {
      const auto& r = records_[key];
      for (const auto& fault : r.faults)
        ADD_FAILURE() << "key " << key << ": " << fault;
      EXPECT_EQ(r.ended, r.submitted) << "key " << key;
      EXPECT_FALSE(r.is_busy);
      handled += r.handled;
      dead += r.dead;
    }
    if (account != nullptr) {
      EXPECT_TRUE(account->balanced());
      EXPECT_EQ(account->completed, handled);
      EXPECT_EQ(account->dead_letters, dead);
      EXPECT_EQ(account->accepted, handled + dead);
    }
    EXPECT_EQ(early_fences_, 0u);
    EXPECT_EQ(made_, evicted_);
    EXPECT_EQ(running_, 0u);
  }

  const std::uint64_t run_;
  std::mt19937_64 random_;
  const std::uint32_t messages_;
  const bool limited_;
  const std::uint32_t most_;
  std::array<waiting_record, waiting_keys> records_;
  other_threads<waiting_keys> others_;
  std::optional<waiting_processor> p_;
  std::atomic<bool> over_{false};
  std::atomic<std::uint32_t> running_{0};
  std::atomic<std::uint64_t> cancelled_{0}, refused_{0}, early_fences_{0}, made_{0}, evicted_{0};
};

TEST(suspended, of_everything_at_once) {
  for (std::uint64_t i = 0; i < 6; ++i) {
    SCOPED_TRACE(repeat_with() + ", run " + std::to_string(i));
    std::make_unique<waiting_storm>(seed() + i)->play();
  }
}

} // namespace
