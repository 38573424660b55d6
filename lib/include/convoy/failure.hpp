#pragma once

// What becomes of a message whose handler fails: retries that keep the order, dead letters, lanes that
// are parked.

#include "convoy/detail/prologue.hpp"

#include "convoy/time_span.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>

namespace convoy {

/// What a handler may return about its message. Whatever it is: later messages of the key wait until
/// this one is done or dead, and other keys do not notice.
class [[nodiscard]] outcome {
public:
  enum class kind : unsigned char {
    done,      ///< handled
    retry,     ///< not yet: call the handler again after the policy's backoff
    skip,      ///< it becomes a dead letter, and its lane goes on
    park,      ///< its lane stops in front of it, until resume()
    fail_rest, ///< it becomes a dead letter, and so does all that waits behind it
  };

  constexpr outcome(kind what) noexcept : kind_(what) {} // NOLINT(google-explicit-constructor)

  static const outcome done, retry, skip, park, fail_rest;

  /// As retry, after a delay instead of the policy's backoff. Throws std::invalid_argument if it is
  /// negative.
  [[nodiscard]] static outcome retry_after(time_span delay) {
    outcome result(kind::retry);
    result.delay_ = detail::not_negative("convoy::outcome::retry_after: the delay", delay);
    return result;
  }

  [[nodiscard]] constexpr kind what() const noexcept { return kind_; }

  /// What retry_after() was given; negative: nothing.
  [[nodiscard]] constexpr std::chrono::nanoseconds delay() const noexcept { return delay_; }

  /// For handlers of spans: this is said of the index-th message; those before it are done, and those
  /// behind it stay in line. Else `done` is said of all, and what else there is of the first. An
  /// index beyond the span counts as an exception, std::out_of_range.
  [[nodiscard]] constexpr outcome at(std::size_t index) const noexcept {
    auto result = *this;
    result.index_ = index;
    return result;
  }
  [[nodiscard]] constexpr std::size_t index() const noexcept { return index_; }
  static constexpr std::size_t whole = ~std::size_t{0}; ///< the index if at() was not called

private:
  kind kind_;
  std::size_t index_ = whole;
  std::chrono::nanoseconds delay_{-1};
};

inline constexpr outcome outcome::done = outcome::kind::done;
inline constexpr outcome outcome::retry = outcome::kind::retry;
inline constexpr outcome outcome::skip = outcome::kind::skip;
inline constexpr outcome outcome::park = outcome::kind::park;
inline constexpr outcome outcome::fail_rest = outcome::kind::fail_rest;

/// What is done with a message that has used up its attempts.
enum class exhausted : unsigned char { skip, park, fail_rest };

/// How often a message is tried, and how long its lane waits in between: the n-th retry comes
///   min(backoff * factor^(n-1), ceiling)
/// after the n-th failure, or, with jitter, after a random part of that (full jitter). So a message
/// that fails for ever blocks its own key for
///   attempts * (longest handler) + (attempts - 1) * (ceiling + wake-up)
/// at most, where retry_after() counts instead of the ceiling if it is longer, and with max_block for
/// max_block + one handler: a retry that would begin later than
/// max_block after the first failure is not made. No memory is allocated for a message that fails,
/// but an exception is memory of its own.
struct failure_policy {
  unsigned attempts = 5; ///< calls of the handler, the first one included; at least 1
  time_span backoff = std::chrono::milliseconds(10);
  double factor = 2;                            ///< at least 1, finite
  time_span ceiling = std::chrono::seconds(10); ///< at least backoff
  bool jitter = true;
  time_span max_block = std::chrono::nanoseconds::max();
  exhausted then = exhausted::skip;
  std::uint64_t seed = 0; ///< of the jitter
};

/// A policy for what is thrown as an E, or derived from it, instead of processor_options::failure:
///   .exceptions = {convoy::on_exception<std::invalid_argument>({.attempts = 1})}
struct exception_policy {
  bool (*matches)(const std::exception_ptr&) noexcept;
  failure_policy policy;
};
template <class E>
[[nodiscard]] exception_policy on_exception(const failure_policy& policy) {
  return {[](const std::exception_ptr& error) noexcept {
            try {
              std::rethrow_exception(error);
            } catch (const E&) {
              return true;
            } catch (...) {
              return false;
            }
          },
          policy};
}

/// Why a message is dead.
enum class death : unsigned char {
  failed,      ///< its attempts are used up, or its handler said skip
  failed_rest, ///< an earlier one of its key failed, and took all that waited with it
  shutdown,    ///< the processor ended before it could be handled
  expired,     ///< its deadline had passed before it could start
  duplicate,   ///< its key had handled a message of the same id
  purged,      ///< by purge()
};

[[nodiscard]] constexpr const char* to_string(death why) noexcept {
  switch (why) {
  case death::failed:
    return "failed";
  case death::failed_rest:
    return "failed_rest";
  case death::shutdown:
    return "shutdown";
  case death::expired:
    return "expired";
  case death::duplicate:
    return "duplicate";
  case death::purged:
    return "purged";
  }
  return "?";
}

/// Valid while the sink is called, which may move from the message.
template <class Key, class Message>
struct dead_letter {
  using time_point = std::chrono::steady_clock::time_point;

  const Key& key;
  Message& message;
  std::uint64_t sequence; ///< grows from message to message of a key; not by one
  unsigned attempts = 0;  ///< calls of the handler
  death why = death::failed;
  std::exception_ptr first_error = nullptr; ///< null: the handler returned an outcome
  std::exception_ptr last_error = nullptr;
  time_point first_failed{}; ///< only if attempts is not 0
  time_point died{};
};

/// A sink throws it when it can't take a dead letter now: the message stays the first of its lane,
/// which offers it again after 10 ms, 20 ms, … up to 1 s, or parks until resume(). While the
/// processor ends it is discarded.
class dead_letter_refused : public std::runtime_error {
public:
  enum class then : unsigned char { offer_again, park };

  explicit dead_letter_refused(const char* what, then next = then::offer_again)
      : runtime_error(what), next_(next) {}

  [[nodiscard]] then next() const noexcept { return next_; }

private:
  then next_;
};

} // namespace convoy

#include "convoy/detail/epilogue.hpp"
