#pragma once

// What the drainer of a partition does about joint messages: their places take their turns in its
// lanes, and wait there behind what came before. Everything here runs in the drainer's role.
//
// A place is a slot of its lane without a message. As long as others are before it, it is the last
// or in the middle of the lane's queue of places, and of the lane's `staged` only those count that
// are before the first place; each place knows how many are `behind` it.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/key_table.hpp"
#include "convoy/detail/ds/node_pool.hpp"
#include "convoy/detail/lane/joint_message.hpp"
#include "convoy/detail/lane/lane_set_control.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/run/joint_run.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Core>
class joint_lanes final : public joint_work<Core> {
  using Message = typename Core::message_type;
  using lane_type = typename Core::lane_type;
  using partition_type = typename Core::partition_type;
  using place_type = joint_place<Core>;
  using message_type = joint_message<Core>;

public:
  joint_lanes(Core& core, partition_type& p) : core_(core), p_(p), lanes_(p.lanes()) {}

  [[nodiscard]] bool reach() noexcept override {
    ask_ahead();
    const auto [message, number] = p_.ring.place();
    auto& at = static_cast<message_type*>(message)->places()[number];
    const bool is_local = at.of->is_local();
    if (!is_local && !others_are_near()) {
      if (pump::current()->approx_size() == 0)
        sleep_for(tuning::joint_nap);
      p_.policy.begin(clock::now()); // it says nothing of handlers
      return false;
    }
    if (!is_local)
      note_others(*at.of);
    if (!enter(at))
      return false;
    p_.ring.consume_place(); // the message may be gone
    return true;
  }

  void appended(lane_type& lane) noexcept override {
    if (auto* const places = find(lane)) {
      --lane.staged;
      ++places->last->behind;
    }
  }

  [[nodiscard]] bool keeps(lane_type& lane, std::uint64_t consumed) noexcept override;
  [[nodiscard]] bool goes_on(lane_type& lane) noexcept override {
    if (lane.home != &lanes_.home_) {
      stopped_keys_ -= keys_of(lane);
      go_on_stopped(static_cast<stopped_joint<Core>&>(lane));
      return true;
    }
    auto* const places = find(lane);
    if (places == nullptr)
      return false;
    if (lane.hold != nullptr && lane.handed + lane.staged == 0) [[unlikely]]
      spare_marker(lane, places->first->of->message);
    if (lane.paused) {
      if (lane.hold == nullptr || lane.hold->doomed == 0)
        return lanes_.hold_paused(lane), true;
      lane.hold->then_stop = true; // as in lane_set::go_on()
    }
    if (lane.handed + lane.staged != 0)
      return hand_out(lane), true;
    auto& at = places->pop();
    lane.staged = std::exchange(at.behind, 0);
    if (places->first == nullptr)
      forget(*places);
    take_turn(at, lane);
    return true;
  }

  [[nodiscard]] bool serve(wish what, lane_type& lane) noexcept override;
  [[nodiscard]] joint_name name_of(const lane_type& lane) const noexcept override;
  void explain(seen_key& seen) noexcept override;
  [[nodiscard]] joint_keys keys() const noexcept override {
    return {taken_ - ready_keys_ - stopped_keys_, ready_keys_ - ready_messages_};
  }
  [[nodiscard]] std::uint32_t keys_of(const lane_type& its) const noexcept override {
    return static_cast<const stopped_joint<Core>&>(its).of.count();
  }
  void for_each_stopped(function_ref<void(const lane_type&)> f) const noexcept override {
    for (const auto& [ticket, each] : stopped_)
      if (each.lane != nullptr)
        f(*each.lane);
  }
  void take_rest(lane_type& lane) noexcept override {
    rest_.clear();
    auto* const places = find(lane);
    if (places == nullptr)
      return;
    for (auto* each = places->first; each != nullptr; each = each->next) {
      for (std::uint32_t i = 0; i <= each->behind; ++i, ++lane.front_index) {
        const auto came = lane.first_came();
        auto& slot = first_of(lane);
        until_there_is_memory([&] {
          rest_.emplace_back(std::nullopt, came);
          if (i != 0)
            rest_.back().first.emplace(std::move(slot));
        });
        if (i != 0)
          std::destroy_at(&slot);
      }
    }
  }
  void put_rest(lane_type& lane) noexcept override {
    for (auto& [message, came] : rest_)
      while (!(message ? lanes_.pool_.append(lane, std::move(*message), came)
                       : lanes_.pool_.append_place(lane, came)))
        sleep_for(tuning::out_of_memory_nap);
    rest_.clear();
  }

  [[nodiscard]] bool run_ready(pump& self) noexcept override {
    tell_reached();
    while (auto* const next = this->ready_.pop()) {
      auto& message = static_cast<message_type&>(*next);
      if (p_.policy.over()) {
        this->ready_.push(message);
        hand_out_ready(self);
        return true;
      }
      lanes_.inline_ = &lane_here(message); // a pump that takes over finds that one runs
      self.claim.begin();
      const bool done = message.handle(core_, self);
      if (self.claim.end()) [[unlikely]] {
        self.claim.settle();
        message.leave(done, self, nullptr);
        return false;
      }
      lanes_.inline_ = nullptr;
      message.leave(done, self, this);
      (void)p_.policy.ran();
    }
    return true;
  }

  void hand_out_ready(pump& self) noexcept override {
    tell_reached();
    ready_list by_age;
    while (auto* const next = this->ready_.pop()) {
      if (self.lanes_are_slow())
        by_age.push(*next);
      else
        self.push(*next);
    }
    if (!by_age.empty())
      self.push_by_age(by_age);
  }

  // ---- for a joint message that is left by this drainer ----

  [[nodiscard]] bool drains(const partition_type& p) const noexcept { return &p == &p_; }
  void settle(lane_type& lane) noexcept { p_.settle(lane); }

private:
  /// Of a lane in which joint messages wait.
  struct waiting_places {
    explicit waiting_places(lane_type& lane) noexcept : hash(lane.hash), key(&lane) {}
    std::uint32_t hash;
    lane_type* key;
    waiting_places* next = nullptr; // in its bucket
    place_type* first = nullptr;
    place_type* last = nullptr;

    void push(place_type& at) noexcept {
      (first == nullptr ? first : last->next) = &at;
      last = &at;
    }
    [[nodiscard]] place_type& pop() noexcept {
      auto& at = *first;
      first = at.next;
      return at;
    }
  };
  struct joint_id {
    partition_type* home; // of its first place
    std::uint64_t ticket; // of that
  };
  /// A message that has stopped, in its home.
  struct stopped {
    stopped_joint<Core>* lane = nullptr; // while it is held here
    bool resumed = false;                // was asked for while it was not
    bool purged = false;                 // likewise
  };
  class wish_request;

  [[nodiscard]] waiting_places* find(lane_type& lane) const noexcept {
    return waiting_.size() == 0 ? nullptr : waiting_.find(&lane, lane.hash);
  }
  [[nodiscard]] waiting_places* find_or_make(lane_type& lane) noexcept {
    auto* places = find(lane);
    if (places == nullptr) {
      places = pool_.make(lane);
      if (places != nullptr)
        waiting_.insert(*places);
    }
    return places;
  }
  void forget(waiting_places& places) noexcept {
    waiting_.erase(places);
    pool_.give_back(places);
  }

  /// A place goes to its lane. False: out of memory.
  [[nodiscard]] bool enter(place_type& at) noexcept {
    auto* lane = lanes_.table_.find(at.key, at.hash);
    if (lane == nullptr) {
      lane = lanes_.pool_.make_lane(lanes_.home_, std::move(at.key), at.hash);
      if (lane == nullptr)
        return false;
      lanes_.table_.insert(*lane);
    } else if (lane->is(lane_state::held)) {
      if (auto* const t = lane->hold; t != nullptr && t->stopped == stop::linger)
        lanes_.flush(*lane); // it is lined up
    }
    if (lane->is(lane_state::resting)) {
      if (!append(*lane, at.ticket))
        return false; // not a new lane: it has room
      at.lane = lane;
      take_turn(at, *lane);
      return true;
    }
    auto* const places = find_or_make(*lane);
    if (places == nullptr)
      return false;
    if (!append(*lane, at.ticket)) {
      if (places->first == nullptr)
        forget(*places);
      return false;
    }
    at.lane = lane;
    places->push(at);
    if (lane->is(lane_state::held)) {
      if (lane->unsettled == 1)
        lanes_.held.fill();
    } else if (lane->is(lane_state::out)) {
      lane->become(lane_state::before_joint);
    } else if (lane->is(lane_state::lined_up)) {
      take_from_line(*lane);
      hand_out(*lane);
    }
    return true;
  }

  // ---- not too far ahead, in joint_ahead.hpp ----

  /// Where another place of a message is.
  struct elsewhere {
    const partition_type* home;
    std::uint64_t ticket;
  };

  [[nodiscard]] bool others_are_near() noexcept;
  void note_others(message_type& its) noexcept;
  void tell_reached() noexcept {
    p_.joints.reached.store(p_.ring.consumed(), std::memory_order_relaxed); // only how far we are
  }
  void ask_ahead() noexcept;
  [[nodiscard]] const place_type* ahead(std::uint64_t by) noexcept;

  /// A slot for a place. As lane_set::append().
  [[nodiscard]] bool append(lane_type& lane, std::uint64_t ticket) noexcept {
    if (lane.unsettled == 0)
      lane.back->number = static_cast<std::uint32_t>(ticket) - lane.back->filled;
    if (!lanes_.pool_.append_place(lane, lanes_.arrivals_.of(ticket)))
      return false;
    lanes_.unfinished.count(lane);
    return true;
  }

  /// The lane is resting, and the place is its first.
  void take_turn(place_type& at, lane_type& lane) noexcept {
    lane.handed = 1;
    auto& its = *at.of;
    lane.become(&at == its.places() ? lane_state::joint : lane_state::joint_other);
    lane.below = &its;
    ++taken_;
    if (lane.hold != nullptr) [[unlikely]]
      pass_hold(its, lane);
    arrive(its, lane);
  }
  /// One of its lanes of this partition.
  [[nodiscard]] lane_type& lane_here(message_type& its) noexcept {
    auto* at = its.places();
    while (at->home != &p_)
      ++at;
    return *at->lane;
  }
  void arrive(message_type& its, lane_type& lane) noexcept {
    if (!its.arrive())
      return;
    its.since = its.came(lane.since);
    ready_keys_ += its.count();
    ++ready_messages_;
    this->ready_.push(its);
  }
  /// The lane's first place is next: as in bury_doomed().
  [[gnu::cold]] void spare_marker(lane_type& lane, const Message& message) noexcept;
  /// What the lane's hold says of its first message is true of a place, too.
  [[gnu::cold]] void pass_hold(message_type& its, lane_type& lane) noexcept {
    auto& t = *lane.hold;
    if (t.doomed != 0 && t.spared == 0) {
      its.doom(t.why);
      t.forget_attempts();
      if (--t.doomed == 0 && std::exchange(t.then_rest, false)) {
        t.why = death::failed_rest;
        t.stopped = stop::tickets;
        return;
      }
    }
    if (t.stopped == stop::none)
      hold::forget_first(lane);
  }

  void take_from_line(lane_type& lane) noexcept {
    for (auto left = lanes_.lined_up_.size(); left != 0; --left)
      if (auto* const each = lanes_.lined_up_.pop(); each != &lane)
        lanes_.lined_up_.push(*each);
    lane.become(lane_state::out);
    lane.become(lane_state::resting);
  }

  /// Of a lane that is resting and has messages before its first place: a pump runs them, the
  /// drainer must not.
  void hand_out(lane_type& lane) noexcept {
    auto& self = *pump::current();
    const bool is_behind = self.lanes_are_slow() || lane.handed != 0;
    lane.flush = true; // not only whole batches
    lanes_.hand(lane);
    lane.become(lane_state::before_joint);
    if (!is_behind)
      return self.push(lane);
    ready_list by_age;
    by_age.push(lane);
    self.push_by_age(by_age);
  }

  // ---- what they wait for, in joint_explain.hpp ----
  void explain_here(seen_key& seen) noexcept;

  [[nodiscard]] static bool is(const joint_name& which, place_type& at) noexcept;
  [[nodiscard]] const place_type* find(const joint_name& which, bool& saw_all) noexcept;
  [[nodiscard]] const lane_type* stopped_lane(const joint_name& which) const noexcept;

  // ---- messages that have stopped, in joint_stops.hpp ----

  [[gnu::cold]] void take_in_stopped(stopped_joint<Core>& lane, std::uint64_t consumed) noexcept;
  [[gnu::cold]] void go_on_stopped(stopped_joint<Core>& lane) noexcept;
  [[gnu::cold]] void forward(joint_id which, wish what) noexcept;
  [[gnu::cold]] void serve_stopped(std::uint64_t ticket, wish what) noexcept;

  Core& core_;
  partition_type& p_;
  typename partition_type::lanes_type& lanes_;
  node_pool<waiting_places> pool_;
  key_table<waiting_places, std::equal_to<>> waiting_{std::equal_to<>()};
  std::unordered_map<const lane_type*, joint_id> stopped_in_; // lanes of messages that have stopped
  std::unordered_map<std::uint64_t, stopped> stopped_;        // those whose home this is, by ticket
  std::int64_t taken_ = 0;                                    // lanes that are joint
  std::int64_t ready_keys_ = 0;     // lanes of messages that became ready here, less those of
                                    // whichever that have come back here since
  std::int64_t ready_messages_ = 0; // likewise these, and their first lanes
  std::int64_t stopped_keys_ = 0;   // of messages that have stopped, and are held here
  std::array<elsewhere, tuning::joint_messages_ahead>
      ahead_; // a ring: what others may not have seen
  std::size_t ahead_first_ = 0, ahead_last_ = 0;
  std::vector<std::pair<std::optional<Message>, coarse_time>> rest_; // while others are put before
};

} // namespace convoy::detail
