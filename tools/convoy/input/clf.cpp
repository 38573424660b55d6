#include "input/clf.hpp"

#include "text/parse.hpp"
#include "text/time_text.hpp"

#include <algorithm>

namespace convoy::tool {
namespace {

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

/// Where " [time] \"" is. A user may hold spaces and brackets, so that it is the first that holds a
/// time; where none does, the first at all.
std::size_t find_time(std::string_view line) {
  constexpr std::size_t length = 26;
  for (std::size_t at = line.find(" ["); at != std::string_view::npos; at = line.find(" [", at + 1))
    if (has_clf_form(line.substr(at + 2, length)) &&
        line.substr(at + 2 + length).starts_with("] \""))
      return at;
  return line.find(" [");
}

} // namespace

clf_line parse_clf(std::string_view line) {
  clf_line parsed;
  parsed.host = line.substr(0, line.find(' '));

  const std::size_t open = find_time(line);
  const std::size_t close = line.find("] \"", std::min(open, line.size()));
  if (parsed.host.empty() || close == std::string_view::npos)
    throw input_error("the line is not of the form: host identity user [time] \"request\" status "
                      "bytes");
  parsed.at_ns = parse_clf_time(line.substr(open + 2, close - open - 2));

  const std::size_t request = close + 3;
  const std::size_t request_end = find_closing_quote(line, request);
  parsed.path = path_of(line.substr(request, request_end - request));

  const std::size_t status = request_end + 2;
  const std::size_t size = line.find(' ', status) + 1;
  const std::string_view bytes = line.substr(size, line.find(' ', size) - size);
  parsed.bytes = bytes == "-" ? 0 : parse_size("size", bytes);
  return parsed;
}

void read_clf(line_source& lines, const read_options& options, trace_builder& events,
              bad_lines& bad) {
  const std::string key = options.key_column.value_or("path");
  if (key != "path" && key != "host")
    throw input_error("the key of an access log is path or host, not " + in_quotes(key));
  if (options.time_column || options.service_column || options.bytes_column ||
      options.access_column || options.keys_column)
    throw input_error("an access log has no named columns besides its key");
  const auto read_event = [&] {
    const auto line = lines.next();
    if (!line)
      return false;
    if (line->empty())
      return true;
    const clf_line parsed = parse_clf(*line);
    events.add({.key = key == "path" ? parsed.path : parsed.host,
                .at_ns = parsed.at_ns,
                .service_ns = std::nullopt,
                .bytes = parsed.bytes});
    return true;
  };
  while (bad.next_event(lines, read_event)) {
  }
}

} // namespace convoy::tool
