#pragma once

// The keys with the largest sums, in constant memory: Space-Saving (Metwally, Agrawal, El Abbadi
// 2005) with weights. Of keys that are not among the entries the sum is at most least(); of those
// that are, it is between value - error and value. What is added are samples, so each entry also
// knows their variance.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace convoy::detail {

/// Cut to what a sum has room for.
[[nodiscard]] std::string short_label(std::string label, std::uint64_t hash);
/// Of a key that is private.
[[nodiscard]] std::string hash_label(std::uint64_t hash);

struct top_key {
  std::uint64_t hash = 0; ///< who it is
  double value = 0;
  double error = 0;    ///< of the value, at most: it came from who was here before
  double variance = 0; ///< of the value, as an estimate
  double messages = 0;
  double service = 0;        ///< ns
  double handled = 0;        ///< ns, of messages that have ended, from their beginning
  double waited = 0;         ///< ns
  double shared = 0;         ///< messages: of siblings, which run beside each other
  double shared_service = 0; ///< ns, of these
  std::uint32_t depth = 0;
  std::string label;
};

class top_keys {
public:
  static constexpr std::size_t most = 128;

  top_keys() { entries_.reserve(most); }

  /// The key's entry, after `value` was added. A new one has no label.
  [[nodiscard]] top_key& add(std::uint64_t hash, double value, double variance) noexcept;

  [[nodiscard]] const std::vector<top_key>& entries() const noexcept { return entries_; }
  /// Null: it has none.
  [[nodiscard]] top_key* find(std::uint64_t hash) noexcept;
  /// Of any key that is not here, at most.
  [[nodiscard]] double least() const noexcept;

  void clear() noexcept { entries_.clear(); }

private:
  std::vector<top_key> entries_;
  // Of the entries, once more: they are looked through for each sample.
  std::array<std::uint64_t, most> hashes_{};
  std::array<double, most> values_{};
  // And which is the least of each group of these.
  static constexpr std::size_t group = 16;
  std::array<std::size_t, most / group> least_{};

  void find_least(std::size_t of_group) noexcept;
};

} // namespace convoy::detail
