#pragma once

#include "convoy/detail/base/prologue.hpp"

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/task/asking.hpp"
#include "convoy/message.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace convoy {

template <class Key, class Message, class State, class Hash, class Equal>
class processor;

/// What a handler may know and ask while it runs, on its own thread: its first parameter, if it
/// takes one,
///   handler(context&, message&) or handler(context&, std::span<message>).
/// Of a span it speaks of the first message. Valid until the handler returns, or as a coroutine ends.
template <class Key, class Message, class State, class Hash, class Equal>
class context {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using processor_type = processor<Key, Message, State, Hash, Equal>;

  [[nodiscard]] const Key& key() const noexcept { return lane_.key(); }

  /// Grows from message to message of a key; not by one.
  [[nodiscard]] std::uint64_t sequence() const noexcept {
    return home_.ring.sequence_of(lane_.next_number());
  }

  /// The first is 1. Begins anew when a parked key is resumed.
  [[nodiscard]] unsigned attempt() const noexcept {
    return lane_.hold != nullptr ? lane_.hold->attempts + 1 : 1;
  }

  /// Null: this is the first attempt (since the key was resumed), or the first one's handler
  /// returned an outcome.
  [[nodiscard]] std::exception_ptr first_error() const noexcept {
    return lane_.hold != nullptr ? lane_.hold->first_error : nullptr;
  }

  /// Of the message, see message_traits; time_point::max(): none.
  [[nodiscard]] time_point deadline() const noexcept requires(detail::has_deadline<Message>) {
    return moment(message_traits<Message>::deadline(message_));
  }

  /// When it was submitted, or made: see message_traits.
  [[nodiscard]] time_point submitted() const noexcept requires(detail::has_submitted<Message>) {
    return moment(message_traits<Message>::submitted(message_));
  }

  /// Lane state. If messages may be shared it is const, see exclusive_state().
  [[nodiscard]] auto& state() const noexcept requires(!std::is_void_v<State>) {
    if constexpr (detail::has_access<Message>)
      return std::as_const(*lane_.whole().state);
    else
      return *lane_.state;
  }
  /// Null: the message is shared, and others of its key may be reading it.
  [[nodiscard]] auto* exclusive_state() const noexcept
      requires(!std::is_void_v<State> && detail::has_access<Message>) {
    return detail::is_shared(message_) ? nullptr : &*lane_.state;
  }

  /// Stop is requested when a limit() has passed, or the deadline of shutdown(). Functions
  /// registered with it are called on other threads, and must return soon. One allocation for a
  /// message. Throws std::bad_alloc.
  [[nodiscard]] std::stop_token stop_token() const {
    auto& running = detail::pump::current()->running; // a coroutine may have begun elsewhere
    running.begin(&core_, &lane_);
    auto token = running.token();
    if (core_.is_abandoned()) // shutdown() may have looked before
      running.request_stop(&core_, detail::clock::now());
    return token;
  }

  /// A soft time limit, from now on: then stop is requested. The handler decides what to do about
  /// it; nobody interrupts it, or handles the message elsewhere. Returns stop_token(). Throws
  /// std::invalid_argument for a negative one, and std::bad_alloc.
  std::stop_token limit(time_span after) const {
    const auto checked = detail::not_negative("convoy::context::limit: the limit", after);
    auto token = stop_token();
    detail::pump::current()->set_limit(detail::later(detail::clock::now(), checked));
    return token;
  }

  /// To submit more: never waits in a handler, see processor::submit().
  [[nodiscard]] processor_type& owner() const noexcept {
    return *static_cast<processor_type*>(core_.owner);
  }

  /// Who asks, see processor::ask().
  [[nodiscard]] detail::key_place place() const { return detail::place_of(core_, key()); }

  context(const context&) = delete;
  context& operator=(const context&) = delete;

private:
  using core_type = detail::core<Key, Message, State, Hash, Equal>;
  template <class, class, class>
  friend struct detail::invocation;

  context(core_type& core, typename core_type::partition_type& home,
          typename core_type::lane_type& lane, const Message& message) noexcept
      : core_(core), home_(home), lane_(lane), message_(message) {}

  core_type& core_;
  typename core_type::partition_type& home_;
  typename core_type::lane_type& lane_;
  const Message& message_;
};

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
