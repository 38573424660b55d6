#pragma once

// What messages about both kinds of brokers say alike.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// `there is no topic "x"`, and which there are, if they are few. `what`: topic or stream.
[[nodiscard]] std::string no_such_name(std::string_view what, std::string_view name,
                                       std::vector<std::string> known);

/// "10 s", "2.5 s".
[[nodiscard]] std::string patience_text(std::chrono::milliseconds);

} // namespace convoy::tool
