#pragma once

#include <functional>
#include <stdexcept>
#include <string>

/// What is said as it refuses an argument; `accepted` where it does not.
inline std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}
