#pragma once

// What a run did, for a trace of it.

#include "load/workload.hpp"

#include <convoy/recording.hpp>
#include <cstddef>

namespace convoy::tool {

/// From the stamps of a run that was traced; messages of a key that a worker ran in a row are one
/// slice. All runs begin at time 0, so that they can be compared side by side. It has at most `most`
/// slices, those that began first, and as many holds, and tells how many more there are.
[[nodiscard]] recording recording_of(const workload&, const run&, std::size_t most);

} // namespace convoy::tool
