#pragma once

// The part of the command line that is about reading a topic of Kafka or a stream of NATS.

#include "broker/request.hpp"
#include "cli/input_options.hpp"
#include "input/trace.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::tool {

/// `line` must outlive the parsing.
void declare_broker(CLI::App& command, input_line& line);

/// What to read of which broker; nothing where the input is none. Throws input_error, also where
/// an option is of the other kind of input.
[[nodiscard]] std::optional<broker_request> parse_broker(const input_line&);

/// --broker-setting and --broker-timeout. Throw input_error.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
parse_settings(const std::vector<std::string>& texts);
[[nodiscard]] std::chrono::milliseconds parse_broker_timeout(const std::string& text);

/// Reads it, with a bar on stderr if `shows_progress`; says beforehand where it is much. Throws
/// input_error.
[[nodiscard]] trace load_broker(const broker_request&, bool shows_progress);

/// A paragraph of a command's help: what is read of a broker.
extern const char* const broker_words;

} // namespace convoy::tool
