#pragma once

// A failure_policy as people write it: "attempts=3,backoff=1ms,then=park".

#include <convoy/failure.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace convoy::tool {

/// Parts in any order, each at most once, comma separated; what is left out is as in
/// failure_policy{}. Throws input_error that names the bad part and lists what is allowed.
[[nodiscard]] failure_policy parse_policy(std::string_view text);

/// Every part, so that parse_policy makes the same policy of it; max_block only if there is one.
/// The seed is not a part.
[[nodiscard]] std::string policy_text(const failure_policy& policy);

/// As parse_duration reads it, in the largest unit that leaves a whole number: 1500us.
[[nodiscard]] std::string exact_duration_text(std::int64_t nanoseconds);

} // namespace convoy::tool
