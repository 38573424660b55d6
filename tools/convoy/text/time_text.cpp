#include "text/time_text.hpp"

#include "text/input_error.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <string>

namespace convoy::tool {
namespace {

namespace chrono = std::chrono;

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t ns_per_second = 1'000'000'000;

int digits(std::string_view text, std::size_t from, std::size_t count) {
  int value = 0;
  std::from_chars(text.data() + from, text.data() + from + count, value);
  return value;
}

/// A time in parts, as the text has them; the zone in minutes east of UTC.
struct parts {
  int year = 0, month = 0, day = 0;
  int hour = 0, minute = 0, second = 0; ///< a second of 60 is a leap second
  std::int64_t ns = 0;
  int zone_hour = 0, zone_minute = 0;
  bool is_west = false;
};

/// False where there is no such day, time or zone.
bool is_time(const parts& p) {
  const chrono::year_month_day date{chrono::year{p.year},
                                    chrono::month{static_cast<unsigned>(p.month)},
                                    chrono::day{static_cast<unsigned>(p.day)}};
  return date.ok() && p.hour <= 23 && p.minute <= 59 && p.second <= 60 && p.zone_hour <= 23 &&
         p.zone_minute <= 59;
}

std::int64_t since_1970(const parts& p, std::string_view text) {
  const chrono::sys_days date{chrono::year{p.year} / p.month / p.day};
  const chrono::seconds zone = chrono::hours{p.zone_hour} + chrono::minutes{p.zone_minute};
  const chrono::seconds local = date.time_since_epoch() + chrono::hours{p.hour} +
                                chrono::minutes{p.minute} + chrono::seconds{p.second};
  const std::int64_t utc = (p.is_west ? local + zone : local - zone).count();
  if (utc < 0)
    throw input_error("time " + in_quotes(text) + " is before 1970");
  if (utc > std::numeric_limits<std::int64_t>::max() / ns_per_second - 1)
    throw input_error("time " + in_quotes(text) + " is after 2262");
  return utc * ns_per_second + p.ns;
}

/// Takes the zone off the end, where there is one behind a time of day. False where it is malformed.
bool take_zone(std::string_view& text, parts& p) {
  constexpr std::size_t date = 10;
  if (text.ends_with('Z') || text.ends_with('z')) {
    text.remove_suffix(1);
    return text.size() > date;
  }
  const std::size_t sign = text.find_first_of("+-", date);
  if (sign == std::string_view::npos)
    return true;
  const std::string_view zone = text.substr(sign + 1);
  const bool has_colon = has_form(zone, "dd:dd");
  if (!has_colon && !has_form(zone, "dddd") && !has_form(zone, "dd"))
    return false;
  p.is_west = text[sign] == '-';
  p.zone_hour = digits(zone, 0, 2);
  p.zone_minute = zone.size() > 2 ? digits(zone, has_colon ? 3 : 2, 2) : 0;
  text = text.substr(0, sign);
  return text.size() > date;
}

/// "T13:55", "T13:55:36" or "T13:55:36.123", also with a space for T and a comma for the point.
bool take_time_of_day(std::string_view text, parts& p) {
  if (text.empty())
    return true;
  if (std::string_view{"Tt "}.find(text[0]) == std::string_view::npos ||
      !has_form(text.substr(1, 5), "dd:dd"))
    return false;
  p.hour = digits(text, 1, 2);
  p.minute = digits(text, 4, 2);
  text.remove_prefix(6);
  if (text.empty())
    return true;
  if (!has_form(text.substr(0, 3), ":dd"))
    return false;
  p.second = digits(text, 1, 2);
  text.remove_prefix(3);
  if (text.empty())
    return true;
  const std::string_view fraction = text.substr(1);
  if ((text[0] != '.' && text[0] != ',') || fraction.empty() ||
      !std::ranges::all_of(fraction, is_digit))
    return false;
  p.ns = parse_decimal("time", "0." + std::string{fraction}, ns_per_second);
  return true;
}

} // namespace

bool has_form(std::string_view text, std::string_view form) {
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char f) { return f == 'a' || (f == 'd' ? is_digit(c) : c == f); });
}

bool has_clf_form(std::string_view text) {
  return has_form(text, "dd/aaa/dddd:dd:dd:dd +dddd") ||
         has_form(text, "dd/aaa/dddd:dd:dd:dd -dddd");
}

std::int64_t parse_clf_time(std::string_view text) {
  parts p;
  if (has_clf_form(text)) {
    const auto month = std::ranges::find(months, text.substr(3, 3)) - months.begin();
    p = {.year = digits(text, 7, 4),
         .month = static_cast<int>(month) + 1,
         .day = digits(text, 0, 2),
         .hour = digits(text, 12, 2),
         .minute = digits(text, 15, 2),
         .second = digits(text, 18, 2),
         .zone_hour = digits(text, 22, 2),
         .zone_minute = digits(text, 24, 2),
         .is_west = text[21] == '-'};
  }
  if (!is_time(p))
    throw input_error("time " + in_quotes(text) + " is not of the form 01/Aug/1995:00:00:01 -0400");
  return since_1970(p, text);
}

bool has_iso_form(std::string_view text) {
  return has_form(text.substr(0, 10), "dddd-dd-dd");
}

std::int64_t parse_iso_time(std::string_view text) {
  parts p;
  std::string_view left = text;
  const bool is_well_formed =
      has_iso_form(text) && take_zone(left, p) && take_time_of_day(left.substr(10), p);
  if (is_well_formed) {
    p.year = digits(text, 0, 4);
    p.month = digits(text, 5, 2);
    p.day = digits(text, 8, 2);
  }
  if (!is_time(p))
    throw input_error("time " + in_quotes(text) + " is not of the form 2020-10-10T13:55:36Z");
  return since_1970(p, text);
}

} // namespace convoy::tool
