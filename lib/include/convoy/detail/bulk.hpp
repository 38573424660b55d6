#pragma once

// The rest of ingress: many messages at once.

#include "convoy/detail/ingress.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy::detail {

/// Iterators of which a copy reads the same elements: also std::move_iterator, though not to C++20.
template <class Iterator>
concept can_be_read_twice = std::forward_iterator<Iterator> ||
    std::derived_from<typename std::iterator_traits<Iterator>::iterator_category,
                      std::forward_iterator_tag>;

template <class Key, class Message, class State, class Hash, class Equal>
template <std::ranges::input_range Range>
bulk_result ingress<Key, Message, State, Hash, Equal>::submit_all(Range&& range) {
  using reference = std::ranges::range_reference_t<Range>;
  bulk_result result;
  try {
    auto at = std::ranges::begin(range);
    const auto end = std::ranges::end(range);
    if constexpr (std::is_reference_v<reference> &&
                  can_be_read_twice<std::ranges::iterator_t<Range>>) {
      // Elements of a container that the caller gave up may be moved from, though they are lvalues.
      constexpr bool given_up =
          std::is_rvalue_reference_v<reference> || // std::move_iterator says so itself
          (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>> &&
           !std::is_const_v<std::remove_reference_t<reference>>);
      while (at != end) {
        auto next = at;
        std::size_t count = 0;
        for (; count < bulk_chunk && next != end; ++next)
          ++count;
        if (!submit_some<given_up>(at, count, result))
          break;
        at = next;
      }
    } else { // elements made on the fly: each is made once, and those that are not accepted are gone
      std::vector<std::remove_cvref_t<reference>> made;
      made.reserve(bulk_chunk);
      while (at != end) {
        made.clear();
        std::exception_ptr
            unread; // what was read before is submitted all the same: it can't be read again
        try {
          for (; made.size() < bulk_chunk && at != end; ++at)
            made.push_back(*at);
        } catch (...) {
          unread = std::current_exception();
        }
        const bool all = submit_some<true>(made.begin(), made.size(), result);
        if (unread)
          std::rethrow_exception(unread);
        if (!all)
          break;
      }
    }
  } catch (...) {
    rethrow_after(result.accepted);
  }
  return result;
}

/// `count` elements, as one chunk if they fit, else one at a time, with waiting. False: refused in
/// between.
template <class Key, class Message, class State, class Hash, class Equal>
template <bool Move, class Iterator>
bool ingress<Key, Message, State, Hash, Equal>::submit_some(Iterator at, std::size_t count,
                                                            bulk_result& result) {
  if (!partitions_.front()->limits && submit_chunk<Move>(at, count, result))
    return true;
  for (; count != 0; --count, ++at, ++result.accepted) {
    auto&& element = *at;
    result.status = submit_waiting(std::get<0>(element), message_of<Move>(element));
    if (result.status != submit_status::accepted)
      return false;
  }
  return true;
}

template <class Key, class Message, class State, class Hash, class Equal>
template <bool Move, class Iterator>
bool ingress<Key, Message, State, Hash, Equal>::submit_chunk(Iterator first, std::size_t count,
                                                             bulk_result& result) {
  std::array<std::uint64_t, bulk_chunk> hashes;
  std::array<std::uint16_t, bulk_chunk> touched; // partitions, in the order of their first element
  std::array<std::uint64_t, most_partitions>
      next; // by partition: first how many, then the next ticket
  std::array<std::uint16_t, most_partitions> left;
  std::fill_n(left.begin(), partitions_.size(), std::uint16_t{0});
  std::size_t touched_count = 0;
  auto at = first;
  for (std::size_t i = 0; i < count; ++i, ++at) {
    hashes[i] = core_.hash(std::get<0>(*at));
    const auto p = index_of(hashes[i]);
    if (left[p]++ == 0)
      touched[touched_count++] = static_cast<std::uint16_t>(p);
  }
  // Tickets for nothing would keep their credit until the drainer comes.
  for (std::size_t i = 0; i < touched_count; ++i)
    if (!partitions_[touched[i]]->ring.has_credit(left[touched[i]]))
      return false;
  struct claims { // whatever happens, every ticket is published and every partition told
    ingress& self;
    std::array<std::uint16_t, bulk_chunk>& touched;
    std::array<std::uint64_t, most_partitions>& next;
    std::array<std::uint16_t, most_partitions>& left;
    std::size_t count = 0;
    ~claims() {
      for (std::size_t i = 0; i < count; ++i) {
        auto& p = *self.partitions_[touched[i]];
        for (; left[touched[i]] != 0; --left[touched[i]])
          p.ring.publish_void(next[touched[i]]++);
        p.signal();
      }
    }
  } claimed{*this, touched, next, left};
  for (; claimed.count < touched_count; ++claimed.count) {
    const auto p = touched[claimed.count];
    if (claim(*partitions_[p], left[p], next[p]) != submit_status::accepted)
      return false;
  }
  at = first;
  std::size_t filled = 0;
  try {
    for (; filled < count; ++filled, ++at) {
      const auto p = index_of(hashes[filled]);
      auto&& element = *at;
      --left[p];
      const auto ticket = next[p]++;
      fill(*partitions_[p], ticket, hashes[filled], std::get<0>(element),
           message_of<Move>(element));
    }
  } catch (...) {
    result.accepted += filled;
    throw;
  }
  result.accepted += count;
  return true;
}

} // namespace convoy::detail
