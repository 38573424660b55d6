#pragma once

// JSON lines: one object per line.

#include "line_source.hpp"
#include "reader.hpp"
#include "trace_builder.hpp"

namespace convoy::tool {

/// Adds every line; blank ones are skipped. The key is a string or a number; times, service and
/// bytes are numbers, or strings that hold one; null counts as absent. A name with dots that no field
/// has leads into objects: "user.id". Throws input_error without saying where.
void read_jsonl(line_source& lines, const read_options& options, trace_builder& events);

} // namespace convoy::tool
