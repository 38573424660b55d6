#pragma once

// Comma-separated values, RFC 4180.

#include "line_source.hpp"
#include "reader.hpp"
#include "trace_builder.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// One record at a time: fields between commas; a quoted field may hold commas, line breaks (read
/// as "\n") and doubled quotes. Blank lines are skipped.
class csv_record {
public:
  /// False at the end of the input. Throws input_error where the quoting is malformed.
  [[nodiscard]] bool read(line_source& lines);

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t field) const;

private:
  std::size_t read_plain(std::string_view line, std::size_t from);
  std::size_t read_quoted(line_source& lines, std::string_view& line, std::size_t from);

  std::string text_;              ///< the fields without quotes, end to end
  std::vector<std::size_t> ends_; ///< where in text_ each field ends
};

/// Adds every record after the header line. Throws input_error without saying where.
void read_csv(line_source& lines, const read_options& options, trace_builder& events);

} // namespace convoy::tool
