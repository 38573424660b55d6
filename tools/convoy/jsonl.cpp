#include "jsonl.hpp"

#include "parse.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace convoy::tool {
namespace {

using json = nlohmann::json;

/// The field of that name, "user.id" with its dot if there is one, else id in the object user. Null
/// where there is neither.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the name has dots
const json* find_path(const json& object, std::string_view name) {
  if (const auto field = object.find(name); field != object.end())
    return &*field;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    const auto inner = object.find(name.substr(0, dot));
    if (inner == object.end() || !inner->is_object())
      continue;
    if (const json* field = find_path(*inner, name.substr(dot + 1)))
      return field;
  }
  return nullptr;
}

/// Null where the object has no such field, or a null there, and may do without.
const json* find_field(const json& object, const std::optional<std::string>& named,
                       std::string_view standard, bool required) {
  const std::string_view name = named ? std::string_view(*named) : standard;
  if (name.empty() && !required)
    return nullptr;
  const json* const field = find_path(object, name);
  if (field != nullptr && !field->is_null())
    return field;
  if (named || required)
    throw input_error("the object has no field " + in_quotes(name));
  return nullptr;
}

std::string key_text(const json& field) {
  if (field.is_string())
    return field.get<std::string>();
  if (field.is_number())
    return field.dump();
  throw input_error("the key is neither a string nor a number");
}

std::optional<std::int64_t> number(const json* field, std::string_view what, std::int64_t unit) {
  if (field == nullptr)
    return std::nullopt;
  if (field->is_string())
    return parse_decimal(what, field->get_ref<const std::string&>(), unit);
  if (field->is_number_integer())
    return parse_decimal(what, field->dump(), unit);
  if (!field->is_number())
    throw input_error("the " + std::string(what) + " is not a number");

  const double given = field->get<double>();
  const double value = std::round(given * static_cast<double>(unit));
  if (given < 0)
    throw input_error("the " + std::string(what) + " is negative; it must be 0 or more");
  if (value >= static_cast<double>(std::numeric_limits<std::int64_t>::max()))
    throw input_error("the " + std::string(what) + " is too large");
  return static_cast<std::int64_t>(value);
}

} // namespace

void read_jsonl(line_source& lines, const read_options& options, trace_builder& events) {
  while (const auto line = lines.next()) {
    if (line->empty())
      continue;
    const json object = json::parse(*line, nullptr, false);
    if (!object.is_object())
      throw input_error("the line is not a JSON object");
    const std::string key = key_text(*find_field(object, options.key_column, "key", true));
    const json* const time = find_field(object, options.time_column, "timestamp_us", false);
    const json* const service = find_field(object, options.service_column, "service_us", false);
    const json* const bytes = find_field(object, options.bytes_column, "bytes", false);
    events.add({.key = key,
                .at_us = number(time, "time", 1),
                .service_ns = number(service, "service time", 1000),
                .bytes = number(bytes, "size", 1).value_or(0)});
  }
}

} // namespace convoy::tool
