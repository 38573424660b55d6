#pragma once

// Gives memory back that the parts of a partition have not needed for a while.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <cstddef>
#include <optional>

namespace convoy::detail {

class spare_memory {
public:
  // ---- any thread ----

  /// There is some that may not be needed; a hint.
  [[nodiscard]] bool exists() const noexcept { return exists_.load(std::memory_order_relaxed); }

  /// Has the drainer trim. If it is about to leave, it may miss that.
  void ask() noexcept { asked_.store(true, std::memory_order_relaxed); }

  // ---- the drainer ----

  /// Gives some of what was not needed since the last time back, one part after the other. False:
  /// there is more.
  template <class... Parts>
  [[nodiscard]] bool trim(Parts&... parts) noexcept {
    std::size_t part = 0;
    const bool done = (trim_part(part++, parts) && ...);
    if (done)
      parts_done_ = 0;
    return done;
  }

  /// As trim(), at the end of a visit.
  template <class... Parts>
  [[nodiscard]] bool trim_if_asked(Parts&... parts) noexcept {
    if (asked_.load(std::memory_order_relaxed)) {
      if (!trim(parts...))
        return false;
      asked_.store(false, std::memory_order_relaxed);
    }
    note(parts...);
    return true;
  }

  template <class... Parts>
  void note(const Parts&... parts) noexcept {
    if (const bool now = (has_spares(parts) || ...); now != exists())
      exists_.store(now, std::memory_order_relaxed);
  }

private:
  /// Once, it looks back to the last time.
  template <class Part>
  [[nodiscard]] bool trim_part(std::size_t index, Part& part) noexcept {
    if (parts_done_ == index && trim_one(part))
      ++parts_done_;
    return parts_done_ > index;
  }

  template <class Part>
  [[nodiscard]] static bool trim_one(Part& part) noexcept {
    return part.trim(tuning::trim_pieces);
  }
  template <class Part>
  [[nodiscard]] static bool trim_one(std::optional<Part>& part) noexcept {
    return !part || part->trim(tuning::trim_pieces);
  }

  template <class Part>
  [[nodiscard]] static bool has_spares(const Part& part) noexcept {
    return part.has_spares();
  }
  template <class Part>
  [[nodiscard]] static bool has_spares(const std::optional<Part>& part) noexcept {
    return part && part->has_spares();
  }

  atomic<bool> asked_{false};
  atomic<bool> exists_{false};
  std::size_t parts_done_ = 0;
};

} // namespace convoy::detail
