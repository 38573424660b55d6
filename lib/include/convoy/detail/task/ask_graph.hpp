#pragma once

// Which key waits for which: each that asks waits for one, so from a key it is a chain, and an ask that
// would close one is refused. One lock for all asks of the process.

#include <cstdint>
#include <string>
#include <vector>

namespace convoy::detail {

/// What can be asked of a key whose type is not known.
struct key_rules {
  bool (*equal)(const void* core, const void* a, const void* b) noexcept;
  std::string (*text)(const void* core, const void* key);
};

/// A key of a processor.
struct key_place {
  const key_rules* rules = nullptr; ///< one for each type of a processor
  const void* core = nullptr;
  const void* key = nullptr;
  std::uint64_t hash = 0;
};

struct ask_edge {
  key_place from; ///< it waits; both keys must live as long as it is noted
  key_place to;
  ask_edge* next = nullptr;
  bool is_noted = false; ///< under the lock
};

/// Notes that from waits for to. Else, if that would wait for from: their names, from first, and it is
/// not noted. Throws std::bad_alloc.
[[nodiscard]] std::vector<std::string> note(ask_edge& edge);

/// It does not wait any more, if it did. Any thread.
void forget(ask_edge& edge) noexcept;

} // namespace convoy::detail
