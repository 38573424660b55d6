#include "clf.hpp"

#include "parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace convoy::tool {
namespace {

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// True where the text has the form: 'd' stands for a digit, 'a' for any character.
bool has_form(std::string_view text, std::string_view form) {
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char f) { return f == 'a' || (f == 'd' ? is_digit(c) : c == f); });
}

int digits(std::string_view text, std::size_t from, std::size_t count) {
  int value = 0;
  std::from_chars(text.data() + from, text.data() + from + count, value);
  return value;
}

/// "01/Aug/1995:00:00:01 -0400" in microseconds after 1970.
std::int64_t parse_time(std::string_view text) {
  namespace chrono = std::chrono;
  const auto malformed = [&] {
    return input_error("time " + in_quotes(text) +
                       " is not of the form 01/Aug/1995:00:00:01 -0400");
  };
  if (!has_form(text, "dd/aaa/dddd:dd:dd:dd +dddd") &&
      !has_form(text, "dd/aaa/dddd:dd:dd:dd -dddd"))
    throw malformed();
  const auto month = std::find(months.begin(), months.end(), text.substr(3, 3)) - months.begin();
  const chrono::year_month_day date{chrono::year{digits(text, 7, 4)},
                                    chrono::month{static_cast<unsigned>(month) + 1},
                                    chrono::day{static_cast<unsigned>(digits(text, 0, 2))}};
  const int hour = digits(text, 12, 2);
  const int minute = digits(text, 15, 2);
  const int second = digits(text, 18, 2); // 60 is a leap second
  const int zone_hour = digits(text, 22, 2);
  const int zone_minute = digits(text, 24, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60 || zone_hour > 23 || zone_minute > 59)
    throw malformed();

  const chrono::seconds zone = chrono::hours{zone_hour} + chrono::minutes{zone_minute};
  const chrono::seconds local = chrono::sys_days{date}.time_since_epoch() + chrono::hours{hour} +
                                chrono::minutes{minute} + chrono::seconds{second};
  const chrono::microseconds utc = text[21] == '-' ? local + zone : local - zone;
  if (utc.count() < 0)
    throw input_error("time " + in_quotes(text) + " is before 1970");
  return utc.count();
}

/// "GET /a?b HTTP/1.0" is /a. Requests that are no HTTP (a handshake, "-") are their own path.
std::string_view path_of(std::string_view request) {
  const std::size_t method_end = request.find(' ');
  if (method_end == std::string_view::npos)
    return request.empty() ? "-" : request;
  std::string_view path = request.substr(method_end + 1);
  const std::size_t last_space = path.rfind(' ');
  if (last_space != std::string_view::npos && path.substr(last_space).starts_with(" HTTP/"))
    path = path.substr(0, last_space);
  path = path.substr(0, path.find('?'));
  return path.empty() ? request : path;
}

/// Where the request's closing quote is. Servers differ in whether they escape quotes inside the
/// request, but only the closing one is followed by a status of three digits or "-".
std::size_t find_closing_quote(std::string_view line, std::size_t from) {
  for (std::size_t at = line.find('"', from); at != std::string_view::npos;
       at = line.find('"', at + 1)) {
    const std::string_view behind = line.substr(at + 1);
    if (has_form(behind.substr(0, 5), " ddd ") || behind.starts_with(" - "))
      return at;
  }
  throw input_error("no \"request\" with a status and a size follows the time");
}

} // namespace

clf_line parse_clf(std::string_view line) {
  clf_line parsed;
  parsed.host = line.substr(0, line.find(' '));

  const std::size_t open = line.find(" [");
  const std::size_t close = line.find("] \"", std::min(open, line.size()));
  if (parsed.host.empty() || close == std::string_view::npos)
    throw input_error("the line is not of the form: host identity user [time] \"request\" status "
                      "bytes");
  parsed.at_us = parse_time(line.substr(open + 2, close - open - 2));

  const std::size_t request = close + 3;
  const std::size_t request_end = find_closing_quote(line, request);
  parsed.path = path_of(line.substr(request, request_end - request));

  const std::size_t status = request_end + 2;
  const std::size_t size = line.find(' ', status) + 1;
  const std::string_view bytes = line.substr(size, line.find(' ', size) - size);
  parsed.bytes = bytes == "-" ? 0 : parse_decimal("size", bytes);
  return parsed;
}

void read_clf(line_source& lines, const read_options& options, trace_builder& events) {
  const std::string key = options.key_column.value_or("path");
  if (key != "path" && key != "host")
    throw input_error("the key of an access log is path or host, not " + in_quotes(key));
  if (options.time_column || options.service_column || options.bytes_column)
    throw input_error("an access log has no named columns besides its key");
  while (const auto line = lines.next()) {
    if (line->empty())
      continue;
    const clf_line parsed = parse_clf(*line);
    events.add({.key = key == "path" ? parsed.path : parsed.host,
                .at_us = parsed.at_us,
                .service_ns = std::nullopt,
                .bytes = parsed.bytes});
  }
}

} // namespace convoy::tool
