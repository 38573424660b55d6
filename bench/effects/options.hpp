#pragma once

// The command line of convoy_effects.

#include "load.hpp"
#include "plan.hpp"
#include "strategies/strategy.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace convoy::effects {

/// As the user wrote it; lists of names are still text.
struct command_line {
  std::vector<std::string> parts, laws, faults;
  std::vector<unsigned> workers;
  std::vector<double> thetas, loads;
  std::string mean, strategies = "lanes,mutex,shards,unordered";
  load_options load;
  unsigned repetitions = 1;
  unsigned retries = 0; ///< of a run that the machine disturbed
  bool is_smoke = false;
  std::string json, plots;
  bool hides_progress = false;
};

/// `line` must outlive the parsing.
void declare_options(CLI::App&, command_line& line);

/// The sweep that the user asked for; sets line.load for a smoke run. Throws tool::input_error.
[[nodiscard]] sweep sweep_of(command_line& line);

} // namespace convoy::effects
