#pragma once

// Access logs of web servers, in the common and the combined log format.

#include "input/bad_lines.hpp"
#include "input/line_source.hpp"
#include "input/reader.hpp"
#include "input/trace_builder.hpp"

#include <cstdint>
#include <string_view>

namespace convoy::tool {

/// host identity user [time] "request" status bytes …; what follows the bytes is not looked at.
struct clf_line {
  std::string_view host;
  std::string_view path;  ///< of the request, without its query; a malformed request as a whole
  std::int64_t at_ns = 0; ///< after 1970-01-01 00:00 UTC
  std::int64_t bytes = 0; ///< 0 where the log has "-"
};

/// Views into the line. Throws input_error that says which part is malformed.
clf_line parse_clf(std::string_view line);

/// Adds every line but blank ones, and bad ones that may be left out. Throws input_error without
/// saying where.
void read_clf(line_source& lines, const read_options& options, trace_builder& events,
              bad_lines& bad);

} // namespace convoy::tool
