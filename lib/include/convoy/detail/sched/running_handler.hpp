#pragma once

// What a pump's handler is doing, for those who watch it: a soft time limit, the watchdog,
// shutdown. Noted only if one of them was asked for.

#include "convoy/detail/base/alarm.hpp"
#include "convoy/detail/base/atomic.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace convoy::detail {

class running_handler final : public alarm {
public:
  // ---- the pump ----

  /// If it was not noted yet. `lane` must live until end(), `owner` is its processor's.
  void begin(const void* owner, const void* lane) noexcept {
    if (std::exchange(noted_, true))
      return;
    const std::lock_guard lock(mutex_);
    owner_ = owner;
    lane_ = lane;
    began_ = clock::now();
    reported_ = clock::duration(0);
  }
  void end() noexcept {
    if (!std::exchange(noted_, false)) [[likely]]
      return;
    const std::lock_guard lock(mutex_);
    owner_ = lane_ = nullptr;
    stop_.reset();
    limit_ = clock::time_point::max();
  }

  /// The handler, a coroutine, waits: it does not run until go_on(). What stops it goes along.
  void suspend(std::stop_source& stop, clock::time_point& limit_at) noexcept {
    if (!std::exchange(noted_, false)) [[likely]]
      return;
    const std::lock_guard lock(mutex_);
    owner_ = lane_ = nullptr;
    if (stop_)
      stop = std::move(*stop_);
    stop_.reset();
    limit_at = std::exchange(limit_, clock::time_point::max());
  }
  /// After begin(), of a handler that was suspended and has something that stops it.
  void go_on(std::stop_source&& stop, clock::time_point limit_at) noexcept {
    const std::lock_guard lock(mutex_);
    stop_.emplace(std::move(stop));
    limit_ = limit_at;
  }

  /// Stops at the limit, if the pump has the alarm set. Throws std::bad_alloc.
  [[nodiscard]] std::stop_token token() {
    const std::lock_guard lock(mutex_);
    if (!stop_)
      stop_.emplace();
    return stop_->get_token();
  }
  void limit(clock::time_point at) noexcept {
    const std::lock_guard lock(mutex_);
    limit_ = at;
  }

  // ---- any thread ----

  void ring_alarm() noexcept override { request_stop(nullptr, clock::now()); }

  /// If a handler of `owner` runs (null: any owner's), and its limit has passed.
  void request_stop(const void* owner, clock::time_point now) noexcept {
    std::optional<std::stop_source> stop;
    {
      const std::lock_guard lock(mutex_);
      if (owner != nullptr ? owner == owner_ : limit_ <= now)
        stop = stop_;
    }
    if (stop)
      stop->request_stop(); // calls users' callbacks
  }

  struct report {
    const void* lane;
    clock::duration running;
    bool is_due;          ///< it has run for the threshold, or for 2, 4, … of them
    clock::duration next; ///< until it is due again
  };

  /// Calls function(report) under a lock if a handler of `owner` runs; its lane lives until it
  /// returns.
  template <class Function>
  void look(const void* owner, clock::duration threshold, Function&& function) {
    const std::lock_guard lock(mutex_);
    if (owner_ != owner)
      return;
    const auto running = clock::now() - began_;
    const bool is_due = running >= std::max(threshold, 2 * reported_);
    if (is_due)
      for (reported_ = threshold; reported_ <= running / 2;)
        reported_ *= 2;
    function(report{lane_, running, is_due, std::max(threshold, 2 * reported_) - running});
  }

private:
  bool noted_ = false; // the pump's

  mutex mutex_; // guards what follows
  const void* owner_ = nullptr;
  const void* lane_ = nullptr;
  clock::time_point began_{};
  clock::duration reported_{0}; // threshold, 2, 4, … of them
  std::optional<std::stop_source> stop_;
  clock::time_point limit_ = clock::time_point::max();
};

} // namespace convoy::detail
