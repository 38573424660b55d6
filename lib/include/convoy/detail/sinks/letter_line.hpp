#pragma once

// A line of a dead_letter_file, taken apart.

#include "convoy/detail/sinks/json.hpp"
#include "convoy/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::detail {

/// What a dead_letter_file writes of a letter, in this order. Views are of the line.
struct letter_line {
  std::string_view key;               // JSON, as is the message
  std::vector<std::string_view> keys; // of a joint message; an older version wrote none of these
  std::uint64_t sequence = 0;
  unsigned attempts = 0;
  death why = death::failed;
  std::optional<std::string> reason;
  std::optional<std::string> first_error;
  std::optional<std::string> last_error;
  std::optional<wall_time> first_failed;
  wall_time died{};
  bool redriven = false;
  std::size_t mark =
      0; // where the line says so: '0' or '1'; 0: an older version wrote it, which had none
  std::string_view message;
};

/// The line without its '\n'. Throws std::invalid_argument if a dead_letter_file has not written
/// it, which says what is wrong at which byte.
[[nodiscard]] letter_line parse_letter(std::string_view line);

} // namespace convoy::detail
