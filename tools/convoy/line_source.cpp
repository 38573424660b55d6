#include "line_source.hpp"

#include "trace.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace convoy::tool {

line_source::line_source(file_handle file) : bytes_(std::move(file)), chunk_(1 << 16) {}

bool line_source::read_line() {
  line_.clear();
  for (bool whole = false; !whole;) {
    if (next_ == end_) {
      next_ = 0;
      end_ = bytes_.read(chunk_.data(), chunk_.size());
      if (end_ == 0)
        return !std::exchange(is_too_long_, false) && !line_.empty();
    }
    const auto from = chunk_.begin() + static_cast<std::ptrdiff_t>(next_);
    const auto to = chunk_.begin() + static_cast<std::ptrdiff_t>(end_);
    const auto line_break = std::find(from, to, '\n');
    whole = line_break != to;
    const auto behind = line_break + (whole ? 1 : 0);
    next_ += static_cast<std::size_t>(behind - from);
    if (is_too_long_) {
      is_too_long_ = !whole;
      whole = false;
      continue;
    }
    line_.append(from, behind);
    if (line_.size() > longest_line && !whole) {
      is_too_long_ = true;
      break;
    }
  }
  return true;
}

std::optional<std::string_view> line_source::next() {
  if (!again_.empty()) {
    line_ = std::move(again_.front().text);
    number_ = again_.front().number;
    again_.pop_front();
  } else {
    number_ = ++read_;
    if (!read_line()) {
      number_ = --read_;
      return std::nullopt;
    }
  }
  if (line_.size() > longest_line + (line_.ends_with('\n') ? 1 : 0))
    throw input_error("the line is longer than 1 MiB; is this a text file?");
  break_ = line_.size() - (line_.ends_with('\n') ? 1 : 0);
  while (break_ > 0 && line_[break_ - 1] == '\r')
    --break_;
  std::string_view line = std::string_view(line_).substr(0, break_);
  if (line.find('\0') != std::string_view::npos)
    throw input_error("the line holds a NUL byte; convert the file to UTF-8 text");
  if (number_ == 1 && line.starts_with("\xEF\xBB\xBF"))
    line.remove_prefix(3);
  return line;
}

void line_source::put_back(std::vector<kept_line>&& lines) {
  if (lines.empty())
    return;
  number_ = lines.front().number - 1;
  again_.insert(again_.begin(), std::make_move_iterator(lines.begin()),
                std::make_move_iterator(lines.end()));
}

} // namespace convoy::tool
