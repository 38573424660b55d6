#pragma once

// What the library may know about a message besides its content: until when it must start, its id,
// when it was submitted, and whether it may be handled beside others of its key.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/base/atomic.hpp"
#include "convoy/time_span.hpp"

#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace convoy {

/// Specialise it for a message of your own with any of
///   static std::chrono::steady_clock::time_point deadline(const Message&);  // must not start later
///   static std::optional<Id> id(const Message&);       // an Id has std::hash and ==; nullopt: none
///   static std::chrono::steady_clock::time_point submitted(const Message&); // for context::submitted()
///   static convoy::access access(const Message&);      // always the same of a message
/// which must not throw, or use envelope. Messages that say nothing cost nothing.
template <class Message>
struct message_traits {};

/// What a message needs of its key. Without message_traits<Message>::access all are exclusive.
enum class access : unsigned char {
  exclusive, ///< handled alone, after all that came before it, and before all that came later
  /// May be handled at the same time as the shared messages next to it: the first exclusive one
  /// behind them begins when all of them have ended. It reads the lane's state (const State&).
  shared,
};

namespace detail {

template <class Message>
concept has_access = requires(const Message& m) {
  { message_traits<Message>::access(m) } -> std::same_as<convoy::access>;
};

} // namespace detail

/// A message with all of that.
template <class Message, class Id = std::string>
struct envelope {
  using time_point = std::chrono::steady_clock::time_point;

  Message message;
  moment deadline = time_point::max(); ///< it becomes a dead letter instead of starting later
  std::optional<Id> id = {};           ///< see processor_options::duplicates
  moment submitted = detail::clock::now();
};

template <class Message, class Id>
struct message_traits<envelope<Message, Id>> {
  using envelope_type = envelope<Message, Id>;

  static moment deadline(const envelope_type& e) noexcept { return e.deadline; }
  static const std::optional<Id>& id(const envelope_type& e) noexcept { return e.id; }
  static moment submitted(const envelope_type& e) noexcept { return e.submitted; }
  static convoy::access access(const envelope_type& e) noexcept
      requires(detail::has_access<Message>) {
    return message_traits<Message>::access(e.message);
  }
};

namespace detail {

template <class Message>
concept has_deadline = requires(const Message& m) {
  {
    message_traits<Message>::deadline(m)
    } -> std::convertible_to<std::chrono::steady_clock::time_point>;
};
template <class Message>
concept has_id = requires(const Message& m) {
  message_traits<Message>::id(m).has_value();
  *message_traits<Message>::id(m);
};
template <class Message>
concept has_submitted = requires(const Message& m) {
  {
    message_traits<Message>::submitted(m)
    } -> std::convertible_to<std::chrono::steady_clock::time_point>;
};

struct no_id {
  bool operator==(const no_id&) const = default;
};
template <class Message>
struct id_type {
  using type = no_id;
};
template <has_id Message>
struct id_type<Message> {
  using type =
      std::remove_cvref_t<decltype(*message_traits<Message>::id(std::declval<const Message&>()))>;
};

template <class Message>
[[nodiscard]] bool is_shared([[maybe_unused]] const Message& message) noexcept {
  if constexpr (has_access<Message>)
    return message_traits<Message>::access(message) == access::shared;
  else
    return false;
}

template <class Message>
[[nodiscard]] bool has_expired(const Message& message) noexcept {
  using time_point = std::chrono::steady_clock::time_point;
  if constexpr (has_deadline<Message>) {
    const moment until = message_traits<Message>::deadline(message);
    return until != time_point::max() && detail::clock::now() > until;
  } else {
    return false;
  }
}

} // namespace detail
} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
