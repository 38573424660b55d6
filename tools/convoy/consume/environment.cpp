#include "consume/environment.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string_view>
#include <unistd.h>

namespace convoy::tool {
namespace {

constexpr std::string_view of_header = "CONVOY_HEADER_";
constexpr std::size_t longest_variable = 100'000; // Linux takes 128 KiB of each

constexpr std::array<std::string_view, 9> own_variables{
    "CONVOY_TOPIC",   "CONVOY_PARTITION",    "CONVOY_OFFSET",  "CONVOY_SUBJECT",  "CONVOY_KEY",
    "CONVOY_KEY_HEX", "CONVOY_TIMESTAMP_MS", "CONVOY_ATTEMPT", "CONVOY_TOMBSTONE"};

bool is_ours(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  return name.starts_with(of_header) ||
         std::ranges::find(own_variables, name) != own_variables.end();
}

bool fits_a_variable(std::string_view value) {
  return value.size() <= longest_variable && value.find('\0') == std::string_view::npos;
}

std::string variable(std::string_view name, std::string_view value) {
  return std::string{name}.append("=").append(value);
}

std::string hex_digits(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// "trace-id" is CONVOY_HEADER_TRACE_ID.
std::string header_variable(std::string_view name) {
  std::string text{of_header};
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 128 && std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return text;
}

} // namespace

const char* const variable_words =
    R"(Environment of the command, besides the program's own: CONVOY_TOPIC, CONVOY_PARTITION, CONVOY_OFFSET
(of NATS the stream, no partition, the sequence, and CONVOY_SUBJECT besides);
CONVOY_KEY and CONVOY_KEY_HEX (its bytes as hex digits), both absent if the record has no key;
CONVOY_TIMESTAMP_MS, if it has one; CONVOY_ATTEMPT, from 1; CONVOY_TOMBSTONE=1 if the value is null;
and of each header CONVOY_HEADER_NAME, its name in capitals, with _ for all but letters and digits:
of several with one name the first. A value with a zero byte in it, or of more than 100,000 bytes,
can't be in an environment, and is absent: of such keys there is CONVOY_KEY_HEX.)";

std::vector<std::string> inherited_variables() {
  std::vector<std::string> all;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each)
    if (!is_ours(*each))
      all.emplace_back(*each);
  return all;
}

std::vector<std::string> variables_of(const record_view& record, unsigned attempt) {
  std::vector<std::string> all;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (fits_a_variable(value))
      all.push_back(variable(name, value));
  };
  add("CONVOY_TOPIC", record.source);
  if (record.partition)
    add("CONVOY_PARTITION", std::to_string(*record.partition));
  add("CONVOY_OFFSET", std::to_string(record.position));
  if (record.subject)
    add("CONVOY_SUBJECT", *record.subject);
  if (record.key) {
    add("CONVOY_KEY", *record.key);
    add("CONVOY_KEY_HEX", hex_digits(*record.key));
  }
  if (record.timestamp_ms)
    add("CONVOY_TIMESTAMP_MS", std::to_string(*record.timestamp_ms));
  add("CONVOY_ATTEMPT", std::to_string(attempt));
  if (!record.value)
    add("CONVOY_TOMBSTONE", "1");
  const std::size_t first_header = all.size();
  for (const auto& header : record.headers) {
    const std::string name = header_variable(header.first);
    const auto is_it = [&](const std::string& each) { return each.starts_with(name + "="); };
    if (std::none_of(all.begin() + static_cast<std::ptrdiff_t>(first_header), all.end(), is_it))
      add(name, header.second);
  }
  return all;
}

} // namespace convoy::tool
