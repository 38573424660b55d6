#pragma once

// What `convoy top` shows: from what is known and the size of the terminal to lines of text. No
// terminal is touched here.

#include "top/snapshots.hpp"
#include "top/table.hpp"

#include <convoy/snapshot.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace convoy::tool {

enum class key_order { time, messages, cost };
enum class panel { keys, why, sources, help };

/// What is seen, and what the user has chosen of it.
struct screen {
  std::string socket;               ///< its path
  std::vector<snapshot> processors; ///< the last that came
  std::string trouble;              ///< why nothing comes any more; empty: it does
  std::size_t processor = 0;        ///< the selected one; may be too large: the last
  std::string key;                  ///< the selected one's label
  key_order order = key_order::time;
  bool frozen = false;
  panel shows = panel::keys;
  std::size_t scrolled = 0;         ///< lines, of the help or the sources; may be too many
  std::optional<answer_to_why> why; ///< of the selected key; none yet
  std::string why_not;              ///< the reason why there is none
};

/// At most `height` lines of at most `width` cells.
[[nodiscard]] std::vector<screen_line> draw(const screen& of, std::size_t width,
                                            std::size_t height);

/// All of it as text, for a file: no looks, every processor, every key.
[[nodiscard]] std::string draw_all(const std::vector<snapshot>& processors, key_order order);

/// The keys of the selected processor in the chosen order; none without one.
[[nodiscard]] const std::vector<key_share>& keys_shown(const screen& of);
/// Where the selected key is among them; the first one if it is not there.
[[nodiscard]] std::size_t selected_key(const screen& of);
/// How many lines the help or the sources have that can be scrolled.
[[nodiscard]] std::size_t scroll_end(const screen& of);
/// Null: there is none.
[[nodiscard]] const snapshot* selected_processor(const screen& of);

} // namespace convoy::tool
