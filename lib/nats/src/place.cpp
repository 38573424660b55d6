#include "place.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace convoy::nats::detail {

namespace {

template <class Number>
bool read_number(std::string_view text, Number& into) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size();
}

constexpr std::string_view begins_with = "$JS.ACK.";
// Tokens after that, and where DELIVERIES is, of the short form and of the long one.
constexpr std::size_t short_count = 7, short_at = 2, long_count = 9, long_at = 4;

} // namespace

std::optional<place> place_from(std::string_view reply) noexcept {
  if (!reply.starts_with(begins_with))
    return std::nullopt;
  std::array<std::string_view, long_count> tokens;
  std::size_t count = 0;
  std::string_view rest = reply.substr(begins_with.size());
  while (count < tokens.size()) {
    const auto dot = rest.find('.');
    tokens[count++] = rest.substr(0, dot);
    if (dot == std::string_view::npos)
      break;
    rest.remove_prefix(dot + 1);
  }
  if (count != short_count && count != long_count)
    return std::nullopt;
  const std::size_t at = count == short_count ? short_at : long_at;
  place its;
  std::uint64_t deliveries = 0;
  if (!read_number(tokens[at], deliveries) || !read_number(tokens[at + 1], its.sequence) ||
      !read_number(tokens[at + 2], its.delivery) ||
      !read_number(tokens[at + 3], its.timestamp_ns) || !read_number(tokens[at + 4], its.pending))
    return std::nullopt;
  return its;
}

} // namespace convoy::nats::detail
