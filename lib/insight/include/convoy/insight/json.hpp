#pragma once

#include <convoy/snapshot.hpp>
#include <span>
#include <string>

namespace convoy {

/// Snapshots as a JSON array, times in seconds; one line. What is no UTF-8 in names and labels is
/// replaced. Any thread. Throws std::bad_alloc.
[[nodiscard]] std::string to_json(std::span<const snapshot> of);
[[nodiscard]] std::string to_json(const snapshot& of); ///< an object

} // namespace convoy
