#pragma once

// Points of time as text, in nanoseconds after 1970-01-01 00:00 UTC. What is wrong with one is an
// input_error that quotes it.

#include <cstdint>
#include <string_view>

namespace convoy::tool {

/// True where the text has the form: 'd' stands for a digit, 'a' for any character.
bool has_form(std::string_view text, std::string_view form);

/// The form of a time in an access log. Other texts of it may still be no time.
bool has_clf_form(std::string_view text);

/// "01/Aug/1995:00:00:01 -0400".
std::int64_t parse_clf_time(std::string_view text);

/// The form of a date as in ISO 8601, whatever follows: "2020-10-10…".
bool has_iso_form(std::string_view text);

/// "2020-10-10T13:55:36.123456789+02:00" and what RFC 3339 and ISO 8601 allow besides: a space
/// instead of T, a comma, no fraction, no seconds, no time at all; the zone as Z, +02:00, +0200 or
/// +02, and without one UTC. Digits beyond the nanosecond are rounded.
std::int64_t parse_iso_time(std::string_view text);

} // namespace convoy::tool
