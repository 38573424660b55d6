#pragma once

// Time since the start of a run, and waiting for a point of it.

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <sys/prctl.h>
#include <thread>

namespace convoy::tool {

/// Nanoseconds on CLOCK_MONOTONIC. Started once, before any thread that reads it; then thread safe.
class run_clock {
public:
  void start() { epoch_ = since_boot(); }

  [[nodiscard]] std::int64_t now() const { return since_boot() - epoch_; }

  void spin_until(std::int64_t then) const {
    while (now() < then) {
    }
  }

  void sleep_until(std::int64_t then) const {
    // The kernel may delay a wake-up by 50 us to save power, which would be measured as service.
    static thread_local const int slack [[maybe_unused]] = prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    const std::int64_t wake = epoch_ + then;
    const timespec at{.tv_sec = wake / ns_per_second, .tv_nsec = wake % ns_per_second};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
    }
  }

  /// Close to `then` to a microsecond or so, and mostly asleep: the last 50 us it gives its core
  /// away instead.
  void wait_until(std::int64_t then) const {
    constexpr std::int64_t wake_up_ns = 50'000;
    if (then - now() > wake_up_ns)
      sleep_until(then - wake_up_ns);
    while (now() < then)
      std::this_thread::yield();
  }

private:
  static constexpr std::int64_t ns_per_second = 1'000'000'000;

  static std::int64_t since_boot() {
    return std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch()}.count();
  }

  std::int64_t epoch_ = 0;
};

} // namespace convoy::tool
