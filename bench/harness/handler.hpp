#pragma once

// The handler that every subject runs, the same for all.

#include "harness/oracle.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace bench {

/// Computes for so many rounds: a chain of multiplications that nothing can shorten, and no look at
/// a clock. It goes on where the thread's last one ended, else a core would compute two messages'
/// at once where a subject's loop is tight, and the cost would not be what it says.
inline void compute(std::uint64_t rounds) noexcept {
  static constinit thread_local std::uint64_t last = 1;
  if (rounds == 0)
    return;
  auto value = last;
  for (; rounds > 0; --rounds) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    asm volatile("" : "+r"(value));
  }
  last = value;
}

/// How many rounds take so long on this machine, measured at the first call.
std::uint64_t rounds_for(std::chrono::nanoseconds cost);

/// Messages with number 0 hold their worker here, so that others can be put in line.
class gate {
public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++visitors_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --visitors_;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// False if so many do not come within a moment.
  bool await_visitors(unsigned count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(50),
                             [&] { return visitors_ >= count; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned visitors_ = 0;
  bool open_ = true;
};

/// Reads the message, computes for a while and counts. Observers come and go only while nothing is
/// under way.
class handler {
public:
  explicit handler(std::uint64_t rounds = 0) : rounds_(rounds) {}

  void operator()(const message_head& m) noexcept {
    if (m.number == 0) [[unlikely]] // a message is read at least: it has to come to this core
      barrier.pass();
    else if (watched_by != nullptr) [[unlikely]]
      watched_by->see(m);
    compute(rounds_);
    handled.add();
  }

  tally handled;
  gate barrier;
  observer* watched_by = nullptr;

private:
  std::uint64_t rounds_;
};

} // namespace bench
