#pragma once

// What `convoy consume` tells in the end.

#include "consume/consume.hpp"
#include "consume/request.hpp"

#include <string>

namespace convoy::tool {

[[nodiscard]] std::string to_table(const consume_request&, const consumption&);
[[nodiscard]] std::string to_json(const consume_request&, const consumption&);

} // namespace convoy::tool
