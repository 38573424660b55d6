#pragma once

// What a processor is told when it is to look at itself.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/time_span.hpp"

#include <chrono>
#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace convoy {

struct plain_t {
  explicit plain_t() = default;
};
/// Keys are called what they are, see insight_options::label.
inline constexpr plain_t plain{};

namespace detail {
template <class Key>
inline constexpr bool has_plain_label =
    std::is_arithmetic_v<Key> || std::is_convertible_v<const Key&, std::string_view>;

template <class Key>
[[nodiscard]] std::string plain_label(const Key& key) {
  if constexpr (std::is_convertible_v<const Key&, std::string_view>)
    return std::string(static_cast<std::string_view>(key));
  else
    return std::to_string(key);
}
} // namespace detail

/// How keys are called in snapshots. By default by a hash that is another one in each process, as
/// keys may be private: `plain` for what they are (numbers and strings), or a function.
template <class Key>
class key_label {
public:
  key_label() noexcept = default;
  key_label(plain_t) // NOLINT(google-explicit-constructor)
      requires(detail::has_plain_label<Key>)
      : of_(detail::plain_label<Key>) {}
  /// Called on workers, some thousand times a second; what it throws makes the key a hash.
  template <class Function>
  requires(!std::same_as<std::remove_cvref_t<Function>, key_label> &&
           std::is_invocable_r_v<std::string, Function&, const Key&>)
      key_label(Function of) // NOLINT(google-explicit-constructor)
      : of_(std::move(of)) {}

  [[nodiscard]] bool is_private() const noexcept { return of_ == nullptr; }
  [[nodiscard]] std::string operator()(const Key& key) const { return of_(key); }

private:
  std::function<std::string(const Key&)> of_;
};

/// Which keys take the time, and what messages wait for, see processor::snapshot(). It costs two
/// clocks for some messages (one in tens of thousands if handlers are cheap), and 70 KiB per worker,
/// however many keys there are.
template <class Key>
struct insight_options {
  unsigned top = 0; ///< so many keys in each list of a snapshot, 1 to 128; 0: no insight
  time_span window = std::chrono::seconds(1); ///< of a snapshot, 1 ms to an hour
  key_label<Key> label = {};                  ///< cut to 40 bytes
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
