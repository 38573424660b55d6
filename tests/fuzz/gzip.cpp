// Text, compressed as two gzip members, reads back as itself; cut short, it is an error. What is no
// gzip of ours is read as it is: any bytes are lines or an input_error.

#include "input/line_source.hpp"
#include "input/trace.hpp"
#include "memory_file.hpp"

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>
#include <zlib.h>

namespace {

using bytes = std::vector<std::uint8_t>;
using text_lines = std::vector<std::string>;

std::optional<text_lines> lines_of(const std::uint8_t* data, std::size_t size) {
  try {
    convoy::tool::line_source source{memory_file(data, size)};
    text_lines lines;
    while (const auto line = source.next())
      lines.emplace_back(*line);
    return lines;
  } catch (const convoy::tool::input_error&) {
    return std::nullopt;
  }
}

void append_member(bytes& out, const std::uint8_t* data, std::size_t size) {
  z_stream stream{};
  deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  const std::size_t before = out.size();
  out.resize(before + deflateBound(&stream, size));
  stream.next_in = const_cast<std::uint8_t*>(data);
  stream.avail_in = static_cast<uInt>(size);
  stream.next_out = out.data() + before;
  stream.avail_out = static_cast<uInt>(out.size() - before);
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
    std::abort();
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto plain = lines_of(data, size);
  if (size < 2 || data[0] == 0x1f)
    return 0;

  const std::size_t half = data[0] * size / 256;
  bytes packed;
  append_member(packed, data, half);
  append_member(packed, data + half, size - half);
  const auto unpacked = lines_of(packed.data(), packed.size());
  if (plain && unpacked != plain) // what is no text may be told by more bytes than a member has
    std::abort();
  if (plain && lines_of(packed.data(), packed.size() - 1 - data[1] % 8))
    std::abort();
  return 0;
}
