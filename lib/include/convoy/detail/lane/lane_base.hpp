#pragma once

// What can be said of a lane without its types: who has it, and how many messages are where.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/expect.hpp"
#include "convoy/detail/ds/ready_queue.hpp"

#include <cstdint>

namespace convoy::detail {

struct hold;

/// Written by one thread; others read it as a hint.
class shared_count {
public:
  operator std::uint32_t() const noexcept {        // NOLINT(google-explicit-constructor)
    return value_.load(std::memory_order_relaxed); // a hint, or our own
  }
  void operator=(std::uint32_t value) noexcept {    // NOLINT(misc-unconventional-assign-operator)
    value_.store(value, std::memory_order_relaxed); // likewise
  }
  void operator+=(std::uint32_t more) noexcept { *this = *this + more; }
  void operator-=(std::uint32_t fewer) noexcept { *this = *this - fewer; }
  void operator++() noexcept { *this = *this + 1; }
  [[nodiscard]] const atomic<std::uint32_t>& value() const noexcept { return value_; }

private:
  atomic<std::uint32_t> value_{0};
};

/// Where a lane is, as its drainer sees it. Only the drainer reads and writes it.
enum class lane_state : unsigned char {
  resting,  ///< the drainer's: no message waits for a worker
  lined_up, ///< the drainer's: it is handed out when the visit ends, or run inline by the next one
  out,      ///< a pump's, or run by the drainer itself: ready or running
  // From here on what is appended, and a lane that comes back, needs a look.
  held,         ///< the drainer's: it waits for something else than a worker, see hold
  evicting,     ///< a pump's, for its state to go
  before_joint, ///< as out, and behind what was handed out a joint message has a place
  joint,        ///< a joint message's, which is at its turn here; its place counts as the message
  joint_other,  ///< likewise, in another lane than that of its first place
  // Where these are there are no joint messages, so that three bits are enough.
  sharing =
      before_joint, ///< the drainer's: shared messages of it are on their way, see lane_set_shared.hpp
  suspended = joint, ///< the drainer's: its handler, a coroutine, waits, see suspension
};

/// The drawing is in lib/design/architecture.md.
[[nodiscard]] constexpr bool may_follow(lane_state from, lane_state to) noexcept {
  using enum lane_state;
  switch (from) {
  case resting:
    return to != resting;
  case lined_up:
    return to == out || to == sharing;
  case out:
    return to == resting || to == before_joint;
  case before_joint: // and sharing
    return to == resting || to == lined_up;
  case held:
  case evicting:
  case joint: // and suspended
  case joint_other:
    return to == resting;
  }
  return false;
}

struct lane_base : ready_item {
  explicit lane_base(runner& where) noexcept : ready_item{where} {}

  void become(lane_state to) noexcept {
    expect(may_follow(current, to), "a lane's state after which this one can't come");
    current = to;
  }
  [[nodiscard]] bool is(lane_state which) const noexcept { return current == which; }
  /// Of a processor with joint messages.
  [[nodiscard]] bool is_joint() const noexcept {
    return is(lane_state::joint) || is(lane_state::joint_other);
  }
  [[nodiscard]] bool needs_look() const noexcept { return current > lane_state::out; }

  // Not `finished`, next to `handed`: compilers then load both at once, which waits for the stores
  // of each (5 ns for each message that runs inline).
  std::uint32_t hash = 0; // upper bits unused by the choice of the partition; the drainer's

  // ---- the pump that runs it, while it is out; ready_item::handed as well ----
  std::uint32_t finished = 0; // handled since the lane went out
  detail::hold* hold =
      nullptr; // its first message has failed, or it is stopped; see also suspension

  // ---- the drainer ----
  std::uint32_t staged = 0;      // appended, not yet handed out
  shared_count unsettled;        // appended, not yet back as finished
  std::uint32_t older = 0;       // how many of these belong to the epoch before the lane's
  std::uint16_t front_index = 0; // the runner's
  bool in_cell = false; // the key is still in the ring, and so is the first message or its place;
                        // written only while it is the drainer's

  // These too, in one byte.
  lane_state current : 3 = lane_state::resting;
  bool epoch : 1 = false;        // of its youngest message
  bool paused : 1 = false;       // does not go on until resume()
  bool resumed : 1 = false;      // resume() came while it was out: it does not park this time
  bool flush : 1 = false;        // is handed out though its last batch is not full
  bool has_requests : 1 = false; // they wait for it, see lane_requests
};

} // namespace convoy::detail
