#pragma once

// What a command is told of its record by the environment.

#include "consume/record_view.hpp"

#include <string>
#include <vector>

namespace convoy::tool {

/// The program's own environment, without what variables_of() sets.
[[nodiscard]] std::vector<std::string> inherited_variables();

/// "CONVOY_KEY=ann" and so on. What an environment can't hold is left out: values with a byte of 0,
/// and those of more than 100,000 bytes.
[[nodiscard]] std::vector<std::string> variables_of(const record_view&, unsigned attempt);

/// A paragraph of the command's help: which they are.
extern const char* const variable_words;

} // namespace convoy::tool
