#include "convoy/watermark.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <utility>

// convoy1:LOWEST:FORM BODY:CHECKSUM (without the blank)
//
//   LOWEST    in decimal digits
//   FORM      r: BODY is the lengths of runs from LOWEST on, unfinished, finished, unfinished, …
//                Each has digits of five bits, the lowest first; 32 is added if another follows.
//             b: BODY is bits from LOWEST + 1 on, set for a finished one, six a digit, the lowest
//                first. The last digit is not 0.
//   CHECKSUM  16 hexadecimal digits: CRC-64/XZ of all before it, then `source`
//
// Digits of a body are those of base64url. Of both forms the shorter one is written, runs if they
// are as long. So there is one text for each progress, and no other is read.

namespace convoy {

namespace {

constexpr auto no_position = std::numeric_limits<std::uint64_t>::max();
constexpr std::string_view digits_of_body =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view version_of_text = "convoy1:";
constexpr std::size_t checksum_size = 16, bits_of_digit = 6, bits_of_run = 5;
constexpr std::uint64_t another_follows = 1U << bits_of_run;

constexpr std::array<std::uint64_t, 256> make_crc_table() {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::uint64_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xC96C5795D7870F42 : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto crc_of_byte = make_crc_table();

/// The last colon ends the text before the source, so that no two pairs are the same bytes.
std::string checksum_of(std::string_view text, std::string_view source) {
  std::uint64_t crc = ~std::uint64_t{0};
  for (const auto part : {text, source})
    for (const char byte : part)
      crc = (crc >> 8) ^ crc_of_byte[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  crc = ~crc;
  std::string result(checksum_size, '0');
  for (std::size_t i = 0; i < checksum_size; ++i)
    result[i] = "0123456789abcdef"[(crc >> (60 - 4 * i)) & 0xF];
  return result;
}

void check_ranges(const progress& what) {
  auto before = what.lowest;
  for (const auto& [first, end] : what.finished) {
    if (first <= before || end <= first)
      throw std::invalid_argument("convoy::to_text: the range " + std::to_string(first) + " to " +
                                  std::to_string(end) + " is empty, or not above " +
                                  std::to_string(before) + ": ranges come in order, with a gap");
    before = end;
  }
}

// ---- sizes of bodies ----

std::size_t run_size(std::uint64_t length) {
  std::size_t size = 1;
  while ((length >>= bits_of_run) != 0)
    ++size;
  return size;
}

std::size_t size_as_runs(const progress& what) {
  std::size_t size = 0;
  auto before = what.lowest;
  for (const auto& [first, end] : what.finished) {
    size += run_size(first - before) + run_size(end - first);
    before = end;
  }
  return size;
}

std::uint64_t size_as_bits(const progress& what) {
  if (what.finished.empty())
    return 0;
  const auto bits = what.finished.back().end - (what.lowest + 1);
  return bits / bits_of_digit + (bits % bits_of_digit != 0);
}

// ---- what finds room ----

progress that_fits_as_runs(const progress& what, std::size_t room) {
  progress result{what.lowest, {}};
  auto before = what.lowest;
  for (const auto& each : what.finished) {
    const auto size = run_size(each.first - before) + run_size(each.end - each.first);
    if (size > room)
      break;
    room -= size;
    result.finished.push_back(each);
    before = each.end;
  }
  return result;
}

progress that_fits_as_bits(const progress& what, std::size_t room) {
  progress result{what.lowest, {}};
  const auto left = no_position - what.lowest; // lowest + 1 can't wrap round if there is a range
  const auto bits = room <= left / bits_of_digit ? room * bits_of_digit : left;
  for (auto [first, end] : what.finished) {
    const auto ahead = first - (what.lowest + 1);
    if (ahead >= bits)
      break;
    end = first + std::min(end - first, bits - ahead);
    result.finished.push_back({first, end});
  }
  return result;
}

std::uint64_t count_of(const progress& what) {
  std::uint64_t count = 0;
  for (const auto& [first, end] : what.finished)
    count += end - first;
  return count;
}

/// All of it, or as much as one of both forms has room for.
progress that_fits(const progress& what, std::size_t room) {
  if (std::min<std::uint64_t>(size_as_runs(what), size_as_bits(what)) <= room)
    return what;
  auto runs = that_fits_as_runs(what, room);
  auto bits = that_fits_as_bits(what, room);
  return count_of(runs) < count_of(bits) ? std::move(bits) : std::move(runs);
}

// ---- writing ----

void append_run(std::string& text, std::uint64_t length) {
  for (; length >= another_follows; length >>= bits_of_run)
    text += digits_of_body[length % another_follows + another_follows];
  text += digits_of_body[length];
}

void append_bits(std::string& text, const progress& what) {
  const auto body = text.size();
  std::vector<unsigned> values(size_as_bits(what), 0U);
  for (const auto& [first, end] : what.finished)
    for (auto bit = first - (what.lowest + 1); bit < end - (what.lowest + 1); ++bit)
      values[bit / bits_of_digit] |= 1U << (bit % bits_of_digit);
  text.resize(body + values.size());
  std::transform(values.begin(), values.end(), text.begin() + static_cast<std::ptrdiff_t>(body),
                 [](unsigned value) { return digits_of_body[value]; });
}

std::string start_of_text(const progress& what) {
  return std::string(version_of_text) + std::to_string(what.lowest) + ':';
}

std::string whole_text(const progress& what, std::string_view source) {
  auto text = start_of_text(what);
  if (size_as_runs(what) <= size_as_bits(what)) {
    text += 'r';
    auto before = what.lowest;
    for (const auto& [first, end] : what.finished) {
      append_run(text, first - before);
      append_run(text, end - first);
      before = end;
    }
  } else {
    text += 'b';
    append_bits(text, what);
  }
  text += ':';
  return text + checksum_of(text, source);
}

// ---- reading ----

/// Its digit at the front, which it takes off; nothing if there is none.
std::optional<std::uint64_t> take_digit(std::string_view& body) {
  if (body.empty())
    return std::nullopt;
  const auto value = digits_of_body.find(body.front());
  body.remove_prefix(1);
  return value == std::string_view::npos ? std::nullopt : std::optional<std::uint64_t>{value};
}

/// Nothing if 64 bits can't hold it.
std::optional<std::uint64_t> take_run(std::string_view& body) {
  std::uint64_t length = 0;
  for (unsigned shift = 0; shift < 64; shift += bits_of_run) {
    const auto digit = take_digit(body);
    if (!digit)
      return std::nullopt;
    const auto value = *digit % another_follows;
    if ((value << shift) >> shift != value)
      return std::nullopt;
    length |= value << shift;
    if (*digit < another_follows)
      return length;
  }
  return std::nullopt;
}

std::optional<progress> read_runs(std::uint64_t lowest, std::string_view body) {
  progress result{lowest, {}};
  auto before = lowest;
  while (!body.empty()) {
    const auto unfinished = take_run(body);
    const auto finished = take_run(body);
    if (!unfinished || !finished || *unfinished == 0 || *finished == 0 ||
        *unfinished > no_position - before || *finished > no_position - before - *unfinished)
      return std::nullopt;
    const auto first = before + *unfinished;
    before = first + *finished;
    result.finished.push_back({first, before});
  }
  return result;
}

std::optional<progress> read_bits(std::uint64_t lowest, std::string_view body) {
  progress result{lowest, {}};
  std::uint64_t ahead = 0; // of lowest
  while (!body.empty()) {
    auto digit = take_digit(body);
    if (!digit)
      return std::nullopt;
    for (std::size_t bit = 0; bit < bits_of_digit; ++bit, *digit >>= 1) {
      ++ahead;
      if (*digit % 2 == 0)
        continue;
      if (ahead >= no_position - lowest) // its end would be none
        return std::nullopt;
      const auto position = lowest + ahead;
      if (!result.finished.empty() && result.finished.back().end == position)
        ++result.finished.back().end;
      else
        result.finished.push_back({position, position + 1});
    }
  }
  return result;
}

/// `text` begins with the version and ends before the checksum.
std::optional<progress> read_text(std::string_view text) {
  text.remove_prefix(version_of_text.size());
  progress result;
  const auto [after, error] =
      std::from_chars(text.data(), text.data() + text.size(), result.lowest);
  if (error != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  if (text.size() < 3 || text.front() != ':' || text.back() != ':')
    return std::nullopt;
  const char form = text[1];
  const auto body = text.substr(2, text.size() - 3);
  return form == 'r'   ? read_runs(result.lowest, body)
         : form == 'b' ? read_bits(result.lowest, body)
                       : std::nullopt;
}

} // namespace

std::string to_text(const progress& what, std::string_view source, std::size_t most) {
  check_ranges(what);
  const auto fixed = start_of_text(what).size() + 2 + checksum_size; // the form and a colon
  if (most < fixed)
    return {};
  return whole_text(that_fits(what, most - fixed), source);
}

std::optional<progress> progress_from_text(std::string_view text, std::string_view source) {
  if (!text.starts_with(version_of_text) || text.size() < version_of_text.size() + checksum_size)
    return std::nullopt;
  const auto content = text.substr(0, text.size() - checksum_size);
  if (text.substr(content.size()) != checksum_of(content, source))
    return std::nullopt;
  auto result = read_text(content);
  if (result && whole_text(*result, source) != text) // one text for each progress
    return std::nullopt;
  return result;
}

} // namespace convoy
