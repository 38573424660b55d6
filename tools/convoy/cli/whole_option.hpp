#pragma once

// An option that is a whole number.

#include "text/parse.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace convoy::tool {

/// A number as parse.hpp reads it: CLI11 takes 010 for 8 and what is too large for the largest.
template <class Number>
CLI::Option* add_whole(CLI::App& app, const std::string& name, std::optional<Number>& number,
                       std::uint64_t least, std::uint64_t most, const std::string& words) {
  const auto parse = [=, &number](const std::string& text) {
    number = static_cast<Number>(parse_whole(name, text, least, most));
  };
  return app.add_option_function<std::string>(name, parse, words)->type_name("N");
}

} // namespace convoy::tool
