#pragma once

// Whether a drainer runs handlers itself, straight from the ring (inline), or moves the messages to
// their lanes, for any pump to run (staged). Cheap handlers run inline: nothing goes through a
// table or a ready queue. Slow ones are staged, so that other pumps can help. Only the drainer
// touches it.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <cstdint>

namespace convoy::detail {

class inline_policy {
public:
  /// This visit is staged. With slow lanes it stays so.
  [[nodiscard]] bool staged(bool lanes_are_slow) noexcept {
    if (left_staged_ == 0)
      return false;
    left_staged_ -= !lanes_are_slow;
    return true;
  }

  /// The next visits are staged: a handler was slow. More of them each time.
  void stage() noexcept {
    knows_ = true;
    left_staged_ = stage_for_;
    stage_for_ = std::min(2 * stage_for_, tuning::most_staged_visits);
  }

  /// It is known how fast handlers are: some have run inline, or had better not.
  [[nodiscard]] bool knows() const noexcept { return knows_; }

  // ---- an inline visit

  void begin(clock::time_point now) noexcept {
    begin_ = now;
    over_ = false;
    ran_ = 0;
    next_look_ = tuning::first_inline_look;
  }

  /// A handler has run. True: others should get a turn.
  [[nodiscard]] bool ran(std::uint32_t handlers = 1) noexcept {
    ran_ += handlers;
    if (ran_ < next_look_)
      return false;
    const auto most = // a look costs as much as a few cheap handlers
        cheap_ ? tuning::most_between_cheap_looks : tuning::most_between_inline_looks;
    next_look_ = ran_ + std::min(ran_, most);
    return over_ = clock::now() - begin_ > tuning::most_inline_time;
  }
  [[nodiscard]] bool over() const noexcept { return over_; }
  /// So many handlers may run before ran() looks at the clock.
  [[nodiscard]] std::uint32_t until_look() const noexcept { return next_look_ - ran_; }

  /// The handlers of the last inline visit cost no more than moving messages to lanes does.
  [[nodiscard]] bool cheap() const noexcept { return cheap_; }

  /// How many messages of a lane may run in a row: with cheap handlers more than a visit moves to
  /// it, so that it comes to an end and its key runs straight from the ring again.
  [[nodiscard]] std::uint32_t turn(std::uint32_t quantum) const noexcept {
    return cheap_ ? std::max(quantum, tuning::most_cheap_in_a_row) : quantum;
  }

  /// `moved` messages have left the ring. True: handlers ran, and were fast.
  [[nodiscard]] bool end(std::uint32_t moved) noexcept {
    if (ran_ + moved == 0)
      return false;
    knows_ = true;
    const auto took = clock::now() - begin_;
    cheap_ = took < (ran_ + moved) * tuning::staging;
    const bool fast =
        took <= tuning::visit_overhead + ran_ * tuning::slow_handler + moved * tuning::staging;
    if (fast)
      stage_for_ = tuning::fewest_staged_visits;
    else
      stage();
    return fast && ran_ != 0;
  }

private:
  std::uint32_t left_staged_ = 0;
  std::uint32_t stage_for_ = tuning::fewest_staged_visits;
  bool cheap_ = true;
  bool knows_ = false;

  clock::time_point begin_{};
  std::uint32_t ran_ = 0;       // handlers
  std::uint32_t next_look_ = 0; // at the clock
  bool over_ = false;
};

} // namespace convoy::detail
