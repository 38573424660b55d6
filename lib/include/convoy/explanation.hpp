#pragma once

// Why a key does not move, as processor::explain() tells it.

#include "convoy/detail/base/prologue.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace convoy {

enum class key_state : unsigned char {
  idle, ///< nothing of it is unfinished
  in_ring, ///< it has no lane; its ring, which keys share, has messages nobody looked at, perhaps its own
  ready,     ///< it waits for a worker, or a worker runs it: without insight that is not known
  running,   ///< a worker runs its handler
  retry,     ///< its first message has failed and is tried again, or a sink has refused it
  parked,    ///< its first message has failed; until resume()
  paused,    ///< until resume()
  lingering, ///< it waits for a whole batch
  fail_rest, ///< what was accepted becomes dead letters, as soon as all of it has left the ring
  no_worker, ///< all workers are held up, so that its ring was not looked at in time
  limited,   ///< nothing of it is unfinished, and its rate is used up: submit() waits for that
  full,      ///< nothing of it is unfinished, and the processor is full: submit() waits for others
  suspended, ///< its handler is a coroutine, and awaits something
  no_place,  ///< its handler may not begin, as suspension_limits::most others have not ended
  joint,     ///< its first message is a joint one, and waits for its turn in another key: `other`
};
[[nodiscard]] const char* to_string(key_state state) noexcept;

struct explanation {
  using time_point = std::chrono::steady_clock::time_point;

  key_state state = key_state::idle;
  std::uint64_t depth = 0; ///< messages of it in its lane, the running one too
  /// Of these, shared messages that run, wait for a worker, or stand still by themselves; state and
  /// what follows are of the first one that is out, else of the first.
  std::uint64_t shared = 0;
  std::uint64_t in_ring = 0; ///< messages of its ring, of any key, that were not looked at
  std::optional<time_point> since = std::nullopt; ///< it waits or runs, or has failed first
  std::optional<time_point> until = std::nullopt; ///< of a retry, lingering, or being limited
  std::optional<unsigned> worker = std::nullopt;  ///< that runs it
  unsigned attempts = 0;                          ///< of its first message that have failed
  std::exception_ptr error = nullptr;             ///< the last one's, if it threw
  std::string reason = {};                        ///< what its outcome's because() said
  /// Of a joint message: the key that it waits for, see insight_options::label. Empty: not all that
  /// may be it was looked at, as no worker did, or as there are too many; perhaps it waits for none.
  std::string other = {};
  key_state other_state = key_state::idle; ///< and why that one does not move; ready: or it runs
  bool is_full = false; ///< it has key_capacity unfinished messages: submit() waits for these
};
/// In a sentence.
[[nodiscard]] std::string to_string(const explanation& why);

} // namespace convoy

#include "convoy/detail/base/epilogue.hpp"
