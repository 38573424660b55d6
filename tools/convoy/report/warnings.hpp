#pragma once

// What a user should know before a long run: that its input is not what it seems, or that it asks
// for more than order or the workers allow. One sentence each.

#include "input/trace.hpp"
#include "load/workload.hpp"
#include "report/report.hpp"

#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {

/// Where the times seem to be read in a wrong unit, which makes of hours seconds or the reverse:
/// dates beside numbers, points of time far from today that another unit brings near it, or, where
/// nothing told the unit, a trace that is over in less than five minutes. `column` is what the user
/// named; the user has not said a unit.
[[nodiscard]] std::optional<std::string> doubt_of_times(const trace&,
                                                        const std::optional<std::string>& column);

/// Where messages arrive faster than a key, in order, or the workers can handle them. None where the
/// load is closed: that one waits.
[[nodiscard]] std::vector<std::string> load_warnings(const workload&, const report&);

} // namespace convoy::tool
