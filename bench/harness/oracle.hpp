#pragma once

// Whether a subject keeps what it promises: order per key, one handler of a key at a time, nothing
// lost and nothing twice. Handlers never synchronise through this: a checker that did would hide a
// hand-over that the subject forgot.

#include "harness/message.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bench {

/// Counts the messages that were handled: a cell for each thread, written by that thread alone and
/// without a read-modify-write, so that it costs all subjects the same nanosecond.
class tally {
public:
  void add() noexcept {
    auto& mine = cells_[slot()].count;
    mine.store(mine.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  [[nodiscard]] std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& one : cells_)
      sum += one.count.load(std::memory_order_acquire);
    return sum;
  }

  /// For subjects that have no drain of their own. Sleeps, because a spinning waiter would take a
  /// core from the workers it waits for. False if nothing happens for a long time.
  [[nodiscard]] bool await(std::uint64_t wanted) const {
    const std::chrono::seconds patience(20);
    auto seen = total();
    auto until = std::chrono::steady_clock::now() + patience;
    while (seen < wanted) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      if (const auto now = total(); now != seen) {
        seen = now;
        until = std::chrono::steady_clock::now() + patience;
      } else if (std::chrono::steady_clock::now() > until) {
        return false;
      }
    }
    return true;
  }

private:
  static constexpr std::size_t most_threads = 512;

  struct alignas(128) cell {
    std::atomic<std::uint64_t> count{0};
  };

  /// Slots of threads that ended are used again.
  class lease {
  public:
    lease() {
      const std::lock_guard lock(mutex());
      const auto free = std::find(taken().begin(), taken().end(), false);
      if (free == taken().end())
        throw std::runtime_error("more threads than the tally has cells");
      *free = true;
      slot = static_cast<std::size_t>(free - taken().begin());
    }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    ~lease() {
      const std::lock_guard lock(mutex());
      taken()[slot] = false;
    }
    std::size_t slot = 0;

  private:
    static std::mutex& mutex() {
      static auto& one = *new std::mutex; // outlives the threads of other libraries
      return one;
    }
    static std::array<bool, most_threads>& taken() {
      static std::array<bool, most_threads> all{};
      return all;
    }
  };

  static std::size_t slot() {
    static constinit thread_local std::size_t mine = most_threads; // without a guard to look at
    if (mine == most_threads) [[unlikely]] {
      static thread_local const lease held;
      mine = held.slot;
    }
    return mine;
  }

  std::vector<cell> cells_ = std::vector<cell>(most_threads);
};

/// Looks at messages inside the handler; only where a benchmark asks for it.
class observer {
public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;
  virtual ~observer() = default;
  virtual void see(const message_head& m) = 0;
};

/// Plain memory that the handlers of a key share. Producers count for themselves: what two of them
/// submit at once has no order to keep.
class oracle : public observer {
public:
  oracle(std::size_t keys, unsigned producers) : lanes_(keys), last_(keys * producers) {}

  void see(const message_head& m) override {
    auto& lane = lanes_[m.key];
    const auto visitor = ++lane.visits;
    auto& last = last_[m.key * (last_.size() / lanes_.size()) + m.producer];
    if (m.number != last + 1)
      ++lane.disorder;
    last = m.number;
    for (int i = 0; i < 8; ++i)        // gives a second handler of the key time to come in
      asm volatile("" : : : "memory"); // and makes the compiler look again
    if (lane.visits != visitor)
      ++lane.overlaps;
  }

  struct verdict {
    std::uint64_t disorder = 0; ///< messages that came before or after their turn
    std::uint64_t overlaps = 0; ///< handlers that found another one of their key
    [[nodiscard]] bool kept_order() const { return disorder == 0 && overlaps == 0; }
  };

  /// Once all is handled.
  [[nodiscard]] verdict judge() const {
    verdict sum;
    for (const auto& lane : lanes_) {
      sum.disorder += lane.disorder;
      sum.overlaps += lane.overlaps;
    }
    return sum;
  }

private:
  struct lane_record {
    std::uint64_t visits = 0;
    std::uint32_t disorder = 0;
    std::uint32_t overlaps = 0;
  };
  std::vector<lane_record> lanes_;
  std::vector<std::uint64_t> last_;
};

} // namespace bench
