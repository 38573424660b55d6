#pragma once

// A handler that is a coroutine and waits. What there is to say of it lies in its frame; it belongs to
// whoever the lane belongs to, and the lane says by its hold that it is there.
//
// It suspends: its runner gives the lane back, and the drainer lets it be. Whoever completes what it
// waits for posts it to the drainer (resumer), which hands the lane out again when it has both: the
// lane, and the post. So a coroutine goes on only after its runner has let it go, and on a worker.

#include "convoy/detail/ds/one_shot.hpp"
#include "convoy/detail/ds/timer_wheel.hpp"
#include "convoy/detail/lane/lane_base.hpp"

#include <coroutine>
#include <cstdint>
#include <stop_token>

namespace convoy::detail {

struct suspension;
struct awaiting;

/// A partition's, see resumptions: what completes a coroutine's waiting tells it.
class resumer {
public:
  resumer() = default;
  resumer(const resumer&) = delete;
  resumer& operator=(const resumer&) = delete;
  virtual ~resumer() = default;

  /// Any thread, once for each time that it waits. It may be gone when this returns.
  virtual void resume_soon(suspension& s) noexcept = 0;
  /// Somebody is in resume_soon(), of a coroutine that has gone on.
  [[nodiscard]] virtual bool is_posting() const noexcept = 0;

  // ---- the drainer: see suspended_lanes, which processors of other handlers have not ----
  virtual void take_in(lane_base& lane) noexcept = 0;
  virtual void is_due(awaiting& a) noexcept = 0;
  virtual void give_places() noexcept = 0;
  virtual void stop_all() noexcept = 0;
};

/// What a coroutine waits for: lies in its frame. A timer, so that a limit costs nothing more.
struct awaiting : timer {
  awaiting() noexcept : timer(timer_of::awaiting) {}

  suspension* whose = nullptr;
  one_shot* cell = nullptr; ///< null: it sleeps, or waits for what can't be stopped
  bool sleeps = false;      ///< until `due`
  bool is_cancelled = false;
  clock::time_point due = clock::time_point::max();
};

struct suspension {
  lane_base* lane = nullptr;
  resumer* home = nullptr;
  const void* owner = nullptr;   ///< of the lane: its core
  detail::hold* kept = nullptr;  ///< the lane's, while it is suspended
  std::coroutine_handle<> whole; ///< the handler
  std::coroutine_handle<> at;    ///< what of it goes on: the handler, or what it awaits
  awaiting* waits_for = nullptr; ///< while it is suspended
  void* context = nullptr;       ///< the handler's first argument, if it has one
  std::stop_source stop{std::nostopstate};
  clock::time_point limit = clock::time_point::max(); ///< then stop is requested
  suspension* link = nullptr;                         ///< posted
  bool is_stopped = false; ///< what it awaits from now on is cancelled at once

  // The drainer's, also while the lane is out.
  bool is_posted = false;   ///< before the lane came back
  bool was_resumed = false; ///< the lane
  bool gives_back =
      false; ///< the lane, as it ends: requests wait, or it is paused. Its runner reads it
};

/// Of a lane that its runner gives back.
inline void note_suspended(lane_base& lane, suspension& s) noexcept {
  s.kept = lane.hold;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): holds are aligned, so one bit is free
  lane.hold = reinterpret_cast<hold*>(reinterpret_cast<std::uintptr_t>(&s) | 1);
}
[[nodiscard]] inline bool is_suspended(const lane_base& lane) noexcept {
  return (reinterpret_cast<std::uintptr_t>(lane.hold) & 1) != 0;
}
[[nodiscard]] inline suspension& suspension_of(const lane_base& lane) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): as above
  return *reinterpret_cast<suspension*>(reinterpret_cast<std::uintptr_t>(lane.hold) &
                                        ~std::uintptr_t{1});
}
/// For its runner, before anything else.
[[nodiscard]] inline suspension* take_suspended(lane_base& lane) noexcept {
  if (!is_suspended(lane))
    return nullptr;
  auto& s = suspension_of(lane);
  lane.hold = s.kept;
  return &s;
}

} // namespace convoy::detail
