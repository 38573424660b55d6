#pragma once

// What the user's keys do to the screen.

#include "top/screen.hpp"
#include "top/terminal.hpp"
#include "top/watcher.hpp"

#include <cstddef>
#include <optional>

namespace convoy::tool {

/// Changes what is chosen; false: the user leaves. `page` is how many keys are seen at once.
[[nodiscard]] bool press(screen& on, pressed key, std::size_t page);

/// What the panel wants to know, if it is the one of a key.
[[nodiscard]] std::optional<question> question_of(const screen& of);

/// Puts what has come on the screen, unless it is frozen. An answer counts only if it still is what
/// is asked.
void receive(screen& on, news what);

} // namespace convoy::tool
