#pragma once

// A record as a command sees it, whatever broker it is from.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::tool {

/// Views of the record's own memory.
struct record_view {
  std::string_view source; ///< topic or stream
  std::optional<std::int32_t> partition;
  std::optional<std::string_view> subject; ///< of NATS
  std::uint64_t position = 0;              ///< offset or sequence
  std::optional<std::int64_t> timestamp_ms;
  std::optional<std::string_view> key, value; ///< nothing: it is null
  std::vector<std::pair<std::string_view, std::string_view>> headers;
};

} // namespace convoy::tool
