#pragma once

// Collects the rows that the formats find into a trace.

#include "trace.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace convoy::tool {

/// One event as its source has it. Empty: the source does not say.
struct row {
  std::string_view key;
  std::optional<std::int64_t> at_us; ///< after any origin that all rows share
  std::optional<std::int64_t> service_ns;
  std::int64_t bytes = 0;
};

class trace_builder {
public:
  /// Throws input_error where the key is empty, where the row has a time or service and the rows
  /// before it do not (or the reverse), and where there are too many keys to number or bytes to add.
  void add(const row& row);

  [[nodiscard]] std::size_t size() const noexcept { return made_.events.size(); }

  /// The trace, sorted by time and relative to its first event. The builder is spent.
  trace finish() &&;

private:
  struct text_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::uint32_t index_of(std::string_view key);

  trace made_;
  std::int64_t bytes_ = 0;
  std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> indices_;
};

} // namespace convoy::tool
