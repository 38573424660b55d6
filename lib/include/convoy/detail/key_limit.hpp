#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace convoy::detail {

/// Counts the unfinished messages of each key, exactly, for processors with a key_capacity. One per
/// partition; costs producers a short lock per message, which those without a key_capacity do not
/// pay.
template <class Key, class Hash, class Equal>
class key_limit {
public:
  key_limit(std::size_t most, Hash hash, Equal equal)
      : most_(most), counts_(0, std::move(hash), std::move(equal)) {}

  /// A first look, so that a full key is refused without taking a ticket.
  [[nodiscard]] bool has_room(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto at = counts_.find(key);
    return at == counts_.end() || at->second < most_;
  }

  /// True: one more of `key` is counted. Throws what copying a key or allocating throws; then
  /// nothing is counted.
  [[nodiscard]] bool add(const Key& key) {
    const std::lock_guard lock(mutex_);
    auto& count = counts_[key];
    return count < most_ && ++count != 0;
  }

  void remove(const Key& key, std::size_t count) noexcept {
    const std::lock_guard lock(mutex_);
    const auto at = counts_.find(key);
    if ((at->second -= count) == 0)
      counts_.erase(at);
  }

private:
  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<Key, std::size_t, Hash, Equal> counts_;
};

} // namespace convoy::detail
