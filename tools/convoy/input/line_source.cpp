#include "input/line_source.hpp"

#include "input/trace.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace convoy::tool {

namespace {

/// What is no text, by its first bytes, and what makes text of it.
struct foreign_kind {
  std::string_view magic, name, unpacked_by;
};
using namespace std::string_view_literals;
constexpr std::array<foreign_kind, 11> foreign_kinds{
    {{"\x28\xB5\x2F\xFD"sv, "zstd", "zstd -dc FILE"},
     {"\xFD\x37zXZ\0"sv, "xz", "xz -dc FILE"},
     {"BZh91AY&SY"sv, "bzip2", "bzip2 -dc FILE"},
     {"\x04\x22\x4D\x18"sv, "lz4", "lz4 -dc FILE"},
     {"LZIP\x01"sv, "lzip", "lzip -dc FILE"},
     {"\x1F\x9D"sv, "compress", "uncompress -c FILE"},
     {"PK\x03\x04"sv, "zip", "unzip -p FILE"},
     {"7z\xBC\xAF\x27\x1C"sv, "7z", "7z x -so FILE"},
     {"\xFF\xFE"sv, "UTF-16", "iconv -f UTF-16 -t UTF-8 FILE"},
     {"\xFE\xFF"sv, "UTF-16", "iconv -f UTF-16 -t UTF-8 FILE"},
     {"\0\0\xFE\xFF"sv, "UTF-32", "iconv -f UTF-32 -t UTF-8 FILE"}}};

void refuse_foreign(std::string_view start) {
  for (const foreign_kind& kind : foreign_kinds)
    if (start.starts_with(kind.magic))
      throw unreadable("is " + std::string(kind.name) +
                       " data; text and gzip alone are read, so convert it, as in: " +
                       std::string(kind.unpacked_by) + " | convoy replay -");
}

} // namespace

line_source::line_source(file_handle file) : bytes_(std::move(file)), chunk_(1 << 16) {
  end_ = bytes_.read(chunk_.data(), chunk_.size());
  refuse_foreign({chunk_.data(), end_});
}

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
