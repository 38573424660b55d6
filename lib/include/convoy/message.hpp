#pragma once

// What the library may know about a message besides its content: until when it must start, its id,
// when it was submitted.

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
/// which must not throw, or use envelope. Messages that say nothing cost nothing.
template <class Message>
struct message_traits {};

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
