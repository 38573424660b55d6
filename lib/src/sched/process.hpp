#pragma once

namespace convoy::detail {

/// How many calls of fork() there are between this process and the one that loaded the library. So
/// what remembers another number was made by an ancestor, whose threads are not here.
[[nodiscard]] unsigned forks() noexcept;

} // namespace convoy::detail
