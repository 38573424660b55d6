#pragma once

#include "convoy/detail/base/prologue.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

namespace convoy {

/// What became of a submit. Anything but `accepted` has submitted nothing and left the message as
/// it was.
enum class [[nodiscard]] submit_status{
    accepted,  ///< the message will be handled, after all that its key was given before
    key_full,  ///< its key holds `key_capacity` unfinished messages
    full,      ///< the processor holds `capacity` unfinished messages
    closed,    ///< close() was called
    key_rate,  ///< its key has had as many messages as `key_rate` allows for now
    duplicate, ///< its key was given a message of the same id, see convoy::duplicates
};

/// Where dead messages go that are put back into their lane.
enum class place : unsigned char {
  behind, ///< all that wait
  before, ///< all that wait
};

/// What became of a bulk: the first `accepted` elements are submitted, `status` says why not more.
struct bulk_result {
  std::size_t accepted = 0;
  submit_status status = submit_status::accepted;
};

/// Something threw in the middle of a bulk: copying, hashing, allocating, or reading the range. The
/// first accepted() elements are submitted, and what was thrown is nested (rethrow_nested()).
/// Before the first element is accepted, that is thrown as it is. Needs no memory.
class bulk_interrupted : public std::exception, public std::nested_exception {
public:
  /// While what is to be nested is being handled.
  explicit bulk_interrupted(std::size_t accepted) noexcept : accepted_(accepted) {}

  [[nodiscard]] std::size_t accepted() const noexcept { return accepted_; } ///< at least 1
  [[nodiscard]] const char* what() const noexcept override {
    return "convoy: an exception (nested in this one) ended a bulk; accepted() says after how many "
           "elements";
  }

private:
  std::size_t accepted_;
};

[[nodiscard]] constexpr const char* to_string(submit_status status) noexcept {
  switch (status) {
  case submit_status::accepted:
    return "accepted";
  case submit_status::key_full:
    return "key_full";
  case submit_status::full:
    return "full";
  case submit_status::closed:
    return "closed";
  case submit_status::key_rate:
    return "key_rate";
  case submit_status::duplicate:
    return "duplicate";
  }
  return "?";
}

/// What has become of a processor's messages, at any moment of its life: before, during and after
/// close() and shutdown(). `accepted` holds every message whose submit has returned, and nothing
/// that was refused. The others hold what is finished; they come a moment late, never early. So no
/// figure ever falls, accepted is at least the sum of the others, and when it is exactly that nothing that was accepted is unfinished. shutdown() leaves it so.
struct account {
  std::uint64_t accepted = 0;
  std::uint64_t completed = 0;    ///< handled
  std::uint64_t dead_letters = 0; ///< given to the sink, or without one reported or dropped
  std::uint64_t discarded = 0;    ///< cancelled, or refused by the sink while the processor ended
  std::uint64_t conflated = 0;    ///< merged into others, see processor_options::conflate

  [[nodiscard]] constexpr std::uint64_t finished() const noexcept {
    return completed + dead_letters + discarded + conflated;
  }
  [[nodiscard]] constexpr std::uint64_t unfinished() const noexcept {
    return accepted - finished();
  }
  [[nodiscard]] constexpr bool balanced() const noexcept { return accepted == finished(); }
};

/// Thrown by pause(), resume(), purge() and fence() on a worker thread, where they would have to
/// wait for one of `request_capacity` places. Nothing was asked for.
class too_many_requests : public std::runtime_error {
public:
  explicit too_many_requests(std::size_t most)
      : runtime_error("convoy: request_capacity is reached: " + std::to_string(most) +
                      " requests wait, and a handler can't wait for them") {}
};

/// Thrown where a refusal can't be returned.
class refused : public std::runtime_error {
public:
  explicit refused(submit_status why)
      : runtime_error(std::string("convoy: the message was refused: ") + to_string(why)),
        why_(why) {}

  [[nodiscard]] submit_status status() const noexcept { return why_; }

private:
  submit_status why_;
};

namespace detail {

/// While something is being handled that was thrown when so many elements were accepted.
[[noreturn]] inline void rethrow_after(std::size_t accepted) {
  if (accepted == 0)
    std::rethrow_exception(std::current_exception());
  throw bulk_interrupted(accepted);
}

} // namespace detail
} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
