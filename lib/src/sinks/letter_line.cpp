#include "convoy/detail/sinks/letter_line.hpp"

#include <algorithm>
#include <limits>

namespace convoy::detail {

namespace {

death parse_death(json_cursor& cursor) {
  auto after = cursor;
  const auto name = after.string();
  for (unsigned char i = 0; i <= static_cast<unsigned char>(death::purged); ++i)
    if (name == to_string(static_cast<death>(i))) {
      cursor = after;
      return static_cast<death>(i);
    }
  cursor.fail("no message dies of " + json_string(name));
}

std::optional<std::string> parse_error(json_cursor& cursor) {
  if (cursor.skip("null"))
    return std::nullopt;
  return cursor.string();
}

std::optional<wall_time> parse_time(json_cursor& cursor) {
  if (cursor.skip("null"))
    return std::nullopt;
  return cursor.time();
}

} // namespace

letter_line parse_letter(std::string_view line) {
  letter_line result;
  json_cursor cursor(line);
  cursor.expect(R"({"key":)");
  result.key = cursor.value();
  if (cursor.skip(R"(,"keys":[)")) {
    do
      result.keys.push_back(cursor.value());
    while (cursor.skip(","));
    cursor.expect("]");
    if (result.keys.size() > 16 || std::ranges::find(result.keys, result.key) == result.keys.end())
      cursor.fail("not the keys of one joint message, with its key");
  }
  cursor.expect(R"(,"sequence":)");
  result.sequence = cursor.number(std::numeric_limits<std::uint64_t>::max());
  cursor.expect(R"(,"attempts":)");
  result.attempts = static_cast<unsigned>(cursor.number(std::numeric_limits<unsigned>::max()));
  cursor.expect(R"(,"why":)");
  result.why = parse_death(cursor);
  if (cursor.skip(R"(,"reason":)"))
    result.reason = cursor.string();
  cursor.expect(R"(,"first_error":)");
  result.first_error = parse_error(cursor);
  cursor.expect(R"(,"last_error":)");
  result.last_error = parse_error(cursor);
  cursor.expect(R"(,"first_failed":)");
  result.first_failed = parse_time(cursor);
  cursor.expect(R"(,"died":)");
  result.died = cursor.time();
  if (cursor.skip(R"(,"redriven":)")) {
    result.mark = cursor.at();
    result.redriven = cursor.number(1) == 1;
  }
  cursor.expect(R"(,"message":)");
  result.message = cursor.value();
  cursor.expect("}");
  cursor.expect_end();
  return result;
}

} // namespace convoy::detail
