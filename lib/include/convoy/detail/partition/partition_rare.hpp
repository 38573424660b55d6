#pragma once

// partition, what happens rarely, or only with joint messages.

#include "convoy/detail/lane/joint_message.hpp"
#include "convoy/detail/partition/partition.hpp"

#include <atomic>
#include <chrono>

namespace convoy::detail {

template <class Core>
bool partition<Core>::trim(pump& self) noexcept {
  if (!has_spares())
    return true;
  if (!role_.take()) {
    spares_.ask();
    return true;
  }
  ring.recycle();
  const bool all = spares_.trim(joints, lanes_, holds, ring, limits);
  spares_.note(joints, lanes_, holds, ring, limits);
  if (!leave())
    self.push_visit(*this);
  return all;
}

template <class Core>
void partition<Core>::take_over(lane_type& lane) noexcept {
  if (lanes_.is_reserve(lane)) { // which has its message, and its key, in the cell
    credit_ += ring.consumed() - cells_begin_;
    (void)ring.peek();
    lane.hash = hash_of(ring.current());
    ring.lend();
    ring.consume();
  }
  lanes_.adopt(lane, ring.consumed() - 1);
  policy.stage();
  core_.got_stuck.store(true, std::memory_order_relaxed); // a hint
}

template <class Core>
void partition<Core>::attend(pump& self, clock::time_point now) noexcept {
  maintenance_.attend(*this, core_, inbox_, now);
  add_credit(); // of lanes that were taken back for a joint message, see joint_lanes::wish_request
  if (lanes_.joints != nullptr) // what goes on may be a joint message's last place
    lanes_.joints->hand_out_ready(self);
}

template <class Core>
bool partition<Core>::reach_place() noexcept {
  lanes_.joints = joints.work.get(); // it was there before the place was published
  return lanes_.joints->reach();
}

} // namespace convoy::detail
