#pragma once

// Gives memory back that a partition's lanes and ring have not needed for a while.

#include "convoy/detail/atomic.hpp"

#include <cstddef>

namespace convoy::detail {

class spare_memory {
public:
  // ---- any thread ----

  /// There is some that may not be needed; a hint.
  [[nodiscard]] bool exists() const noexcept { return exists_.load(std::memory_order_relaxed); }

  /// Has the drainer trim. If it is about to leave, it may miss that.
  void ask() noexcept { asked_.store(true, std::memory_order_relaxed); }

  // ---- the drainer ----

  /// Gives some of what was not needed since the last time back. False: there is more.
  template <class Lanes, class Ring>
  [[nodiscard]] bool trim(Lanes& lanes, Ring& ring) noexcept {
    constexpr std::size_t pieces = 256, segments = 32; // what takes some microseconds
    lanes_done_ = lanes_done_ || lanes.trim(pieces);   // once, it looks back to the last time
    const bool done = lanes_done_ && ring.trim(segments);
    if (done)
      lanes_done_ = false;
    return done;
  }

  /// As trim(), at the end of a visit.
  template <class Lanes, class Ring>
  [[nodiscard]] bool trim_if_asked(Lanes& lanes, Ring& ring) noexcept {
    if (asked_.load(std::memory_order_relaxed)) {
      if (!trim(lanes, ring))
        return false;
      asked_.store(false, std::memory_order_relaxed);
    }
    note(lanes, ring);
    return true;
  }

  template <class Lanes, class Ring>
  void note(const Lanes& lanes, const Ring& ring) noexcept {
    if (const bool now = lanes.has_spares() || ring.has_spares(); now != exists())
      exists_.store(now, std::memory_order_relaxed);
  }

private:
  atomic<bool> asked_{false};
  atomic<bool> exists_{false};
  bool lanes_done_ = false; // the ring is not yet
};

} // namespace convoy::detail
