#include "plots.hpp"

#include <array>
#include <cerrno>
#include <iostream>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace convoy::effects {

void draw_plots(const std::string& json_file, const std::string& directory) {
  constexpr int matplotlib_is_missing = 4; // the script has said so
  std::array<std::string, 4> words{"python3", CONVOY_EFFECTS_PLOTS, json_file, directory};
  std::array<char*, 5> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i)
    arguments[i] = words[i].data();

  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (error == ENOENT) {
    std::cerr << "convoy_effects: no plots, as there is no python3\n";
    return;
  }
  if (error != 0)
    throw std::system_error{error, std::generic_category(), "cannot run python3"};
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) &&
      (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == matplotlib_is_missing))
    return;
  throw std::runtime_error{"the plots could not be drawn"};
}

} // namespace convoy::effects
