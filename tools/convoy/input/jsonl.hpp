#pragma once

// JSON lines: one object per line.

#include "input/bad_lines.hpp"
#include "input/line_source.hpp"
#include "input/reader.hpp"
#include "input/trace_builder.hpp"

namespace convoy::tool {

/// Adds every line but blank ones, and bad ones that may be left out. The key is a string, or a
/// number, which stays as it is written: 1, 1.0 and 1e0 are three keys. Times, service and bytes are
/// numbers, or strings that hold one, or for times ISO 8601; null counts as absent. A name with dots
/// that no field has leads into objects: "user.id". Throws input_error without saying where.
void read_jsonl(line_source& lines, const read_options& options, trace_builder& events,
                bad_lines& bad);

} // namespace convoy::tool
