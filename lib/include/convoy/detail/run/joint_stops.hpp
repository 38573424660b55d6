#pragma once

// joint_lanes, the part about messages that have stopped: for a retry, parked, or as a sink refuses.

#include "convoy/detail/lane/lane_set_control.hpp"
#include "convoy/detail/run/joint_lanes.hpp"
#include "convoy/detail/run/joint_run.hpp"
#include "convoy/detail/shared/requests.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace convoy::detail {

/// Of a message that has stopped, which another partition is the home of.
template <class Core>
class joint_lanes<Core>::wish_request final : public request<partition_type> {
public:
  wish_request(std::uint64_t of, wish what) noexcept
      : request<partition_type>(turn::at_once), ticket_(of), what_(what) {}

  [[nodiscard]] bool serve(partition_type& p) noexcept override {
    p.settle_returned(); // the message's own lane, which came back before it was asked
    static_cast<joint_lanes&>(*p.lanes().joints).serve_stopped(ticket_, what_);
    return true;
  }

private:
  const std::uint64_t ticket_;
  const wish what_;
};

// ---- messages that have stopped ----
//
// All lanes come back, unfinished, and so does the message's own, to the partition of its first
// place. Each partition notes who has its lane, and arrives anew. The own lane is held there as
// others are; when it goes on that arrives too, and the message is ready again.

/// Its sink has refused it. A key that waits for a purge asks for one each time that it comes back,
/// which must not have the sink asked at once.
[[nodiscard]] inline bool is_doomed(const lane_base& lane) noexcept {
  return lane.hold != nullptr && lane.hold->doomed != 0;
}

template <class Core>
void joint_lanes<Core>::take_in_stopped(stopped_joint<Core>& lane,
                                        std::uint64_t consumed) noexcept {
  const auto ticket = lane.of.ticket();
  stopped* known = nullptr;
  until_there_is_memory([&] { known = &stopped_[ticket]; });
  lane.become(lane_state::resting);
  if (std::exchange(known->purged, false) && !is_doomed(lane))
    lanes_.doom(lane, 1);
  lane.resumed = std::exchange(known->resumed, false);
  const bool holds = lane.hold != nullptr && lanes_.must_hold(lane, consumed);
  lane.resumed = false;
  if (!holds)
    return go_on_stopped(lane);
  known->lane = &lane;
  stopped_keys_ += keys_of(lane);
  lanes_.begin_hold(lane, lane.hold->stopped);
}
/// It is resting.
template <class Core>
void joint_lanes<Core>::go_on_stopped(stopped_joint<Core>& lane) noexcept {
  lane.become(lane_state::joint);
  stopped_[lane.of.ticket()].lane = nullptr; // it is there
  arrive(lane.of, *lane.of.places()->lane);
}

template <class Core>
void joint_lanes<Core>::forward(joint_id which, wish what) noexcept {
  if (which.home == &p_) { // its own lane may not have been taken back yet, but is not gone
    until_there_is_memory([&] { (void)stopped_[which.ticket]; });
    return serve_stopped(which.ticket, what);
  }
  until_there_is_memory(
      [&] { which.home->post(std::make_unique<wish_request>(which.ticket, what)); });
}
template <class Core>
void joint_lanes<Core>::serve_stopped(std::uint64_t ticket, wish what) noexcept {
  const auto found = stopped_.find(ticket);
  if (found == stopped_.end() || found->second.lane == nullptr) {
    if (found != stopped_.end()) {
      found->second.resumed |= what == wish::resume;
      found->second.purged |= what == wish::purge;
    }
    return;
  }
  auto& lane = *found->second.lane;
  auto& t = *lane.hold;
  if (what == wish::resume && t.stopped == stop::park)
    lanes_.unpark(lane);
  else if (what == wish::try_now && !is_doomed(lane))
    lanes_.release(lane);
  else if (what == wish::purge && !is_doomed(lane))
    lanes_.doom(lane, 1);
  if (t.stopped == stop::none)
    lanes_.go_on(lane);
}

template <class Core>
bool joint_lanes<Core>::keeps(lane_type& lane, std::uint64_t consumed) noexcept {
  if (lane.home != &lanes_.home_) {
    take_in_stopped(static_cast<stopped_joint<Core>&>(lane), consumed);
    return true;
  }
  const bool is_first = lane.is(lane_state::joint);
  if (!is_first && !lane.is(lane_state::joint_other))
    return false;
  --ready_keys_;
  ready_messages_ -= is_first ? 1 : 0;
  if (lane.finished == 0) {                              // the message has stopped
    auto& its = *static_cast<message_type*>(lane.below); // see take_turn()
    auto& home = its.home_partition();
    until_there_is_memory([&] {
      (void)stopped_in_.try_emplace(&lane, joint_id{&home, its.ticket()});
    });
    if (lane.resumed)
      forward({&home, its.ticket()}, wish::resume);
    lane.resumed = false;
    // It came while the message ran: it is about that, too.
    if (lane.has_requests && lanes_.waiting_requests_.of(lane).purges)
      forward({&home, its.ticket()}, wish::purge);
    arrive(its, lane);
    return true;
  }
  --taken_;
  p_.void_ += is_first ? 0 : 1; // the first place counts as the message
  if (!stopped_in_.empty())
    if (const auto found = stopped_in_.find(&lane); found != stopped_in_.end()) {
      if (found->second.home == &p_) // each lane does: what is asked for in between makes it anew
        stopped_.erase(found->second.ticket);
      stopped_in_.erase(found);
    }
  return false;
}

template <class Core>
void joint_lanes<Core>::spare_marker(lane_type& lane, const Message& message) noexcept {
  auto& t = *lane.hold;
  if (t.doomed != 0 && t.spared == 0 && t.why == death::failed_rest &&
      is_marker(core_, lane, message))
    t.doomed = 0;
}

template <class Core>
bool joint_lanes<Core>::serve(wish what, lane_type& lane) noexcept {
  if (stopped_in_.empty() || (what != wish::resume && what != wish::try_now && what != wish::purge))
    return false;
  const auto found = stopped_in_.find(&lane);
  if (found == stopped_in_.end())
    return false;
  if (what == wish::resume)
    lane.paused = false;
  if (what == wish::try_now && lane.paused)
    return true;
  forward(found->second, what);
  return what != wish::purge; // those behind it, too
}

} // namespace convoy::detail
