#pragma once

// Asking for the cells that producers will soon write.

#include "convoy/detail/base/prefetch.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace convoy::detail {

/// Of `SideBySide` cells. It reads none of them, so any thread may call it at any time.
template <class Cell, std::uint64_t SideBySide>
class cell_prefetch {
public:
  /// The cell that will be written some tickets from now: a locked instruction waits for the stores
  /// before it, so the miss of the previous cell's write would be paid by the next ticket. At the end
  /// of the cells it asks for what lies behind them, for nothing: a look would cost each message more.
  static void ahead_of(const Cell& cell) noexcept { of(&cell, distance * sizeof(Cell)); }

  /// The first ones, which nobody has asked for.
  static void first_of(const Cell* cells) noexcept {
    for (std::uint64_t i = 0; i < distance; ++i)
      of(cells + i, 0);
  }

private:
  static constexpr std::uint64_t distance = std::min(tuning::prefetch_distance, SideBySide / 2);

  static void of(const void* cell, std::size_t behind) noexcept {
    constexpr std::size_t most = tuning::most_prefetched_lines * cache_line;
    for (std::size_t offset = 0; offset < std::min(sizeof(Cell), most); offset += cache_line)
      prefetch_for_writing(static_cast<const std::byte*>(cell) + behind + offset);
  }
};

} // namespace convoy::detail
