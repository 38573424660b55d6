#pragma once

// drain() in constant time. Unfinished messages belong to an epoch. When a new one has begun and
// the older one has no message left, every message before the new one is finished. At most one
// epoch is waited for. Only the drainer touches it.

#include "convoy/detail/lane/lane_base.hpp"

#include <algorithm>
#include <cstdint>

namespace convoy::detail {

class epochs {
public:
  /// One more message in the lane.
  void count(lane_base& lane) noexcept {
    if (lane.unsettled == 0) {
      lane.epoch = current_;
      lane.older = 0;
      ++keys_;
    } else if (lane.epoch != current_) {
      lane.epoch = current_;
      lane.older = lane.unsettled;
    }
    ++lane.unsettled;
    ++unfinished_[current_];
  }

  /// So many more in front of its others.
  void count_before(lane_base& lane, std::uint32_t more) noexcept {
    if (lane.unsettled == 0) {
      lane.epoch = current_;
      lane.older = 0;
      keys_ += more != 0;
    }
    const bool older = lane.epoch != current_ || lane.older != 0;
    if (older && lane.epoch == current_)
      lane.older += more;
    unfinished_[older ? !current_ : current_] += more;
    lane.unsettled += more;
  }

  /// So many of the lane's first messages are finished.
  void settle(lane_base& lane, std::uint32_t finished) noexcept {
    const auto of_older = lane.epoch == current_ ? std::min(finished, lane.older) : finished;
    if (lane.epoch == current_)
      lane.older -= of_older;
    unfinished_[!current_] -= of_older;
    unfinished_[current_] -= finished - of_older;
    lane.unsettled -= finished;
    keys_ -= finished != 0 && lane.unsettled == 0;
  }

  // ---- of a lane whose messages need not finish in order, see lane_set_shared.hpp ----

  /// Whose first message is: of the lane's, so many of each epoch are elsewhere already.
  [[nodiscard]] bool epoch_of_first(const lane_base& lane,
                                    const std::uint32_t (&elsewhere)[2]) const noexcept {
    const bool is_older = lane.epoch != current_ || lane.older > elsewhere[!current_];
    return is_older ? !current_ : current_;
  }
  /// One of that epoch is finished.
  void settle_one(lane_base& lane, bool epoch) noexcept {
    if (lane.epoch == current_ && epoch != current_)
      --lane.older;
    --unfinished_[epoch];
    lane.unsettled -= 1;
    keys_ -= lane.unsettled == 0;
  }

  [[nodiscard]] bool older_is_finished() const noexcept { return unfinished_[!current_] == 0; }
  [[nodiscard]] bool all_finished() const noexcept { return unfinished_[0] + unfinished_[1] == 0; }

  /// Messages, and keys that have some.
  [[nodiscard]] std::uint64_t unfinished() const noexcept {
    return unfinished_[0] + unfinished_[1];
  }
  [[nodiscard]] std::uint64_t keys() const noexcept { return keys_; }

  /// The older one must be finished.
  void begin() noexcept { current_ = !current_; }

private:
  std::uint64_t unfinished_[2] = {};
  std::uint64_t keys_ = 0;
  bool current_ = false; // the other is waited for, or has nothing unfinished
};

} // namespace convoy::detail
