#pragma once

// The parts of a report that only a run with faults has.

#include "load/faults.hpp"
#include "measure/fault_figures.hpp"

#include <string>
#include <vector>

namespace convoy::tool {

/// The options that make these faults, the policy in full.
[[nodiscard]] std::string options_text(const fault_options&);

/// What became of the messages.
[[nodiscard]] std::string faults_part(const fault_figures&);

/// What the healthy keys noticed.
[[nodiscard]] std::string isolation_part(const fault_figures&);

/// Whether the account holds, and how to read the isolation figure: one sentence or two each.
[[nodiscard]] std::vector<std::string> fault_findings(const fault_figures&, bool closed);

} // namespace convoy::tool
