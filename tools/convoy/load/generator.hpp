#pragma once

// Makes a trace from a law: keys drawn from a Zipf distribution, with one hot key on request.

#include "input/trace.hpp"

#include <cstdint>
#include <string_view>

namespace convoy::tool {

/// Key k of 1…keys gets a share proportional to 1 / k^theta, as in YCSB; theta 0 is uniform.
struct zipf_law {
  std::uint32_t keys = 1;
  double theta = 0;
  std::uint32_t messages = 1;
};

/// Parses KEYS:THETA:MESSAGES. Throws input_error that quotes the text and says what it should be.
zipf_law parse_zipf(std::string_view text);

/// Parses the share of the hot key, more than 0 and less than 1. Throws input_error.
double parse_hot_share(std::string_view text);

/// Parses messages per second, more than 0 and at most 1e9. Throws input_error.
double parse_rate(std::string_view text);

struct generator_options {
  zipf_law zipf;
  double hot_share = 0; ///< of all messages, for one more key "hot"; 0: no such key
  double rate = 0;      ///< messages per second, as a Poisson process; 0: the trace has no times
  std::uint64_t seed = 1;
};

/// A trace without service times. Keys are "k1" (the likeliest), "k2", …; only those that were
/// drawn are in trace::keys. The same options give the same trace with every compiler and standard
/// library; the keys do not depend on the rate. O(keys + messages). Throws input_error where the
/// messages take longer than a century to arrive.
trace generate(const generator_options& options);

} // namespace convoy::tool
