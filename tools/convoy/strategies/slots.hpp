#pragma once

// The common bound of the strategies that have none of their own.

#include <algorithm>
#include <blockingconcurrentqueue.h> // lightweightsemaphore.h does not stand alone
#include <cstddef>

namespace convoy::tool {

/// Room for `capacity` unfinished messages. A message holds one slot from submission until it is
/// handled. Thread safe.
class slots {
public:
  explicit slots(std::size_t capacity)
      : capacity_{static_cast<std::ptrdiff_t>(capacity)}, free_{capacity_} {}

  void acquire() { free_.wait(); }
  void release(std::size_t n) { free_.signal(static_cast<std::ptrdiff_t>(n)); }

  /// Waits until no message is unfinished. Nothing may be submitted meanwhile.
  void wait_until_all_free() {
    for (std::ptrdiff_t held = 0; held < capacity_;)
      held += free_.waitMany(capacity_ - held);
    free_.signal(capacity_);
  }

  /// How many finished messages a worker may keep slots for, to pay for the release once: little
  /// against the capacity.
  [[nodiscard]] std::size_t release_batch(unsigned workers) const {
    constexpr std::ptrdiff_t most = 64;
    return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(
        capacity_ / (8 * static_cast<std::ptrdiff_t>(workers)), 1, most));
  }

private:
  std::ptrdiff_t capacity_;
  moodycamel::LightweightSemaphore free_;
};

} // namespace convoy::tool
