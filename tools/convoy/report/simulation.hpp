#pragma once

// What `convoy simulate` tells: a table for people, JSON for programs.

#include "report/report.hpp"
#include "simulate/forecast.hpp"
#include "simulate/simulate.hpp"

#include <string>
#include <vector>

namespace convoy::tool {

struct simulation_report {
  report input;      ///< all but its runs
  sleep_costs costs; ///< nothing where handlers do not sleep
  bool has_measured_costs = false;
  std::vector<forecast_row> rows;
};

/// UTF-8 text in at most 120 columns, without colour. Ends with a line feed.
[[nodiscard]] std::string to_table(const simulation_report&);

/// What the figures mean, one sentence a line.
[[nodiscard]] std::vector<std::string> findings(const simulation_report&);

/// A JSON object; figures that do not exist are null. Ends with a line feed.
[[nodiscard]] std::string to_json(const simulation_report&);

} // namespace convoy::tool
