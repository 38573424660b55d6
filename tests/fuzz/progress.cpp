#include "convoy/watermark.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

// Any bytes are nothing, or what the writer makes of what they say, byte for byte. So that the parser is
// reached the same bytes are read again with a checksum that is right. What bytes make of ranges is written
// and comes back; with one byte changed it does not; and where there is no room it says less, never more.

namespace {

using convoy::progress;
using convoy::progress_from_text;
using convoy::to_text;

constexpr std::string_view source = "orders/3";
constexpr auto last = std::numeric_limits<std::uint64_t>::max();

void require(bool holds) {
  if (!holds)
    std::abort();
}

/// CRC-64/XZ, bit by bit: not the library's.
std::string with_checksum(std::string text) {
  std::uint64_t crc = last;
  for (const char byte : text + std::string(source)) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) * 0xC96C5795D7870F42);
  }
  for (int shift = 60; shift >= 0; shift -= 4)
    text += "0123456789abcdef"[(~crc >> shift) & 15];
  return text;
}

void is_in_order(const progress& what) {
  auto before = what.lowest;
  for (const auto& [first, end] : what.finished) {
    require(before < first && first < end);
    before = end;
  }
}

void read(const std::string& text) {
  const auto what = progress_from_text(text, source);
  if (!what)
    return;
  is_in_order(*what);
  require(what->finished.size() <= 3 * text.size());
  require(to_text(*what, source, text.size()) == text);
  require(to_text(*what, source, 10 * text.size()) == text);
  require(!progress_from_text(text, "orders/33"));
}

/// Eight bytes are a range: how far it is from the one before, and how long, each with a scale.
progress of_bytes(std::string_view bytes) {
  const auto take = [&](std::size_t count) {
    std::uint64_t value = 0;
    for (; count != 0 && !bytes.empty(); --count, bytes.remove_prefix(1))
      value = value << 8 | static_cast<unsigned char>(bytes.front());
    return value;
  };
  const auto length = [&] {
    const auto scale = take(1) % 64;
    return 1 + (take(3) << scale >> (scale / 2));
  };
  progress result{take(8), {}};
  auto before = result.lowest;
  while (!bytes.empty()) {
    const auto unfinished = length(), finished = length();
    if (last - before < unfinished || last - before - unfinished < finished)
      break;
    result.finished.push_back({before + unfinished, before + unfinished + finished});
    before = result.finished.back().end;
  }
  return result;
}

bool is_part_of(const progress& part, const progress& whole) {
  auto its = whole.finished.begin();
  return part.lowest == whole.lowest &&
         std::all_of(part.finished.begin(), part.finished.end(), [&](const auto& each) {
           while (its != whole.finished.end() && its->end < each.end)
             ++its;
           return its != whole.finished.end() && its->first <= each.first;
         });
}

void write(std::string_view bytes) {
  const auto what = of_bytes(bytes);
  const auto text = to_text(what, source, 1 << 20);
  require(progress_from_text(text, source) == what);
  const auto some = std::hash<std::string_view>{}(bytes);
  auto changed = text;
  changed[some % text.size()] = static_cast<char>(some >> 32);
  require(changed == text || !progress_from_text(changed, source));
  const auto most = some % (text.size() + 1);
  const auto cut = to_text(what, source, most);
  require(cut.size() <= most);
  if (cut.empty())
    return;
  const auto less = progress_from_text(cut, source);
  require(less && is_part_of(*less, what) && to_text(*less, source, most) == cut);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  read(with_checksum(bytes));
  read(with_checksum("convoy1:" + bytes + ":"));
  write(bytes);
  return 0;
}
