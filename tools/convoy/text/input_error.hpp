#pragma once

#include <stdexcept>

namespace convoy::tool {

/// What is wrong with an input and where: "file:line: reason". One line, fit for a terminal.
struct input_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

} // namespace convoy::tool
