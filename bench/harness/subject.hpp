#pragma once

// What is measured: something that takes messages under keys and gives them to the handler.

#include "harness/handler.hpp"
#include "harness/message.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bench {

struct setup {
  unsigned workers = 1;
  unsigned producers = 1;
  std::uint32_t keys = 1;
  bool long_text = false; ///< see key_of()
};

/// Constructed from a setup and the handler, which outlives it. submit() may be called by any thread
/// and inside handlers. Besides, a subject may have
/// - drain(), if it can tell when all is handled; else the handler's tally does;
/// - submit_bulk(range of pairs);
/// - producer(), something with submit() for a thread that submits much;
/// - inside(function), which calls it where submitting is cheapest.
template <class Subject, class Key, class Message>
concept subject = std::constructible_from<Subject, const setup&, handler&> &&
    requires(Subject& s, const Key& key, const Message& m) {
  s.submit(key, m);
};

/// An object for each key, all made beforehand and found without a lock. This favours the peers:
/// convoy makes its lanes while it is timed, and forgets them.
template <class Key, class Object>
class directory {
public:
  /// Constructs each object from what make() returns.
  template <class Make>
  directory(const setup& s, Make&& make) : objects_(s.keys) {
    for (auto& object : objects_)
      object.emplace(make());
    if constexpr (!std::is_integral_v<Key>)
      for (std::uint32_t i = 0; i < s.keys; ++i)
        index_.emplace(key_of<Key>(i, s.long_text), i);
  }

  Object& operator[](const Key& key) noexcept {
    if constexpr (std::is_integral_v<Key>)
      return *objects_[key];
    else
      return *objects_[index_.find(key)->second];
  }

private:
  std::vector<std::optional<Object>> objects_;
  std::unordered_map<Key, std::uint32_t> index_;
};

/// For objects that cannot be moved: converts to what a function returns, so that emplace() builds
/// the object in place.
template <class Function>
struct in_place {
  Function make;
  operator std::invoke_result_t<Function&>() { return make(); } // NOLINT: implicit on purpose
};
template <class Function>
in_place(Function) -> in_place<Function>;

} // namespace bench
