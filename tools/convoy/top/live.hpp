#pragma once

#include <chrono>
#include <string>

namespace convoy::tool {

/// The screen, until the user leaves it. Returns the signal that ended it, or 0. Throws
/// input_error.
[[nodiscard]] int watch_live(const std::string& socket, std::chrono::milliseconds interval);

} // namespace convoy::tool
