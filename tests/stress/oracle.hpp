#pragma once

// What every stress test checks, without synchronising anything: the checker's own state is plain
// and touched by handlers only, so that ThreadSanitizer sees a lost hand-over as the data race it
// is.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace convoy::test {

/// Of one key: messages carry 1, 2, 3, … in the order in which they were submitted.
struct alignas(64) key_oracle {
  std::uint64_t last = 0; // plain: only the key's handler touches it
  std::uint64_t handled = 0;
  std::uint64_t disorder = 0;

  void see(std::uint64_t number) noexcept {
    if (number <= last)
      ++disorder;
    last = number;
    ++handled;
  }
};

/// The seed of this run: CONVOY_SEED, or a fresh one; printed if the test fails, with what repeats
/// it.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* const given = std::getenv("CONVOY_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10)
                            : std::uint64_t{std::random_device{}()};
  }();
  return value;
}

inline std::string repeat_with() {
  return "repeat with CONVOY_SEED=" + std::to_string(seed());
}

/// How much longer than usual: CONVOY_STRESS=10 for a soak.
inline std::uint64_t effort() {
  const char* const given = std::getenv("CONVOY_STRESS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

} // namespace convoy::test
