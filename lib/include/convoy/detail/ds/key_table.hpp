#pragma once

// The lanes of a partition by key: chains through the lanes themselves, so that an entry costs one
// pointer per bucket and nothing can fail once a lane exists. Single-threaded: only the drainer
// touches it.

#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace convoy::detail {

/// A lane's key may lie elsewhere. (It is asked by its type: a key may itself be callable.)
template <class Lane>
[[nodiscard]] const auto& key_of(const Lane& lane) noexcept {
  if constexpr (std::is_member_function_pointer_v<decltype(&Lane::key)>)
    return lane.key();
  else
    return lane.key;
}

template <class Lane, class Equal>
class key_table {
public:
  explicit key_table(Equal equal) : equal_(std::move(equal)) {}
  key_table(const key_table&) = delete;
  key_table& operator=(const key_table&) = delete;
  ~key_table() {
    if (heads_ != small_)
      delete[] heads_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  template <class Key>
  [[nodiscard]] Lane* find(const Key& key, std::uint32_t hash) const {
    for (auto* l = *bucket(hash); l != nullptr; l = l->next)
      if (l->hash == hash && equal_(key_of(*l), key))
        return l;
    return nullptr;
  }

  /// Where a search for it begins, to be asked for in time.
  [[nodiscard]] Lane* const* look_ahead(std::uint32_t hash) const noexcept { return bucket(hash); }

  /// The key must not be there.
  void insert(Lane& lane) noexcept {
    if (size_ >= buckets())
      resize(tuning::bucket_growth * buckets());
    auto** const head = bucket(lane.hash);
    lane.next = *head;
    *head = &lane;
    most_ = std::max(most_, ++size_);
  }

  void erase(Lane& lane) noexcept {
    auto** at = bucket(lane.hash);
    while (*at != &lane)
      at = &(*at)->next;
    *at = lane.next;
    --size_;
  }

  /// It is far larger than what is in it, and than idle partitions keep.
  [[nodiscard]] bool has_spares() const noexcept { return is_too_large_for(size_); }

  /// Shrinks to what was needed since the last time.
  void trim() noexcept {
    if (const auto needed = std::exchange(most_, size_); is_too_large_for(needed))
      resize(std::max(std::bit_ceil(tuning::bucket_growth * needed), tuning::kept_buckets));
  }

  /// Calls function(lane&) for each; it may erase that one.
  template <class Function>
  void for_each(Function&& function) {
    for (std::uint64_t b = 0; b < buckets(); ++b)
      for (auto* each = heads_[b]; each != nullptr;)
        function(*std::exchange(each, each->next));
  }

  /// Takes all lanes out, one by one.
  template <class Function>
  void drain(Function&& function) noexcept {
    for (std::uint64_t b = 0; b < buckets(); ++b)
      while (heads_[b] != nullptr) {
        auto* const lane = std::exchange(heads_[b], heads_[b]->next);
        --size_;
        function(*lane);
      }
  }

private:
  [[nodiscard]] bool is_too_large_for(std::size_t lanes) const noexcept {
    return buckets() > tuning::kept_buckets && lanes < buckets() / tuning::too_many_buckets;
  }
  [[nodiscard]] std::uint64_t buckets() const noexcept { return mask_ + 1; }
  [[nodiscard]] Lane** bucket(std::uint32_t hash) const noexcept { return heads_ + (hash & mask_); }

  void resize(std::uint64_t wanted) noexcept {
    if (wanted > std::uint64_t{1} << 32)
      return;
    auto** const heads = new (std::nothrow) Lane*[wanted]();
    if (heads == nullptr)
      return; // chains get longer, that is all
    auto** const old = std::exchange(heads_, heads);
    const auto old_buckets = buckets();
    mask_ = wanted - 1;
    for (std::uint64_t b = 0; b < old_buckets; ++b)
      for (auto* l = old[b]; l != nullptr;) {
        auto** const head = bucket(l->hash);
        auto* const next = std::exchange(l->next, *head);
        *head = l;
        l = next;
      }
    if (old != small_)
      delete[] old;
  }

  Lane* small_[tuning::fewest_buckets] = {};
  Lane** heads_ = small_;
  std::uint64_t mask_ = tuning::fewest_buckets - 1;
  std::size_t size_ = 0;
  std::size_t most_ = 0; // since the last trim()
  [[no_unique_address]] Equal equal_;
};

} // namespace convoy::detail
