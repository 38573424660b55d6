#pragma once

// What a process tells of itself, read back.

#include <convoy/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::tool {

/// Of /snapshot.json. What is missing stays 0: the process may be of another version. Throws
/// input_error for what is none.
[[nodiscard]] std::vector<snapshot> parse_snapshots(const std::string& json);

/// Of /explain, to be shown: what is asked, and what is answered.
struct answer_to_why {
  std::string state, sentence;
  std::vector<std::pair<std::string, std::string>> facts;
};
[[nodiscard]] answer_to_why parse_why(const std::string& json);

/// The JSON of /snapshot.json on one line in ASCII, fit for any terminal. Throws as
/// parse_snapshots().
[[nodiscard]] std::string plain_json(const std::string& json);

} // namespace convoy::tool
