#pragma once

// How long handlers take: from the trace or from a law.

#include "input/trace.hpp"

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace convoy::tool {

struct service_from_trace {
  double scale = 1;
};
struct fixed_service {
  std::int64_t ns = 0;
};
struct exponential_service {
  std::int64_t mean_ns = 0;
};
struct bimodal_service {
  std::int64_t short_ns = 0;
  std::int64_t long_ns = 0;
  double long_share = 0; ///< share of the messages that take long_ns
};
using service_spec =
    std::variant<service_from_trace, fixed_service, exponential_service, bimodal_service>;

/// Parses trace[:SCALE], fixed:DURATION, exp:MEAN or bimodal:SHORT,LONG,SHARE (SHARE of the
/// messages take LONG); for durations see parse.hpp. Throws input_error that quotes the text.
service_spec parse_service(std::string_view text);

/// Nanoseconds for each event, index by index; their sum is at most a century. The same seed gives the
/// same times with every compiler and standard library, independent of the keys generate() draws
/// from that seed. Throws input_error where service_from_trace meets a trace without service times,
/// and where the sum is too large.
std::vector<std::int64_t> service_ns(const trace& events, const service_spec& spec,
                                     std::uint64_t seed);

} // namespace convoy::tool
