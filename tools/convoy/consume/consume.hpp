#pragma once

// Runs a command for each record of a broker, the records of a key in order.

#include "consume/handling.hpp"
#include "consume/request.hpp"

#include <convoy/source.hpp>
#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {

struct consumption {
  source_account account;
  command_counts commands;
  std::vector<source_position> positions;
  double seconds = 0;
  int signal = 0;                     ///< that has ended it; 0: none
  std::optional<std::string> trouble; ///< why it could not go on
};

/// Until a signal (SIGINT, SIGTERM, SIGHUP), the end, or trouble. A second signal kills
/// commands, and ends the program at once. The handlers of those signals are the former ones in the
/// end. Throws input_error.
[[nodiscard]] consumption consume(const consume_request&);

} // namespace convoy::tool
