#pragma once

// A workload as it would be if a key were handled faster, or split into several.

#include "load/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace convoy::tool {

struct what_if {
  std::string key;         ///< as in the input
  double faster = 1;       ///< its handlers take this part of their time: 2 is half
  std::uint32_t split = 1; ///< its messages are dealt to so many keys in turn

  friend bool operator==(const what_if&, const what_if&) = default;
};

/// KEY:faster=X, KEY:split=N or both, comma separated; the key may hold colons itself. Throws
/// input_error.
[[nodiscard]] what_if parse_what_if(std::string_view text);

/// As parse_what_if() reads it, fit for a terminal, in at most `width` columns: a long key is cut.
[[nodiscard]] std::string what_if_text(const what_if&, std::size_t width);

/// Throws input_error where no message has the key.
void check(const workload& load, const what_if&);

/// Messages keep their index. The first of the keys that one is split into is the key itself, the
/// others are new ones behind all. Throws as check().
[[nodiscard]] workload with(workload load, const what_if&);

} // namespace convoy::tool
