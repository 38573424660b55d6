#pragma once

// What lanes do, simulated: for forecasts, and as the yardstick of what workers could do that lose
// no time.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace convoy::detail {

struct simulated_message {
  std::int64_t arrival_ns = 0; ///< when it is submitted, 0 or more
  std::int64_t service_ns = 0; ///< that its handler takes, 0 or more
  std::uint32_t key = 0;
  bool is_shared = false; ///< may be handled beside the shared ones of its key next to it
};

struct simulated_times {
  std::int64_t begun = 0; ///< the handler enters; -1: it was merged into a later message
  std::int64_t done = 0;  ///< the handler leaves, or it was merged
};

/// A key of a message besides its first.
struct simulated_place {
  std::uint32_t message = 0; ///< its index
  std::uint32_t key = 0;
};

/// What else holds messages up.
struct simulated_limits {
  /// Of joint messages, in the order of the messages, none twice: such a one begins at its turn in each
  /// of its keys. Then no message is shared, and nothing is conflated.
  std::span<const simulated_place> further = {};
  /// Messages that have arrived and are not done, each as often as it has keys; at least as many as
  /// any has keys. While there is no room for the next one it waits, and those behind it.
  std::size_t capacity = std::numeric_limits<std::size_t>::max();
  /// Of the messages of a key that wait behind one that a worker has, or waits for, the latest stands
  /// for the others. It takes the place of the first of them.
  bool conflates = false;
  /// A handler that has slept for its service time then needs one of so many cores, at least 1, for
  /// this time, before it is done. Who woke first goes first.
  unsigned cores = 1;
  std::int64_t core_ns = 0;
};

/// Simulates `workers`, at least 1, that handle the messages of each key in order, one at a time,
/// know of everything at once and lose no time. Of the keys that wait for a worker the one whose
/// first message came first goes next. Joint messages are in the lines of all their keys. Shared messages that lie next to each other in a key may be
/// handled at the same time, by as many workers as there are.
///
/// Arrivals never decrease; of equal ones the first in the list came first. Keys are 0 … keys - 1;
/// there are fewer than 2^32 messages, and as many in `out`. O(n log workers), of whatever keys: a
/// tenth of a microsecond and some nine bytes a message. Throws std::bad_alloc.
void simulate(std::span<const simulated_message> messages, std::uint32_t keys, unsigned workers,
              std::span<simulated_times> out, const simulated_limits& limits = {});

} // namespace convoy::detail
