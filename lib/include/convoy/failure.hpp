#pragma once

// What becomes of a message whose handler fails: retries that keep the order, dead letters, lanes
// that are parked.
//
// One rule for every form of handler: a message whose handler throws has had its one attempt. The
// exception goes to on_error, the message becomes a dead letter (`failed`), the account counts it
// as dead, and its lane goes on. Only a failure_policy, or an outcome that says retry, asks for
// more attempts.

#include "convoy/detail/base/prologue.hpp"

#include "convoy/time_span.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace convoy {
namespace detail {

/// A text that is rarely there; without one it is a null pointer.
class rare_text {
public:
  constexpr rare_text() noexcept = default;
  explicit rare_text(std::string_view text) : text_(text.empty() ? nullptr : made(text)) {}
  constexpr rare_text(const rare_text& other)
      : text_(other.text_ == nullptr ? nullptr : made(*other.text_)) {}
  constexpr rare_text(rare_text&& other) noexcept : text_(std::exchange(other.text_, nullptr)) {}
  constexpr rare_text& operator=(rare_text other) noexcept {
    std::swap(text_, other.text_);
    return *this;
  }
  constexpr ~rare_text() {
    if (text_ != nullptr) [[unlikely]]
      destroy(text_);
  }

  [[nodiscard]] std::string_view view() const noexcept {
    return text_ != nullptr ? std::string_view(*text_) : std::string_view();
  }

private:
  // std::string is no literal type before GCC 12.
  static std::string* made(std::string_view text) { return new std::string(text); }
  static void destroy(const std::string* text) noexcept { delete text; }

  std::string* text_ = nullptr;
};

} // namespace detail

/// What a handler may return about its message; a handler returns this or nothing. Whatever it is:
/// later messages of the key wait until this one is done or dead, and other keys do not notice.
class [[nodiscard]] outcome {
public:
  enum class kind : unsigned char {
    done,      ///< handled
    retry,     ///< not yet: call the handler again after the policy's backoff; see failure_policy
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

  /// Why, for the dead letter that the message becomes, now or when its attempts are used up:
  ///   return outcome::skip.because("no such account");
  /// Throws std::bad_alloc, as does copying the outcome then.
  [[nodiscard]] outcome because(std::string_view reason) const {
    auto result = *this;
    result.reason_ = detail::rare_text(reason);
    return result;
  }
  [[nodiscard]] std::string_view reason() const noexcept { return reason_.view(); } ///< or empty

  [[nodiscard]] constexpr kind what() const noexcept { return kind_; }

  /// What retry_after() was given; negative: nothing.
  [[nodiscard]] constexpr std::chrono::nanoseconds delay() const noexcept { return delay_; }

  /// For handlers of spans: this is said of the index-th message; those before it are done, and
  /// those behind it stay in line. Else `done` is said of all, and what else there is of the first.
  /// An index beyond the span counts as an exception, std::out_of_range.
  [[nodiscard]] constexpr outcome at(std::size_t index) const {
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
  detail::rare_text reason_;
};

#ifdef __clang__ // which takes their destructors, which are constexpr, for ones that run at the exit
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wglobal-constructors"
#pragma clang diagnostic ignored "-Wexit-time-destructors"
#endif
inline constexpr outcome outcome::done = outcome::kind::done;
inline constexpr outcome outcome::retry = outcome::kind::retry;
inline constexpr outcome outcome::skip = outcome::kind::skip;
inline constexpr outcome outcome::park = outcome::kind::park;
inline constexpr outcome outcome::fail_rest = outcome::kind::fail_rest;
#ifdef __clang__
#pragma clang diagnostic pop
#endif

/// What is done with a message that has used up its attempts.
enum class exhausted : unsigned char { skip, park, fail_rest };

/// How often a message is tried, and how long its lane waits in between. Without one
/// (processor_options::failure) what a handler throws is not tried again, and outcome::retry, which
/// asks for it, follows failure_policy{}.
///
/// The n-th retry comes
///   min(backoff * factor^(n-1), ceiling)
/// after the n-th failure, or, with jitter, after a random part of that (full jitter). So a message
/// that fails for ever blocks its own key for
///   attempts * (longest handler) + (attempts - 1) * (ceiling + wake-up)
/// at most, where retry_after() counts instead of the ceiling if it is longer, and with max_block
/// for max_block + one handler: a retry that would begin later than max_block after the first
/// failure is not made. No memory is allocated for a message that fails, but an exception is memory
/// of its own.
///
/// A span whose handler throws: if another attempt is allowed, its messages are tried again one at
/// a time, to see which one throws; that first call is not counted. If none is, all of them are
/// dead, or parked.
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
  failed,      ///< its attempts (without a policy: the one) are used up, or its handler said skip
  failed_rest, ///< an earlier one of its key failed, and took all that waited with it
  shutdown,    ///< the processor ended before it could be handled
  expired,     ///< its deadline had passed before it could start
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
  std::string_view reason = {}; ///< what the last outcome's because() said; empty: nothing
  /// Of a joint message, whose first place's key is `key`: all, as they were given. Else empty.
  std::span<const Key* const> keys = {};
};

/// A sink throws it when it can't take a dead letter now: the message stays the first of its lane,
/// which offers it again after 10 ms, 20 ms, … up to 1 s, or parks until resume(). After the
/// deadline of shutdown(), and in the destructor, the sink is asked one last time; what it refuses
/// then is discarded.
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

#include "convoy/detail/base/epilogue.hpp"
