#pragma once

// Why nobody answers at an address, which not every client library tells.

#include "broker/url.hpp"

#include <chrono>
#include <string>

namespace convoy::tool {

/// Tries once to connect by TCP: "Connection refused", or what else is wrong; empty where somebody
/// does answer. Takes at most `patience`, besides looking up the name.
[[nodiscard]] std::string why_unreachable(const broker_url::address&,
                                          std::chrono::milliseconds patience);

} // namespace convoy::tool
