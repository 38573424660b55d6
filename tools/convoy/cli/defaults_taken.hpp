#pragma once

// Options with a default.

#include "text/format.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace convoy::tool {

/// Takes what the user gave, or notes for the report what was chosen.
class defaults_taken {
public:
  explicit defaults_taken(std::vector<std::string>& noted) : noted_{noted} {}

  template <class T>
  T operator()(const std::optional<T>& given, std::string_view option, const T& otherwise) {
    if (given)
      return *given;
    if constexpr (std::is_convertible_v<T, std::string>)
      note(option, otherwise);
    else
      note(option, text(otherwise));
    return otherwise;
  }

  void note(std::string_view option, const std::string& value) {
    noted_.push_back(value.empty() ? std::string{option} : std::string{option} + ' ' + value);
  }

private:
  static std::string text(double value) { return number_text(value); }
  static std::string text(std::uint64_t value) { return std::to_string(value); }
  static std::string text(unsigned value) { return std::to_string(value); }

  std::vector<std::string>& noted_;
};

} // namespace convoy::tool
