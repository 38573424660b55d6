#include "gate.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <convoy/convoy.hpp>
#include <cstdint>
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Random scripts, against the same scripts run one after the other. What handlers touch is plain memory: their
// key's State, and what is theirs alone.

namespace {

using namespace std::chrono_literals;
using convoy::outcome;
using convoy::submit_status;
using convoy::task_of;

constexpr int mixed_keys = 24;

struct script {
  std::uint32_t seed = 0;
  int last_asked = mixed_keys; ///< only keys above its own are asked, so nobody waits for itself
  int attempts = 0;
  convoy::completion<std::uint32_t> answer = {};
};
enum class step : unsigned char {
  nothing,
  sleeps,
  at_once,
  later,
  dropped,
  nested,
  asks,
  retries,
  throws
};

[[nodiscard]] step draw(std::minstd_rand& random) {
  return static_cast<step>(random() % 9);
}
[[nodiscard]] std::uint64_t mixed(std::uint64_t state, std::uint64_t more) noexcept {
  return (state ^ more) * 0x9E3779B97F4A7C15 + 1;
}

/// Of one key: what was handled in order, and how many were asked of it, which come in any order.
struct trail {
  std::uint64_t in_order = 0;
  std::uint64_t asked = 0;
  bool operator==(const trail&) const = default;
};
struct kept : trail {
  bool busy = false;
};

/// What a script does, without waiting. False: it is dead.
bool run_alone(std::map<int, trail>& all, int key, script m) {
  for (;; ++m.attempts) {
    std::minstd_rand random(m.seed + static_cast<std::uint32_t>(m.attempts));
    random.discard(3);
    bool again = false;
    for (int i = 0; i < 4 && !again; ++i) {
      const auto what = draw(random);
      const auto value = static_cast<std::uint32_t>(random());
      if (what == step::asks && key + 1 < mixed_keys) {
        ++all[key + 1 + static_cast<int>(value % static_cast<std::uint32_t>(mixed_keys - key - 1))]
              .asked;
      } else if (what == step::retries || what == step::throws) {
        if (m.attempts == 2)
          return false;
        again = value % 2 == 0;
      }
      all[key].in_order = mixed(all[key].in_order, static_cast<std::uint64_t>(what) + value % 7);
    }
    if (!again)
      return true;
  }
}

/// Completes what it is given, some time later.
class late_completer {
public:
  late_completer() {
    for (auto& each : threads_)
      each = std::thread([this] { run(); });
  }
  late_completer(const late_completer&) = delete;
  late_completer& operator=(const late_completer&) = delete;
  ~late_completer() {
    over_ = true;
    for (auto& each : threads_)
      each.join();
  }

  void take(convoy::completion<std::uint32_t> done, std::uint32_t value) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(done), value);
  }

private:
  void run() {
    for (std::uint32_t n = 0; !over_; ++n) {
      std::vector<std::pair<convoy::completion<std::uint32_t>, std::uint32_t>> mine;
      {
        const std::lock_guard lock(mutex_);
        mine.swap(waiting_);
      }
      for (auto& [done, value] : mine)
        done(value);
      if (mine.empty())
        std::this_thread::sleep_for(std::chrono::microseconds(n % 50));
    }
  }

  std::mutex mutex_;
  std::vector<std::pair<convoy::completion<std::uint32_t>, std::uint32_t>> waiting_;
  std::atomic<bool> over_ = false;
  std::array<std::thread, 2> threads_;
};

using mix = convoy::processor<int, script, kept>;

task_of<std::uint32_t> nested(std::uint32_t value) {
  co_await convoy::sleep(0ms);
  co_return value;
}

struct mixing {
  late_completer others;

  task_of<outcome> operator()(mix::context& c, script& m) {
    auto& state = c.state();
    EXPECT_FALSE(std::exchange(state.busy, true)) << "two handlers of a key at once";
    if (m.last_asked != mixed_keys) {
      ++state.asked;
      state.busy = false;
      m.answer(m.seed);
      co_return outcome::done;
    }
    std::minstd_rand random(m.seed + static_cast<std::uint32_t>(m.attempts));
    random.discard(3);
    for (int i = 0; i < 4; ++i) {
      const auto what = draw(random);
      const auto value = static_cast<std::uint32_t>(random());
      std::uint32_t got = value;
      bool fails = false;
      switch (what) {
      case step::nothing:
        break;
      case step::sleeps:
        co_await convoy::sleep(std::chrono::microseconds(value % 200));
        break;
      case step::at_once: {
        const auto start = [value](convoy::completion<std::uint32_t> done) { done(value); };
        got = co_await convoy::callback<std::uint32_t>(start);
        break;
      }
      case step::later: {
        const auto start = [&](convoy::completion<std::uint32_t> done) {
          others.take(std::move(done), value);
        };
        got = co_await convoy::callback<std::uint32_t>(start);
        break;
      }
      case step::dropped: {
        const auto start = [](convoy::completion<std::uint32_t>) {};
        bool refused = false;
        try {
          got = co_await convoy::callback<std::uint32_t>(start);
        } catch (const convoy::no_answer&) {
          refused = true;
        }
        EXPECT_TRUE(refused);
        break;
      }
      case step::nested:
        got = co_await nested(value);
        break;
      case step::asks:
        if (const int key = c.key(); key + 1 < mixed_keys) {
          const int other =
              key + 1 + static_cast<int>(value % static_cast<std::uint32_t>(mixed_keys - key - 1));
          script asked_of_it;
          asked_of_it.seed = value;
          asked_of_it.last_asked = other;
          got = co_await c.owner().ask(c, other, std::move(asked_of_it));
        }
        break;
      case step::retries:
      case step::throws:
        if (m.attempts == 2) {
          state.busy = false;
          co_return outcome::skip;
        }
        fails = value % 2 == 0;
        break;
      }
      EXPECT_EQ(got, value);
      state.in_order = mixed(state.in_order, static_cast<std::uint64_t>(what) + value % 7);
      if (fails) {
        ++m.attempts;
        state.busy = false;
        if (what == step::throws)
          throw std::runtime_error("again");
        co_return outcome::retry;
      }
    }
    state.busy = false;
    co_return outcome::done;
  }
};

TEST(waiting_mix, does_what_one_thread_does) {
  const char* const told = std::getenv("CONVOY_SEED");
  const auto seed = told != nullptr ? static_cast<std::uint32_t>(std::strtoul(told, nullptr, 10))
                                    : std::random_device()();
  SCOPED_TRACE("CONVOY_SEED=" + std::to_string(seed));
  std::minstd_rand random(seed);
  for (int round = 0; round < 3; ++round) {
    std::map<int, trail> expected, seen;
    std::uint64_t dead = 0;
    {
      convoy::runtime rt{{.concurrency = 1 + static_cast<unsigned>(random() % 3)}};
      const auto handle = std::make_shared<mixing>();
      mix::options wanted{.on_error = [](const int&, const std::exception_ptr&) {},
                          .failure = convoy::failure_policy{.attempts = 3, .backoff = 20us},
                          .dead_letters = [](auto&) {}};
      wanted.state.on_evict = [&](const int& key, kept& state) { seen[key] = state; };
      if (random() % 2 == 0)
        wanted.suspended.most = mixed_keys; // fewer could wait for each other
      mix p{rt, [handle](mix::context& c, script& m) { return (*handle)(c, m); }, wanted};
      for (int i = 0; i < 1500; ++i) {
        const int key = static_cast<int>(random() % mixed_keys);
        script m;
        m.seed = static_cast<std::uint32_t>(random());
        dead += !run_alone(expected, key, {m.seed});
        ASSERT_EQ(p.submit(key, std::move(m)), submit_status::accepted);
      }
      p.drain();
      const auto account = p.shutdown(1s);
      EXPECT_TRUE(account.balanced());
      EXPECT_EQ(account.dead_letters, dead);
    }
    std::erase_if(expected, [](const auto& each) { return each.second == trail{}; });
    EXPECT_EQ(seen, expected);
  }
}

} // namespace
