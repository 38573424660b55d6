#pragma once

// Collects the rows that the formats find into a trace.

#include "input/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace convoy::tool {

struct row_key {
  std::string_view text;
  bool is_number = false; ///< it is no string, where the source tells them apart
};

/// One event as its source has it. Empty: the source does not say.
struct row {
  std::string_view key;
  bool is_number = false;            ///< as row_key
  bool may_be_empty = false;         ///< the key; a file that has none there is wrong
  std::optional<std::int64_t> at_ns; ///< after any origin that all rows share; not negative
  std::int64_t time_unit_ns = 0;     ///< at_ns was a number of this unit; 0: no number
  std::optional<std::int64_t> service_ns;
  std::int64_t bytes = 0;
  bool is_shared = false;
  std::span<const row_key> further = {}; ///< keys beside that one
};

class trace_builder {
public:
  trace_builder() = default;

  /// Where events have no time or service and a later one has, `may_drop` is asked, with their
  /// number, whether they may be left out instead of refusing the later one.
  explicit trace_builder(std::function<bool(std::size_t)> may_drop)
      : may_drop_{std::move(may_drop)} {}

  /// Throws input_error where the key is empty and may not be, where the row has a time or service and the rows
  /// before it do not (or the reverse), where the key is a number and was a string of the same text
  /// before (or the reverse), where it has too many keys, or several and another one is shared, and where
  /// there is too much to number or to add up. Of such a row nothing stays.
  void add(const row& row);

  [[nodiscard]] std::size_t size() const noexcept { return made_.events.size(); }

  /// The trace, sorted by time and relative to its first event. The builder is spent.
  trace finish() &&;

private:
  struct text_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  struct key_entry {
    std::uint32_t index;
    bool is_number;
  };

  void number(std::span<const row_key> keys, std::span<std::uint32_t> numbers);

  std::function<bool(std::size_t)> may_drop_;
  trace made_;
  std::int64_t bytes_ = 0;
  bool has_shared_ = false;
  std::unordered_map<std::string, key_entry, text_hash, std::equal_to<>> keys_;
};

} // namespace convoy::tool
