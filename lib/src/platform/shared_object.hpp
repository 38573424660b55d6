#pragma once

// What is loaded, and may be unloaded while the process goes on.

namespace convoy::detail {

/// This library is part of a shared object, not of the program itself.
[[nodiscard]] bool can_be_unloaded() noexcept;

/// The shared object that holds a function stays until the process ends.
void keep_loaded(const void* function) noexcept;

} // namespace convoy::detail
