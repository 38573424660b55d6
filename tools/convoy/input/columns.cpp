#include "input/columns.hpp"

#include "input/trace.hpp"
#include "text/parse.hpp"
#include "text/time_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace convoy::tool {
namespace {

constexpr std::int64_t microsecond = 1'000;

struct unit_word {
  std::string_view word;
  std::int64_t ns;
};

constexpr std::array<unit_word, 17> unit_words{{{"ns", 1},
                                                {"nsec", 1},
                                                {"nanos", 1},
                                                {"nanoseconds", 1},
                                                {"us", 1'000},
                                                {"µs", 1'000},
                                                {"usec", 1'000},
                                                {"micros", 1'000},
                                                {"microseconds", 1'000},
                                                {"ms", 1'000'000},
                                                {"msec", 1'000'000},
                                                {"millis", 1'000'000},
                                                {"milliseconds", 1'000'000},
                                                {"s", 1'000'000'000},
                                                {"sec", 1'000'000'000},
                                                {"secs", 1'000'000'000},
                                                {"seconds", 1'000'000'000}}};

constexpr std::array<std::string_view, 8> time_words = {
    "timestamp", "time", "ts", "datetime", "date", "eventtime", "eventtimestamp", "epoch"};

constexpr std::string_view key_option = "--key";
constexpr std::string_view time_option = "--time-column";
constexpr std::string_view service_option = "--service-column";
constexpr std::string_view bytes_option = "--bytes-column";
constexpr std::string_view access_option = "--access-column";
constexpr std::string_view keys_option = "--keys-column";

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_word_character(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool ends_with_word(std::string_view name, std::string_view word) {
  if (name.size() <= word.size())
    return false;
  const std::string_view end = name.substr(name.size() - word.size());
  const char before = name[name.size() - word.size() - 1];
  return std::ranges::equal(end, word, {}, lower, lower) &&
         (!is_word_character(before) || (is_upper(end[0]) && !is_upper(before)));
}

/// The name without brackets behind its unit: "time (ms)" is "time (ms".
std::string_view unbracketed(std::string_view name) {
  while (!name.empty() && (name.back() == ')' || name.back() == ']'))
    name.remove_suffix(1);
  return name;
}

const unit_word* find_unit(std::string_view name) {
  const auto found = std::ranges::find_if(unit_words, [&](const unit_word& unit) {
    return ends_with_word(unbracketed(name), unit.word);
  });
  return found == unit_words.end() ? nullptr : &*found;
}

/// Letters and digits in small letters, without the unit: "Event-Time (ms)" is "eventtime".
std::string stem_of(std::string_view name) {
  std::string_view stem = unbracketed(name);
  if (const unit_word* const unit = find_unit(name))
    stem.remove_suffix(unit->word.size());
  std::string small;
  for (const char c : stem)
    if (is_word_character(c))
      small += lower(c);
  return small;
}

/// The option that would name the column of which this seems to be the name; empty: none.
std::string_view option_meant_by(std::string_view name) {
  constexpr std::string_view first_letters = "tdesbak"; // of the stems below
  const auto first = std::ranges::find_if(name, is_word_character);
  if (first == name.end() || first_letters.find(lower(*first)) == std::string_view::npos)
    return {};
  const std::string stem = stem_of(name);
  if (std::ranges::find(time_words, stem) != time_words.end())
    return time_option;
  if (stem == "servicetime" || (stem == "service" && find_unit(name) != nullptr))
    return service_option;
  if (stem == "access")
    return access_option;
  if (stem == "keys")
    return keys_option;
  return stem == "bytes" ? bytes_option : std::string_view{};
}

std::vector<column_name> standard_names(const std::string& stem) {
  return {{stem + "_us", 1'000},
          {stem + "_ns", 1},
          {stem + "_ms", 1'000'000},
          {stem + "_s", 1'000'000'000}};
}

column_names choose(std::string_view option, const std::optional<std::string>& named,
                    std::vector<column_name> standard, std::optional<std::int64_t> unit_ns = {}) {
  if (!named)
    return {std::move(standard), option};
  if (named->empty())
    return {{}, option};
  return {{{*named, unit_ns.value_or(unit_of(*named).value_or(microsecond))}}, option, true};
}

} // namespace

event_columns::event_columns(const read_options& options)
    : key{choose(key_option, options.key_column, {{"key", 1}})}, keys{choose(keys_option,
                                                                             options.keys_column,
                                                                             {{"keys", 1}})},
      time{choose(time_option, options.time_column, standard_names("timestamp"),
                  options.time_unit_ns)},
      service{choose(service_option, options.service_column, standard_names("service"))},
      bytes{choose(bytes_option, options.bytes_column, {{"bytes", 1}})},
      access{choose(access_option, options.access_column, {{"access", 1}})} {
  if (key.names.empty())
    throw input_error("the name of the key column is empty; every event needs a key");
  if (keys.must_exist && options.key_column)
    throw input_error(std::string(key_option) + " and " + std::string(keys_option) +
                      " both name the keys; leave one of them out");
  if (keys.must_exist)
    key = {{}, key_option};
  else if (options.key_column)
    keys = {{}, keys_option};
}

void refuse_two_keys(const column_names& key, const column_names& keys) {
  throw input_error("there are both " + in_quotes(key.names.front().text) + " and " +
                    in_quotes(keys.names.front().text) + ": choose one of them with " +
                    std::string(key.option) + " or " + std::string(keys.option));
}

bool parse_access(std::string_view text) {
  if (text == "shared")
    return true;
  if (!text.empty() && text != "exclusive")
    throw input_error("access " + in_quotes(text) +
                      " is neither shared nor exclusive; do without by " +
                      std::string(access_option) + " \"\"");
  return false;
}

std::optional<std::int64_t> unit_of(std::string_view name) {
  const unit_word* const unit = find_unit(name);
  return unit == nullptr ? std::nullopt : std::optional{unit->ns};
}

void refuse_unread(std::string_view name, const missing_parts& missing) {
  const std::string_view option = option_meant_by(name);
  if ((option == time_option && missing.time) || (option == service_option && missing.service) ||
      (option == bytes_option && missing.bytes) || (option == access_option && missing.access) ||
      (option == keys_option && missing.keys))
    throw input_error(in_quotes(name) +
                      " is not read, as it is none of the standard names: read it with " +
                      std::string(option) + " " + in_quotes(name) + ", or do without by " +
                      std::string(option) + " \"\"");
}

std::optional<read_time> parse_time(std::string_view text, std::int64_t unit_ns) {
  if (text.empty())
    return std::nullopt;
  if (has_iso_form(text))
    return read_time{parse_iso_time(text), 0};
  const std::string unit = unit_ns == 1           ? "nanoseconds"
                           : unit_ns == 1'000     ? "microseconds"
                           : unit_ns == 1'000'000 ? "milliseconds"
                                                  : "seconds";
  const std::size_t first_digit = text.starts_with('-') ? 1 : 0;
  if (text.find_first_not_of("0123456789.", first_digit) != std::string_view::npos)
    throw input_error("time " + in_quotes(text) + " is neither a number of " + unit +
                      ", such as 12 or 0.5, nor a time such as 2020-10-10T13:55:36Z (ISO 8601)");
  return read_time{parse_decimal("time", text, unit_ns,
                                 "is too large for " + unit + "; say its unit with --time-unit"),
                   unit_ns};
}

} // namespace convoy::tool
