#pragma once

// Comma-separated values, RFC 4180.

#include "input/bad_lines.hpp"
#include "input/line_source.hpp"
#include "input/reader.hpp"
#include "input/trace_builder.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::tool {

/// One record at a time: fields between commas; a quoted field may hold commas, line breaks and
/// doubled quotes. Nothing of a field is changed. Blank lines are passed over, unless told otherwise.
class csv_record {
public:
  /// False at the end of the input. Throws input_error where the quoting is malformed; the next call
  /// then reads the line behind the one on which the record began, as a quote too many makes one
  /// record of many lines.
  [[nodiscard]] bool read(line_source& lines);

  /// Says that the record is no good, as if read() had thrown.
  void doubt() noexcept { is_doubtful_ = true; }

  /// Says that each line is a key alone: a blank one, except at the end, is an error from now on.
  void expect_keys() noexcept { are_keys_ = true; }

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t field) const;

private:
  std::size_t read_plain(std::string_view line, std::size_t from);
  std::size_t read_quoted(line_source& lines, std::string_view& line, std::size_t from);

  std::optional<std::string_view> next_line(line_source& lines, std::size_t opened);

  std::string text_;                                  ///< the fields without quotes, end to end
  std::vector<std::size_t> ends_;                     ///< where in text_ each field ends
  std::vector<line_source::kept_line> further_lines_; ///< of the record, after its first
  bool is_doubtful_ = false;
  bool are_keys_ = false;
};

/// Adds every record after the header line, but for bad ones that may be left out. Throws input_error without saying where.
void read_csv(line_source& lines, const read_options& options, trace_builder& events,
              bad_lines& bad);

} // namespace convoy::tool
