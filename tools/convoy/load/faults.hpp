#pragma once

// What the user wants to go wrong in a replay, and which messages and keys that concerns.

#include "load/workload.hpp"

#include <convoy/failure.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// A key whose handler takes this long at each of its messages.
struct stuck_key {
  std::string key; ///< as in the input
  std::int64_t ns = 0;
};

struct fault_options {
  double fail_share = 0; ///< of the messages whose handler fails at every attempt
  std::vector<stuck_key> stuck;
  failure_policy policy;
};

/// From 0 to 1, or as a percentage: 0.01 or 1%. Throws input_error.
[[nodiscard]] double parse_fail_share(std::string_view text);

/// KEY:DURATION; the key may hold colons itself. Throws input_error.
[[nodiscard]] stuck_key parse_stuck_key(std::string_view text);

/// Which messages are poison: each with a chance of `share`, by the seed and its index alone, so
/// that a larger share adds to those of a smaller one. The same with every standard library.
[[nodiscard]] std::vector<bool> draw_poison(std::size_t messages, double share, std::uint64_t seed);

/// The same messages at the same times, those of stuck keys with that service. Throws input_error
/// for a key that no message has, one that is there twice, and where the service adds up to
/// centuries.
[[nodiscard]] workload with_stuck_keys(workload load, const std::vector<stuck_key>& stuck);

/// By index: keys that have messages, none of which is poison, and that are not stuck.
[[nodiscard]] std::vector<bool> healthy_keys(const workload& load, const std::vector<bool>& poison,
                                             const std::vector<stuck_key>& stuck);

} // namespace convoy::tool
