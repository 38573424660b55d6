#pragma once

// How many requests of one kind wait in a processor.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/ds/event_count.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "convoy/status.hpp"

#include <cstddef>
#include <utility>

namespace convoy::detail {

class request_limit {
public:
  /// For one request that waits, until the permit is destroyed or given back.
  class permit {
  public:
    permit() = default;
    permit(permit&& other) noexcept : in_(std::exchange(other.in_, nullptr)) {}
    permit& operator=(permit&& other) noexcept {
      std::swap(in_, other.in_);
      return *this;
    }
    ~permit() { give_back(); }

    void give_back() noexcept {
      if (in_ != nullptr)
        std::exchange(in_, nullptr)->add();
    }

  private:
    friend class request_limit;
    explicit permit(request_limit& in) noexcept : in_(&in) {}

    request_limit* in_ = nullptr;
  };

  /// At most `most` permits; a thread that waits for one sleeps in `room`.
  request_limit(std::size_t most, event_count& room) noexcept : most_(most), room_(room) {}
  request_limit(const request_limit&) = delete;
  request_limit& operator=(const request_limit&) = delete;

  /// Sleeps until there is one. On a worker thread it throws too_many_requests instead, and
  /// elsewhere when the wait that `begin(notified)` returns is over, see task_wait.
  template <class Begin>
  [[nodiscard]] permit take(Begin&& begin) {
    if (!try_take()) [[unlikely]] {
      bool taken = false;
      if (!on_worker_thread()) {
        auto wait = begin(room_.notified());
        room_.wait([&] { return (taken = try_take()) || wait.is_over(room_.notified()); });
      }
      if (!taken)
        throw too_many_requests(most_);
    }
    return permit(*this);
  }

private:
  [[nodiscard]] bool try_take() noexcept {
    auto taken = taken_.load(std::memory_order_relaxed); // the swap decides
    while (taken < most_)
      if (taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed)) // only counted
        return true;
    return false;
  }
  void add() noexcept {
    // (1) seq_cst: before the look for waiters; against (1) in event_count.cpp
    taken_.fetch_sub(1, std::memory_order_seq_cst);
    room_.notify();
  }

  const std::size_t most_;
  event_count& room_;
  atomic<std::size_t> taken_{0};
};

} // namespace convoy::detail
