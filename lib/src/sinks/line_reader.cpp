#include "convoy/detail/sinks/line_reader.hpp"

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sinks/owned_file.hpp"
#include "platform/uninterrupted.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace convoy::detail {

namespace {

int open_to_read(const std::string& path) {
  const auto whole = absolute_path(path); // refuses what would be cut short
  const int descriptor = uninterrupted([&] { return ::open(whole.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor < 0)
    throw_file_error("can't open", path, "give a file that a dead_letter_file has written");
  return descriptor;
}

} // namespace

line_reader::line_reader(std::string path)
    : path_(std::move(path)), descriptor_(open_to_read(path_)), is_ours_(true) {}

line_reader::line_reader(int descriptor, std::string path)
    : path_(std::move(path)), descriptor_(descriptor), is_ours_(false) {}

line_reader::~line_reader() {
  if (is_ours_)
    ::close(descriptor_);
}

bool line_reader::next() {
  auto looked_until = next_;
  for (;;) {
    const auto end = buffer_.find('\n', looked_until);
    if (end != std::string::npos) {
      begin_ = next_;
      size_ = end - begin_;
      next_ = end + 1;
      ++number_;
      return true;
    }
    buffer_.erase(0, next_);
    buffer_at_ += std::exchange(next_, 0);
    begin_ = size_ = 0;
    looked_until = buffer_.size();
    if (!read_more()) {
      torn_ = buffer_.size();
      return false;
    }
  }
}

/// False: at the end.
bool line_reader::read_more() {
  constexpr auto block = tuning::read_block;
  const auto had = buffer_.size();
  buffer_.resize(had + block);
  const auto count =
      uninterrupted([&] { return ::read(descriptor_, buffer_.data() + had, block); });
  buffer_.resize(had + static_cast<std::size_t>(count < 0 ? 0 : count));
  if (count < 0)
    throw_file_error("can't read", path_, "give a file that a dead_letter_file has written");
  return count != 0;
}

} // namespace convoy::detail
