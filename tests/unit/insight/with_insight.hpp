#pragma once

#include <chrono>
#include <convoy/convoy.hpp>
#include <string>

using options = convoy::processor<std::string, int>::options;

inline options with_insight(std::chrono::nanoseconds window) {
  options wanted;
  wanted.name = "orders";
  wanted.insight = {.top = 5, .window = window, .label = convoy::plain};
  return wanted;
}
