#pragma once

#include <convoy/convoy.hpp>
#include <convoy/dead_letter_reader.hpp>
#include <string>
#include <vector>

namespace convoy::test {

using file_of_numbers = dead_letter_file<int, int>;

inline void offer(file_of_numbers& file, int message) {
  file({.key = 0, .message = message, .sequence = 0});
}

inline std::vector<int> messages(const std::string& path) {
  std::vector<int> read;
  for (const auto& letter : read_dead_letters<int, int>(path))
    read.push_back(letter.message);
  return read;
}

} // namespace convoy::test
