#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace convoy {

/// What became of a submit. Anything but `accepted` has submitted nothing and left the message as
/// it was.
enum class [[nodiscard]] submit_status{
    accepted, ///< the message will be handled, after all that its key was given before
    key_full, ///< its key holds `key_capacity` unfinished messages
    full,     ///< the processor holds `capacity` unfinished messages
    closed,   ///< close() was called
};

/// What became of a bulk: the first `accepted` elements are submitted, `status` says why not more.
struct bulk_result {
  std::size_t accepted = 0;
  submit_status status = submit_status::accepted;
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
  }
  return "?";
}

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

} // namespace convoy
