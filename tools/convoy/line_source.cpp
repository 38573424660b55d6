#include "line_source.hpp"

#include "trace.hpp"

#include <algorithm>
#include <utility>

namespace convoy::tool {

line_source::line_source(file_handle file) : bytes_(std::move(file)), chunk_(1 << 16) {}

std::optional<std::string_view> line_source::next() {
  line_.clear();
  ++number_;
  for (bool whole = false; !whole;) {
    if (next_ == end_) {
      next_ = 0;
      end_ = bytes_.read(chunk_.data(), chunk_.size());
      if (end_ == 0 && line_.empty())
        return --number_, std::nullopt;
      if (end_ == 0)
        break;
    }
    const auto from = chunk_.begin() + static_cast<std::ptrdiff_t>(next_);
    const auto to = chunk_.begin() + static_cast<std::ptrdiff_t>(end_);
    const auto line_break = std::find(from, to, '\n');
    line_.append(from, line_break);
    whole = line_break != to;
    next_ += static_cast<std::size_t>(line_break - from) + (whole ? 1 : 0);
    if (line_.size() > longest_line)
      throw input_error("the line is longer than 1 MiB; is this a text file?");
  }

  if (line_.find('\0') != std::string::npos)
    throw input_error("the line holds a NUL byte; convert the file to UTF-8 text");
  std::string_view line = line_;
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (number_ == 1 && line.starts_with("\xEF\xBB\xBF"))
    line.remove_prefix(3);
  return line;
}

} // namespace convoy::tool
