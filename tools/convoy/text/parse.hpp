#pragma once

// Numbers as people write them, in files and on the command line. Failures are input_errors that
// quote the text and leave it to the caller to say where it stands.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The text between double quotes, fit for a one-line message: control characters and bytes that
/// are not ASCII become '?', a long text is cut.
std::string in_quotes(std::string_view text);

/// The parts between separators; "a::b" has an empty one, "" is one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

/// What a message says of a number that does not fit.
constexpr std::string_view is_too_large = "is too large";

/// A number without sign and exponent, such as 12 or 0.25, in units of `unit` (a power of ten),
/// rounded to nearest: ("0.25", 1000) is 250. `what` names it in the message.
std::int64_t parse_decimal(std::string_view what, std::string_view text, std::int64_t unit = 1,
                           std::string_view too_large = is_too_large);

/// A number of that form without a fraction, or with one of zeros: 12 or 12.0.
std::int64_t parse_size(std::string_view what, std::string_view text);

/// A whole number in decimal, leading zeros or not, from `least` to `most`.
std::uint64_t parse_whole(std::string_view what, std::string_view text, std::uint64_t least,
                          std::uint64_t most);

/// A whole number from 0 to 2^32 - 1.
std::uint32_t parse_count(std::string_view what, std::string_view text);

/// A finite number that is not negative.
double parse_real(std::string_view what, std::string_view text);

/// A finite number that is more than 0.
double parse_positive(std::string_view what, std::string_view text);

/// A hundred years. Whatever lasts longer than that in a replay is refused; sums of a few such times
/// fit std::int64_t.
constexpr std::int64_t century_ns = 3'155'760'000'000'000'000;

/// A duration with its unit, 250ns, 10us, 1.5ms or 2s, in nanoseconds; only 0 needs no unit. At most
/// a century, and exact: 1.5ns is refused.
std::int64_t parse_duration(std::string_view text);

} // namespace convoy::tool
