#pragma once

// submitter, the part about many messages at once.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/submit/submitter.hpp"

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

template <class Core>
template <std::ranges::input_range Range>
bulk_result submitter<Core>::submit_all(Range&& range) {
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
        std::size_t count = 0;
        if constexpr (std::ranges::random_access_range<Range> && std::ranges::sized_range<Range>)
          count = std::min<std::size_t>(tuning::bulk_chunk, static_cast<std::size_t>(end - at));
        else
          for (auto next = at; count < tuning::bulk_chunk && next != end; ++next)
            ++count;
        if (!submit_some<given_up>(at, count, result))
          break;
      }
    } else { // elements made on the fly: each is made once, and those that are not accepted are gone
      std::vector<std::remove_cvref_t<reference>> made;
      made.reserve(tuning::bulk_chunk);
      while (at != end) {
        made.clear();
        std::exception_ptr
            unread; // what was read before is submitted all the same: it can't be read again
        try {
          for (; made.size() < tuning::bulk_chunk && at != end; ++at)
            made.push_back(*at);
        } catch (...) {
          unread = std::current_exception();
        }
        auto first = made.begin();
        const bool all = submit_some<true>(first, made.size(), result);
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

/// `count` elements, in chunks as large as fit, or one at a time, with waiting. Then `at` is behind
/// them. False: refused in between.
template <class Core>
template <bool Move, class Iterator>
bool submitter<Core>::submit_some(Iterator& at, std::size_t count, bulk_result& result) {
  const bool in_chunks = !partitions_.front()->limits;
  for (std::size_t size = in_chunks ? count : 0; count != 0;) {
    size = std::min(size, count);
    if (size == 0) {
      auto&& element = *at;
      result.status = submit_waiting(std::get<0>(element), message_of<Move>(element));
      if (result.status != submit_status::accepted)
        return false;
      ++result.accepted;
      ++at;
      --count;
      size = in_chunks ? tuning::bulk_growth : 0; // there was room, perhaps for more
    } else if (submit_chunk<Move>(at, size, result)) {
      count -= size;
      size *= tuning::bulk_growth;
    } else {
      size /= tuning::bulk_shrink;
    }
  }
  return true;
}

/// What the partitions get of a chunk. Whatever happens, every ticket is published, and every
/// partition that gave some is told.
template <class Core>
class submitter<Core>::shares {
public:
  using index = std::uint16_t;

  explicit shares(submitter& self) noexcept : self_(self) {
    std::fill_n(by_partition_.begin(), self.partitions_.size(), none);
  }
  shares(const shares&) = delete;
  shares& operator=(const shares&) = delete;
  ~shares() {
    bool any_void = false;
    for (auto* each = all_.data(); claimed_ != 0; --claimed_, ++each) {
      if (each->next != each->end) [[unlikely]] {
        each->of->ring.publish_nothing(each->next, each->end - each->next);
        any_void = true;
      }
      each->of->signal();
    }
    if (any_void) // somebody may have seen the tickets before their credit
      self_.core_.room.notify();
  }

  /// One message more for a partition. Returns which share it belongs to.
  [[nodiscard]] index add(std::size_t partition) noexcept {
    auto& i = by_partition_[partition];
    if (i == none) [[unlikely]] {
      i = static_cast<index>(size_++);
      all_[i].of = self_.partitions_[partition].get();
      all_[i].next = all_[i].end = 0;
    }
    ++all_[i].end;
    return i;
  }

  /// Takes tickets for all that was added. False: it does not fit.
  [[nodiscard]] bool claim() {
    for (std::size_t i = 0; i < size_; ++i) { // so that few tickets are void
      const auto [p, unused, count, cell] = all_[i];
      if (!p->ring.has_room(count) &&
          (p->ring.closed() || (!p->ring.grow(count) && !self_.borrow_credit(*p, count))))
        return false;
    }
    for (; claimed_ != size_; ++claimed_) {
      auto& each = all_[claimed_];
      if (!self_.claim_once(*each.of, each.end, each.next) &&
          self_.claim(*each.of, each.end, each.next) != submit_status::accepted)
        return false;
      each.end += each.next;
      each.cell = &each.of->ring.at(each.next);
    }
    return true;
  }

  template <class Source>
  void fill_next(index i, std::uint64_t hash, const Key& key, Source&& source) {
    auto& mine = all_[i];
    const auto ticket = mine.next++;
    auto& cell = mine.of->ring.at(ticket, mine.cell);
    mine.cell = &cell + 1;
    fill(*mine.of, ticket, cell, hash, key, std::forward<Source>(source));
  }

private:
  static constexpr index none = tuning::bulk_chunk;

  struct alignas(32) share {
    partition_type* of;
    std::uint64_t next; // its next ticket; 0 as long as it has none
    std::uint64_t end;  // behind its last one; how many, as long as it has none
    cell_type* cell;    // behind the last one that was filled
  };

  submitter& self_;
  std::array<index, tuning::most_partitions> by_partition_;
  std::array<share, tuning::bulk_chunk> all_; // in the order of their first message
  std::size_t size_ = 0;
  std::size_t claimed_ = 0; // of these
};

template <class Core>
template <bool Move, class Iterator>
bool submitter<Core>::submit_chunk(Iterator& at, std::size_t count, bulk_result& result) {
  constexpr bool stored = hash_is_stored<Key, typename Core::hash_type>;
  std::array<std::uint64_t, stored ? tuning::bulk_chunk : 1> hashes;
  hashes[0] = 0; // cells that don't store it are given it, too
  std::array<typename shares::index, tuning::bulk_chunk> its_share;
  shares all(*this);
  auto next = at;
  for (std::size_t i = 0; i < count; ++i, ++next) {
    const auto hash = core_.scattered_hash(std::get<0>(*next));
    if constexpr (stored)
      hashes[i] = hash;
    its_share[i] = all.add(index_of(hash));
  }
  if (!all.claim())
    return false;
  std::size_t filled = 0;
  try {
    for (next = at; filled < count; ++filled, ++next) {
      auto&& element = *next;
      all.fill_next(its_share[filled], hashes[stored ? filled : 0], std::get<0>(element),
                    message_of<Move>(element));
    }
  } catch (...) {
    result.accepted += filled;
    throw;
  }
  result.accepted += count;
  at = next;
  return true;
}

} // namespace convoy::detail
