#include "text/parse.hpp"

#include "text/input_error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace convoy::tool {
namespace {

constexpr std::size_t longest_quote = 60;

constexpr std::string_view no_number = "is not a number such as 12 or 0.5";
constexpr std::string_view negative = "is negative; it must be 0 or more";

[[noreturn]] void reject(std::string_view what, std::string_view text, std::string_view reason) {
  throw input_error(std::string(what) + " " + in_quotes(text) + " " + std::string(reason));
}

void require_digits(std::string_view what, std::string_view text, std::string_view digits,
                    std::string_view kind) {
  if (text.size() > 1 && text[0] == '-' && is_digit(text[1]))
    reject(what, text, negative);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit))
    reject(what, text, kind);
}

struct decimal {
  std::int64_t value;
  bool is_exact; ///< not rounded
};

decimal read_decimal(std::string_view what, std::string_view text, std::int64_t unit,
                     std::string_view too_large) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  require_digits(what, text, whole, no_number);

  std::int64_t value = 0;
  const auto parsed = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  if (parsed.ec != std::errc{} || value > most / unit)
    reject(what, text, too_large);
  value *= unit;
  if (point == std::string_view::npos)
    return {value, true};

  std::string_view decimals = text.substr(point + 1);
  require_digits(what, text, decimals, no_number);
  std::int64_t fraction = 0;
  for (std::int64_t place = unit; place > 1 && !decimals.empty(); decimals.remove_prefix(1)) {
    place /= 10;
    fraction += place * (decimals.front() - '0');
  }
  fraction += !decimals.empty() && decimals.front() >= '5' ? 1 : 0;
  if (value > most - fraction)
    reject(what, text, too_large);
  return {value + fraction, decimals.find_first_not_of('0') == std::string_view::npos};
}

} // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, longest_quote))
    out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > longest_quote ? "…\"" : "\"");
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return parts;
    text.remove_prefix(end + 1);
  }
}

std::int64_t parse_decimal(std::string_view what, std::string_view text, std::int64_t unit,
                           std::string_view too_large) {
  return read_decimal(what, text, unit, too_large).value;
}

std::int64_t parse_size(std::string_view what, std::string_view text) {
  const decimal read = read_decimal(what, text, 1, is_too_large);
  if (!read.is_exact)
    reject(what, text, "is not a whole number");
  return read.value;
}

std::uint64_t parse_whole(std::string_view what, std::string_view text, std::uint64_t least,
                          std::uint64_t most) {
  require_digits(what, text, text, "is not a whole number");
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || value > most)
    reject(what, text, "is too large; the most is " + std::to_string(most));
  if (value < least)
    reject(what, text, "is too small; the least is " + std::to_string(least));
  return value;
}

std::uint32_t parse_count(std::string_view what, std::string_view text) {
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(parse_whole(what, text, 0, most));
}

double parse_real(std::string_view what, std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end || !std::isfinite(value))
    reject(what, text, no_number);
  if (value < 0)
    reject(what, text, negative);
  return value;
}

double parse_positive(std::string_view what, std::string_view text) {
  const double value = parse_real(what, text);
  if (value == 0)
    reject(what, text, "is not more than 0");
  return value;
}

std::int64_t parse_duration(std::string_view text) {
  if (text == "0")
    return 0;
  if (text.starts_with('-'))
    reject("duration", text, negative);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits);
  const std::string_view unit = text.substr(digits);
  const std::int64_t ns = unit == "ns"   ? 1
                          : unit == "us" ? 1'000
                          : unit == "ms" ? 1'000'000
                          : unit == "s"  ? 1'000'000'000
                                         : 0;
  if (number.empty() || ns == 0)
    reject("duration", text, "is not a number with a unit (ns, us, ms or s), as in 1.5ms");
  const decimal read = read_decimal("duration", number, ns, is_too_large);
  if (!read.is_exact)
    reject("duration", text, "is not a whole number of nanoseconds");
  if (read.value > century_ns)
    reject("duration", text, "is longer than a century");
  return read.value;
}

} // namespace convoy::tool
