#pragma once

// Parts that the JSON of several commands have in common.

#include "report/report.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace convoy::tool {

using json = nlohmann::ordered_json;

/// A key, which JSON can show as it is only where that is UTF-8; else its bytes stand beside it.
[[nodiscard]] json key_object(const std::string& key);

[[nodiscard]] json to_object(const replay_config&);
[[nodiscard]] json to_object(const trace_figures&, const std::vector<std::string>& keys);
[[nodiscard]] json to_object(const latency&);
[[nodiscard]] json to_object(const wait_shares&);

/// What of the input is not in the trace, if that is to be told.
void add_not_read(const report&, json& of_trace);

} // namespace convoy::tool
