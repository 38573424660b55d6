#include "input/byte_source.hpp"

#include "text/parse.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>
#include <zlib.h>

namespace convoy::tool {
namespace {

constexpr std::array<unsigned char, 2> gzip_magic{0x1f, 0x8b};
constexpr int gzip_only = 16 + MAX_WBITS; // zlib's code for: gzip header and trailer, nothing else

std::string reason(int error) {
  return std::generic_category().message(error);
}

unreadable truncated() {
  return unreadable{"the gzip data is truncated; fetch the file again"};
}

} // namespace

void file_closer::operator()(std::FILE* file) const noexcept {
  if (file != stdin)
    std::fclose(file);
}

file_handle open_file(const std::string& path) {
  if (path == "-")
    return file_handle{stdin};
  std::error_code none; // what else may be wrong with the path, fopen says better
  if (std::filesystem::is_directory(path, none))
    throw unreadable("is a directory; name the files in it");
  file_handle file{std::fopen(path.c_str(), "rb")};
  if (!file)
    throw unreadable("cannot be opened: " + reason(errno));
  return file;
}

void byte_source::inflate_end::operator()(z_stream_s* stream) const noexcept {
  inflateEnd(stream);
  delete stream;
}

byte_source::byte_source(file_handle file) : file_(std::move(file)) {
  detect_gzip();
}

bool byte_source::refill() {
  const std::size_t kept = end_ - next_;
  std::memmove(raw_.data(), raw_.data() + next_, kept);
  errno = 0;
  const std::size_t count = std::fread(raw_.data() + kept, 1, raw_.size() - kept, file_.get());
  if (std::ferror(file_.get()) != 0)
    throw unreadable("cannot be read: " + reason(errno));
  next_ = 0;
  end_ = kept + count;
  return count > 0;
}

void byte_source::detect_gzip() {
  if (!refill() || raw_[0] != gzip_magic[0])
    return;
  if (end_ == 1) // no text starts so
    throw truncated();
  if (raw_[1] != gzip_magic[1])
    return;
  gzip_.reset(new z_stream{});
  if (inflateInit2(gzip_.get(), gzip_only) != Z_OK)
    throw std::bad_alloc{};
  in_member_ = true;
}

std::size_t byte_source::read(char* out, std::size_t size) {
  if (gzip_)
    return inflate_into(out, size);
  if (next_ == end_ && !refill())
    return 0;
  const std::size_t count = std::min(size, end_ - next_);
  std::memcpy(out, raw_.data() + next_, count);
  next_ += count;
  return count;
}

bool byte_source::next_member() {
  if (!note_.empty())
    return false;
  do {
    while (next_ != end_ && raw_[next_] == 0)
      ++next_;
  } while (next_ == end_ && refill());
  if (next_ == end_)
    return false;
  const bool has_two = end_ - next_ > 1 || refill(); // of the magic
  if (raw_[next_] != gzip_magic[0] || (has_two && raw_[next_ + 1] != gzip_magic[1])) {
    const std::string_view rest{reinterpret_cast<const char*>(raw_.data()) + next_, end_ - next_};
    note_ = "what follows the gzip data, " + in_quotes(rest.substr(0, rest.find_first_of("\r\n"))) +
            ", is no gzip and was left out, as gzip does";
    return false;
  }
  inflateReset(gzip_.get());
  return in_member_ = true;
}

std::size_t byte_source::inflate_into(char* out, std::size_t size) {
  for (;;) {
    if (!in_member_ && !next_member())
      return 0;
    const bool more = next_ != end_ || refill();
    gzip_->next_in = raw_.data() + next_;
    gzip_->avail_in = static_cast<uInt>(end_ - next_);
    gzip_->next_out = reinterpret_cast<Bytef*>(out);
    gzip_->avail_out = static_cast<uInt>(size);
    const int status = inflate(gzip_.get(), Z_NO_FLUSH);
    next_ = end_ - gzip_->avail_in;

    // Z_BUF_ERROR: no progress without more input, which the next turn brings.
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      throw unreadable("the gzip data is corrupt; fetch the file again");
    if (status == Z_STREAM_END)
      in_member_ = false;
    if (const std::size_t count = size - gzip_->avail_out; count > 0)
      return count;
    if (!more && in_member_)
      throw truncated();
  }
}

} // namespace convoy::tool
