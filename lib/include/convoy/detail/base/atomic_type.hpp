#pragma once

// What the seam (atomic.hpp) takes for an atomic.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace convoy::detail {

template <class T>
using atomic = std::atomic<T>;

inline constexpr std::size_t flags_at_once = 8;

/// Eight flags, relaxed: byte i is 1 if flag i seems to be set. The first one's address is a
/// multiple of eight. A hint, to be looked at again: one load reads eight atomics, which machines
/// allow, but the language has no word for.
[[nodiscard]] inline std::uint64_t look_at_flags(const atomic<bool>* first) noexcept {
  static_assert(sizeof *first == 1 && std::atomic<std::uint64_t>::is_always_lock_free);
  using word [[gnu::may_alias]] = const std::uint64_t;
  const auto seen =
      __atomic_load_n(static_cast<word*>(static_cast<const void*>(first)), __ATOMIC_RELAXED);
  return std::endian::native == std::endian::little ? seen : __builtin_bswap64(seen);
}

} // namespace convoy::detail
