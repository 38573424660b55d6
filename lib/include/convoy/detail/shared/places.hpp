#pragma once

// How many handlers of a processor, coroutines, may have begun and not ended. Any thread.
//
// Dekker: a drainer that holds a lane as no place is free says so in wanted_, then looks at used_
// again; whoever gives a place back lowers used_, then looks at wanted_. One of them sees the other.

#include "convoy/detail/base/alarm.hpp"
#include "convoy/detail/base/atomic.hpp"

#include <cstddef>
#include <vector>

namespace convoy::detail {

class places {
public:
  /// 0: no limit.
  explicit places(std::size_t most) noexcept : most_(most) {}

  /// False: none is free.
  [[nodiscard]] bool take() noexcept {
    if (most_ == 0)
      return true;
    auto used = used_.load(std::memory_order_relaxed); // the swap decides
    while (used < most_)
      // relaxed: only counted
      if (used_.compare_exchange_weak(used, used + 1, std::memory_order_relaxed,
                                      std::memory_order_relaxed))
        return true;
    return false;
  }
  void give_back() noexcept {
    if (most_ == 0)
      return;
    used_.fetch_sub(1, std::memory_order_seq_cst); // (1) seq_cst: before our look, against (2)
    if (wanted_.load(std::memory_order_seq_cst) && // (1) likewise
        wanted_.exchange(false, std::memory_order_seq_cst))
      for (auto* const each : partitions)
        each->ring_alarm();
  }

  // ---- drainers ----

  /// Somebody waits for one: the alarms ring when one is given back.
  void want() noexcept {
    wanted_.store(true, std::memory_order_seq_cst); // (2) seq_cst: before the look, against (1)
  }
  /// So many are free.
  [[nodiscard]] std::size_t free() const noexcept {
    const auto used = used_.load(std::memory_order_seq_cst); // (2) likewise
    return used < most_ ? most_ - used : 0;
  }

  std::vector<alarm*> partitions; ///< written before any thread uses it

private:
  const std::size_t most_;
  atomic<std::size_t> used_{0};
  atomic<bool> wanted_{false};
};

} // namespace convoy::detail
