#pragma once

#include <cerrno>

namespace convoy::detail {

/// What a system call returns once no signal interrupts it.
template <class Call>
[[nodiscard]] auto uninterrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

} // namespace convoy::detail
