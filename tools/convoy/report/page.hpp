#pragma once

// One file that explains a replay to somebody who was not there: charts, tables and a conclusion in
// words, in HTML, with nothing to be loaded from elsewhere.

#include "report/page_data.hpp"
#include "report/report.hpp"

#include <string>
#include <utility>
#include <vector>

namespace convoy::tool {

/// Throws input_error where the program was built without the library that draws the charts.
void require_page();

/// The page. Names from the input are cut to a readable length, and are data in it: whatever they
/// hold, no browser takes them for markup or a script.
[[nodiscard]] std::string to_page(const report&, const page_data&);

/// What the runs come to, most important first, one sentence or two each.
[[nodiscard]] std::vector<std::string> conclusion(const report&, const page_data&);

/// What was run: name and words.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> facts(const report&,
                                                                     const page_data&);

/// What to read from each chart: its name on the page, and a sentence.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> readings(const report&,
                                                                        const page_data&);

} // namespace convoy::tool
