#pragma once

// In front of the library's header of this name: an atomic on the model (checker.hpp).

#include "checker.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace convoy::detail {

template <class T>
class atomic {
public:
  constexpr atomic() noexcept : where_(to_word(T{})) {}
  constexpr atomic(T initial) noexcept : where_(to_word(initial)) {} // NOLINT: as std::atomic
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order) const { return from_word(where_.load(order)); }
  void store(T value, std::memory_order order) { where_.store(to_word(value), order); }
  T exchange(T value, std::memory_order order) {
    return from_word(where_.modify([&](std::uint64_t) { return to_word(value); }, order));
  }
  T fetch_add(T value, std::memory_order order) {
    return change(order, [&](T old) { return static_cast<T>(old + value); });
  }
  T fetch_sub(T value, std::memory_order order) {
    return change(order, [&](T old) { return static_cast<T>(old - value); });
  }
  T fetch_or(T value, std::memory_order order) {
    return change(order, [&](T old) { return static_cast<T>(old | value); });
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order success,
                             std::memory_order failure) {
    return swap(expected, wanted, true, success, failure);
  }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order success,
                               std::memory_order failure) {
    return swap(expected, wanted, false, success, failure);
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order order) {
    return swap(expected, wanted, true, order, on_failure(order));
  }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order order) {
    return swap(expected, wanted, false, order, on_failure(order));
  }

private:
  static_assert(sizeof(T) <= sizeof(std::uint64_t));

  static constexpr std::memory_order on_failure(std::memory_order order) noexcept {
    return order == std::memory_order_acq_rel   ? std::memory_order_acquire
           : order == std::memory_order_release ? std::memory_order_relaxed
                                                : order;
  }
  static constexpr std::uint64_t to_word(T value) noexcept {
    if constexpr (std::is_pointer_v<T>) {
      return value == nullptr ? 0 : reinterpret_cast<std::uint64_t>(value);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return static_cast<std::uint64_t>(value);
    } else {
      std::uint64_t word = 0;
      std::memcpy(&word, &value, sizeof value);
      return word;
    }
  }
  static T from_word(std::uint64_t word) noexcept {
    if constexpr (std::is_pointer_v<T>) {
      return reinterpret_cast<T>(word);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return static_cast<T>(word);
    } else {
      T value;
      std::memcpy(static_cast<void*>(&value), &word, sizeof value);
      return value;
    }
  }
  template <class Function>
  T change(std::memory_order order, Function&& function) {
    return from_word(
        where_.modify([&](std::uint64_t old) { return to_word(function(from_word(old))); }, order));
  }
  bool swap(T& expected, T wanted, bool weak, std::memory_order success,
            std::memory_order failure) {
    auto word = to_word(expected);
    const bool done = where_.compare_exchange(word, to_word(wanted), weak, success, failure);
    if (!done)
      expected = from_word(word);
    return done;
  }

  model::location where_;
};

inline constexpr std::size_t flags_at_once = 8;

/// As the library's, but one by one.
[[nodiscard]] inline std::uint64_t look_at_flags(const atomic<bool>* first) {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < flags_at_once; ++i)
    seen |= std::uint64_t{first[i].load(std::memory_order_relaxed)} << (8 * i);
  return seen;
}

} // namespace convoy::detail
