#include "input/jsonl.hpp"

#include "input/columns.hpp"
#include "input/json_line.hpp"
#include "text/parse.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace convoy::tool {
namespace {

struct found_field {
  const json_line::field* field; ///< null where the object may do without, and does
  std::int64_t unit_ns;
};

found_field find_field(const json_line& object, const column_names& part, bool must_exist) {
  for (const column_name& name : part.names) {
    const json_line::field* const field = object.find(name.text);
    if (field != nullptr && field->what != json_line::kind::null)
      return {field, name.unit_ns};
  }
  if (must_exist)
    throw input_error("the object has no field " + in_quotes(part.names.front().text) +
                      "; choose one with " + std::string(part.option));
  return {nullptr, 1};
}

found_field find_field(const json_line& object, const column_names& part) {
  return find_field(object, part, part.must_exist);
}

/// A JSON number without its exponent: 1.5e3 is 1500.
std::string without_exponent(std::string_view what, std::string_view number) {
  const std::size_t e = number.find_first_of("eE");
  if (e == std::string_view::npos)
    return std::string(number);
  std::string_view digits = number.substr(e + 1);
  if (digits.starts_with('+'))
    digits.remove_prefix(1);
  constexpr int most_shifted = 400; // as many digits as a double has
  int exponent = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (parsed.ec != std::errc{} || exponent > most_shifted || exponent < -most_shifted)
    throw input_error(std::string(what) + " " + in_quotes(number) + " is out of range");

  std::string_view mantissa = number.substr(0, e);
  const bool is_negative = mantissa.starts_with('-');
  mantissa.remove_prefix(is_negative ? 1 : 0);
  std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  std::string plain(mantissa.substr(0, point));
  if (point < mantissa.size())
    plain += mantissa.substr(point + 1);
  if (exponent < 0 && point <= static_cast<std::size_t>(-exponent)) {
    plain.insert(0, static_cast<std::size_t>(-exponent) - point + 1, '0');
    point = 1;
  } else {
    point = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(point) + exponent);
    if (plain.size() < point)
      plain.append(point - plain.size(), '0');
  }
  if (point < plain.size())
    plain.insert(point, 1, '.');
  const std::size_t zeros = std::min(plain.find_first_not_of('0'), plain.size() - 1);
  plain.erase(0, plain[zeros] == '.' ? zeros - 1 : zeros);
  return (is_negative ? "-" : "") + plain;
}

/// The text of a number, or of a string; empty where there is no field.
std::string value_text(const json_line::field* field, std::string_view what) {
  if (field == nullptr)
    return {};
  if (field->what == json_line::kind::number)
    return without_exponent(what, field->text);
  if (field->what != json_line::kind::string || field->text.empty())
    throw input_error("the " + std::string(what) + " is not a number");
  return field->text;
}

std::optional<read_time> time_of(const found_field& found) {
  return parse_time(value_text(found.field, "time"), found.unit_ns);
}

std::optional<std::int64_t> service_of(const found_field& found) {
  const std::string text = value_text(found.field, "service time");
  return text.empty() ? std::nullopt
                      : std::optional{parse_decimal("service time", text, found.unit_ns)};
}

bool access_of(const found_field& found) {
  if (found.field == nullptr)
    return false;
  return parse_access(found.field->what == json_line::kind::string
                          ? std::string_view(found.field->text)
                          : "that is no string");
}

std::int64_t size_of(const found_field& found) {
  const std::string text = value_text(found.field, "size");
  return text.empty() ? 0 : parse_size("size", text);
}

row_key key_of(const json_line::field& field) {
  if (field.what != json_line::kind::string && field.what != json_line::kind::number)
    throw input_error("the key is neither a string nor a number");
  return {field.text, field.what == json_line::kind::number};
}

/// Where there may be an array. In CSV a ; would be between two keys.
const json_line::field& one_of_several(const json_line::field& field) {
  if (field.what == json_line::kind::string && field.text.find(';') != std::string::npos)
    throw input_error("the keys " + in_quotes(field.text) +
                      " are one string: write an array, [\"a\",\"b\"], or name the field of a key "
                      "that has a ; with --key");
  return field;
}

/// One at least.
void read_keys(const json_line& object, const event_columns& names, std::vector<row_key>& keys) {
  const found_field several = find_field(object, names.keys);
  const found_field one = find_field(object, names.key, several.field == nullptr);
  if (one.field != nullptr && several.field != nullptr)
    refuse_two_keys(names.key, names.keys);
  keys.clear();
  if (one.field != nullptr || several.field->what != json_line::kind::array)
    return keys.push_back(
        key_of(one.field != nullptr ? *one.field : one_of_several(*several.field)));
  for (const json_line::field& each : object.elements(*several.field))
    keys.push_back(key_of(each));
  if (keys.empty())
    throw input_error("the array of the keys is empty; every event needs a key");
}

/// `keys` is memory to be used again.
void add(const json_line& object, const event_columns& names, std::vector<row_key>& keys,
         trace_builder& events) {
  read_keys(object, names, keys);
  const found_field time = find_field(object, names.time);
  const found_field service = find_field(object, names.service);
  const found_field bytes = find_field(object, names.bytes);
  const found_field access = find_field(object, names.access);
  const missing_parts missing{.time = time.field == nullptr && !names.time.names.empty(),
                              .service = service.field == nullptr && !names.service.names.empty(),
                              .bytes = bytes.field == nullptr && !names.bytes.names.empty(),
                              .access = access.field == nullptr && !names.access.names.empty(),
                              .keys = find_field(object, names.keys).field == nullptr &&
                                      !names.keys.names.empty()};
  for (const json_line::field& field : object.fields())
    if (field.in == 0 && field.what != json_line::kind::null)
      refuse_unread(field.name, missing);
  const auto came = time_of(time);
  events.add({.key = keys.front().text,
              .is_number = keys.front().is_number,
              .at_ns = came ? std::optional{came->at_ns} : std::nullopt,
              .time_unit_ns = came ? came->unit_ns : 0,
              .service_ns = service_of(service),
              .bytes = size_of(bytes),
              .is_shared = access_of(access),
              .further = std::span{keys}.subspan(1)});
}

} // namespace

void read_jsonl(line_source& lines, const read_options& options, trace_builder& events,
                bad_lines& bad) {
  const event_columns names{options};
  json_line object;
  std::vector<row_key> keys;
  const auto read_event = [&] {
    const auto line = lines.next();
    if (!line)
      return false;
    if (line->empty())
      return true;
    object.parse(*line);
    add(object, names, keys, events);
    return true;
  };
  while (bad.next_event(lines, read_event)) {
  }
}

} // namespace convoy::tool
