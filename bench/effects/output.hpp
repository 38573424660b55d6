#pragma once

// What a sweep tells: JSON for programs and plots, a summary for people.

#include "figures.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace convoy::effects {

struct study {
  std::string version; ///< of the project
  unsigned cores = 1;
  std::uint64_t seed = 1; ///< of the first repetition; the others count on
  std::uint32_t keys = 0;
  double seconds = 0; ///< see load_options
  std::vector<cell_run> runs;
};

/// A JSON object; figures that do not exist are null. Ends with a line feed.
[[nodiscard]] std::string to_json(const study&);

/// Medians and extremes per strategy, UTF-8, at most 120 columns. Ends with a line feed.
[[nodiscard]] std::string to_summary(const study&);

} // namespace convoy::effects
