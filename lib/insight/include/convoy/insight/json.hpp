#pragma once

#include <convoy/explanation.hpp>
#include <convoy/snapshot.hpp>
#include <span>
#include <string>

namespace convoy {

/// Snapshots as a JSON array, times in seconds; one line. What is no UTF-8 in names and labels is
/// replaced. Any thread. Throws std::bad_alloc.
[[nodiscard]] std::string to_json(std::span<const snapshot> of);
[[nodiscard]] std::string to_json(const snapshot& of); ///< an object

/// An object, with the sentence of to_string() as "text"; "since_seconds" ago, in
/// "until_seconds". What is not known is null.
[[nodiscard]] std::string to_json(const explanation& why);

} // namespace convoy
