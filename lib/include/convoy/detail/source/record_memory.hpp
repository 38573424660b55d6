#pragma once

// A record's bytes, from when it was read until it is finished and its place is used again, and how
// it gets on its way.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/source/assignment.hpp"
#include "convoy/detail/source/intake.hpp"
#include "convoy/detail/source/lanes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy::detail {

/// What a place keeps of each of its parts for its next record, at most, in bytes; so what is kept is
/// bounded by their number.
inline constexpr std::size_t most_kept = 4096, most_kept_headers = 64;

/// Copies of what was read, in memory that the place's next record uses again: what a client hands
/// out would keep the whole answer of the broker that it lies in.
class record_memory {
public:
  /// What was kept is gone. Throws std::bad_alloc.
  void make_room(std::size_t size) {
    size = std::max<std::size_t>(size, 1); // a view of nothing is not null: it would be a tombstone
    if (room_ < size || (room_ > most_kept && size <= most_kept)) [[unlikely]] {
      bytes_ = std::make_unique_for_overwrite<char[]>(size);
      room_ = size;
    }
    next_ = bytes_.get();
  }

  /// A view of the copy. All that is kept must not be larger than the room.
  [[nodiscard]] std::string_view keep(std::string_view part) noexcept {
    char* const to = next_;
    if (!part.empty())
      std::memcpy(to, part.data(), part.size());
    next_ += part.size();
    return {to, part.size()};
  }
  [[nodiscard]] std::optional<std::string_view>
  keep(const std::optional<std::string_view>& part) noexcept {
    return part ? std::optional(keep(*part)) : std::nullopt;
  }

private:
  std::unique_ptr<char[]> bytes_;
  std::size_t room_ = 0;
  char* next_ = nullptr;
};

// ---- its parts; a header has a name, and a value that may be nothing ----

[[nodiscard]] inline std::size_t size_of(std::string_view part) noexcept {
  return part.size();
}
[[nodiscard]] inline std::size_t size_of(const std::optional<std::string_view>& part) noexcept {
  return part ? part->size() : 0;
}
template <class Header>
[[nodiscard]] std::size_t size_of(std::span<const Header> headers) noexcept { // what they refer to
  std::size_t size = 0;
  for (const auto& each : headers)
    size += size_of(each.name) + size_of(each.value);
  return size;
}

/// Of what is kept besides what it refers to, which may be less than that: names of one byte, say.
template <class Header>
[[nodiscard]] std::size_t place_of(std::span<const Header> headers) noexcept {
  return headers.size_bytes();
}

template <class Header>
void copy_headers(std::span<const Header> from, std::vector<Header>& as, record_memory& in) {
  if (as.capacity() > most_kept_headers && from.size() <= most_kept_headers) [[unlikely]]
    std::vector<Header>().swap(as);
  as.assign(from.begin(), from.end());
  for (auto& each : as) {
    each.name = in.keep(each.name);
    each.value = in.keep(each.value);
  }
}
template <class Header>
void keep_headers(std::span<const Header> from, std::vector<Header>& as, record_memory& in) {
  if (!from.empty() || !as.empty()) [[unlikely]] // most records have none, and pay for no call
    copy_headers(from, as, in);
}

/// The value of the first header of that name.
template <class Header>
[[nodiscard]] std::optional<std::string_view> value_of(std::span<const Header> in,
                                                       std::string_view name) noexcept {
  const auto at =
      std::find_if(in.begin(), in.end(), [&](const auto& each) { return each.name == name; });
  return at == in.end() ? std::nullopt : std::optional<std::string_view>(at->value);
}

// ---- on its way ----

/// Which lane records without a key have.
enum class lane_without_key : unsigned char { shared, own };

/// Of a record's key. Those without have the lane of `source`, or one each.
inline void set_lane(delivery& of, const std::optional<std::string_view>& key,
                     std::string_view source, lane_without_key otherwise) {
  const auto its = key ? *key : source;
  if (of.key.capacity() > most_kept && its.size() <= most_kept) [[unlikely]]
    std::string(its).swap(of.key); // an assignment would keep what a long one had
  else
    of.key = its;
  if (!key && otherwise == lane_without_key::own)
    of.key += '@' + std::to_string(of.position);
}

/// Hands on a record that was read at that time to its lane. fill(flying) copies it, and sets its
/// bytes and key. There must be room. Throws what fill() throws, std::bad_alloc, refused.
template <class Flying, class Record, class Fill>
void hand_on(intake& books, assignment& home, std::uint64_t position, clock::time_point read_at,
             record_lanes<Record>& lanes, Fill fill) {
  auto* const flying = static_cast<Flying*>(home.begin(position));
  auto its = record_access<Record>::make(*flying); // whatever is thrown, it is released unfinished
  fill(*flying);
  flying->since = read_at;
  books.count(*flying);
  lanes.submit(flying->key, std::move(its));
}

} // namespace convoy::detail
