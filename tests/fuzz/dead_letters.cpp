#include "convoy/detail/sinks/json.hpp"
#include "convoy/detail/sinks/letter_line.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

// Any bytes are a line that can be written again, and read as the same letter, or there is an error of one
// line. Any bytes come back from the JSON that is made of them.

namespace {

using namespace convoy::detail;

void require(bool holds) {
  if (!holds)
    std::abort();
}

void is_one_line(const std::exception& error) {
  const std::string_view what = error.what();
  require(!what.empty() && what.find('\n') == std::string_view::npos);
}

std::string json(const std::optional<std::string>& text) {
  return text ? json_string(*text) : "null";
}

/// As a dead_letter_file does.
std::string written(const letter_line& letter) {
  return R"({"key":)" + std::string(letter.key) + R"(,"sequence":)" +
         std::to_string(letter.sequence) + R"(,"attempts":)" + std::to_string(letter.attempts) +
         R"(,"why":")" + to_string(letter.why) + '"' +
         (letter.reason ? R"(,"reason":)" + json_string(*letter.reason) : "") +
         R"(,"first_error":)" + json(letter.first_error) + R"(,"last_error":)" +
         json(letter.last_error) + R"(,"first_failed":)" +
         (letter.first_failed ? json_time(*letter.first_failed) : "null") + R"(,"died":)" +
         json_time(letter.died) + (letter.mark == 0 ? "" : R"(,"redriven":)") +
         (letter.mark == 0  ? ""
          : letter.redriven ? "1"
                            : "0") +
         R"(,"message":)" + std::string(letter.message) + "}";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  require(bytes_of_json(json_of_bytes(bytes)) == bytes);
  try {
    (void)bytes_of_json(bytes);
  } catch (const std::invalid_argument& error) {
    is_one_line(error);
  }
  std::string line;
  try {
    const auto letter = parse_letter(bytes);
    require(letter.mark == 0 || bytes[letter.mark] == (letter.redriven ? '1' : '0'));
    line = written(letter);
  } catch (const std::invalid_argument& error) {
    is_one_line(error);
    return 0;
  }
  require(written(parse_letter(line)) == line);
  return 0;
}
