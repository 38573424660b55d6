#pragma once

// Joint messages: handled once, when it is their turn in each of their keys.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/failure.hpp"

#include <concepts>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace convoy {

/// The keys of a joint message and their states, while its handler runs: in the order in which they
/// were submitted, one that was given twice under both numbers.
template <class Key, class State = void>
class joint {
public:
  static constexpr std::size_t most_keys = 16;

  joint(const Key* const* keys, State* const* states, std::size_t size, unsigned attempt) noexcept
      : keys_(keys), states_(states), size_(size), attempt_(attempt) {}
  joint(const joint&) = delete;
  joint& operator=(const joint&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Of i from size() on it throws std::out_of_range: then that is what the handler has thrown.
  [[nodiscard]] const Key& key(std::size_t i) const { return *keys_[checked(i)]; }
  /// Lane state, see processor. Throws as key().
  [[nodiscard]] std::add_lvalue_reference_t<State> state(std::size_t i) const
      requires(!std::is_void_v<State>) {
    return *states_[checked(i)];
  }
  /// The first is 1. Begins anew when it was parked and is resumed.
  [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }

private:
  [[nodiscard]] std::size_t checked(std::size_t i) const {
    if (i >= size_) [[unlikely]]
      throw std::out_of_range("convoy::joint: key " + std::to_string(i) + " of a message of " +
                              std::to_string(size_) + ", counted from 0");
    return i;
  }

  const Key* const* keys_;
  State* const* states_;
  std::size_t size_;
  unsigned attempt_;
};

/// What handles joint messages: anything that is callable as handler(joint<Key, State>&, message&)
/// and returns void or an outcome, but not fail_rest, which counts as an exception: there is no rest
/// of several keys.
template <class Key, class Message, class State>
class joint_handler {
public:
  using keys_type = joint<Key, State>;

  joint_handler() = default;
  template <class Handler>
  requires(!std::same_as<std::remove_cvref_t<Handler>, joint_handler> &&
           std::is_invocable_v<std::decay_t<Handler>&, keys_type&, Message&>)
      joint_handler(Handler&& handler) // NOLINT(google-explicit-constructor)
      : call_([h = std::forward<Handler>(handler)](keys_type& keys, Message& message) mutable {
          using result = std::invoke_result_t<std::decay_t<Handler>&, keys_type&, Message&>;
          static_assert(std::is_void_v<result> || std::is_same_v<result, outcome>,
                        "convoy: the joint handler must return void or convoy::outcome");
          if constexpr (std::is_void_v<result>) {
            h(keys, message);
            return outcome(outcome::kind::done);
          } else {
            return h(keys, message);
          }
        }) {}

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(call_); }
  [[nodiscard]] outcome operator()(keys_type& keys, Message& message) const {
    return call_(keys, message);
  }

private:
  std::function<outcome(keys_type&, Message&)> call_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
