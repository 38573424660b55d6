#pragma once

// The lanes of a partition, as its drainer sees them: the table of keys, which lanes are handed
// out, what is unfinished. Everything here runs in the drainer's role, without concurrency. What goes
// out with a lane is in lane_set_hand_out.hpp, what the drainer runs itself in lane_set_inline.hpp,
// lanes that are held in lane_set_held.hpp, requests for lanes in lane_set_control.hpp, merging
// messages in lane_set_conflate.hpp, shared messages in lane_set_shared.hpp and lane_set_siblings.hpp.

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/base/thread_sanitizer.hpp"
#include "convoy/detail/ds/arrival_times.hpp"
#include "convoy/detail/ds/key_table.hpp"
#include "convoy/detail/lane/epochs.hpp"
#include "convoy/detail/lane/held_lanes.hpp"
#include "convoy/detail/lane/joint_message.hpp"
#include "convoy/detail/lane/lane_pool.hpp"
#include "convoy/detail/lane/lane_requests.hpp"
#include "convoy/detail/shared/core.hpp"
#include "convoy/detail/shared/requests.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace convoy::detail {

template <class Core>
class lane_set {
  using Key = typename Core::key_type;
  using Message = typename Core::message_type;
  using State = typename Core::state_type;

public:
  using core_type = Core;
  using lane_type = typename Core::lane_type;
  using partition_type = typename Core::partition_type;
  using request_type = lane_request<partition_type, Key, Message>;

  lane_set(core_type& core, runner& home, hold::pool_type& holds)
      : core_(core), home_(home), holds_(holds), table_(core.equal) {}
  lane_set(const lane_set&) = delete;
  lane_set& operator=(const lane_set&) = delete;

  /// Nothing is unfinished; only idle lanes with state are left.
  ~lane_set() {
    table_.drain([this](lane_type& lane) {
      if constexpr (!std::is_void_v<State>)
        core_.evict(lane);
      pool_.free_lane(lane);
    });
    if (reserve_ != nullptr)
      pool_.free_lane(*reserve_);
  }

  /// Moves the message of a ticket to the end of its lane, made if need be. False: out of memory,
  /// everything is as it was.
  [[nodiscard]] bool append(Key&& key, std::uint32_t hash, Message&& message,
                            std::uint64_t ticket) noexcept {
    auto* lane = table_.find(key, hash);
    if (lane == nullptr) {
      lane = pool_.make_lane(home_, std::move(key), hash);
      if (lane == nullptr)
        return false;
      table_.insert(*lane);
    }
    if (lane->unsettled == 0) // numbers begin anew; the back need not be the first chunk
      lane->back->number = static_cast<std::uint32_t>(ticket) - lane->back->filled;
    if (!pool_.append(*lane, std::move(message), arrivals_.of(ticket)))
      return false; // not a new lane: its first message has room in it
    unfinished.count(*lane);
    ++lane->staged;
    if (lane->is(lane_state::resting))
      start(*lane);
    else if (lane->needs_look()) [[unlikely]]
      added_aside(*lane);
    return true;
  }

  /// As append(), if the key has no message waiting: returns its lane, to be run at once by the
  /// drainer. Null: as long as others wait, the message must too, or out of memory. Of keys with
  /// state; the others' messages run in their cell.
  [[nodiscard]] lane_type* append_inline(Key&& key, std::uint32_t hash, Message&& message,
                                         std::uint64_t ticket) noexcept;
  /// Likewise of a shared message: it may also run beside others of its key.
  template <class Lane = lane_type>
  [[nodiscard]] Lane* append_shared(Key&& key, std::uint32_t hash, Message&& message,
                                    std::uint64_t ticket) noexcept;

  /// Some key has messages in a lane.
  [[nodiscard]] bool any() const noexcept { return size() != 0; }
  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }
  [[nodiscard]] const lane_type* find(const Key& key, std::uint32_t hash) const noexcept {
    return table_.find(key, hash);
  }
  void for_each(function_ref<void(const lane_type&)> f) noexcept { table_.for_each(f); }

  // ---- messages that run in their cell, see partition ----
  // They have a lane in reserve. Should the handler be stuck, it becomes the lane of the message's
  // key for whoever takes the partition over; should it fail, the message moves there, if the
  // processor handles_failures. Else it serves the next message.

  /// Null when out of memory.
  [[nodiscard]] lane_type* reserve() noexcept {
    if (reserve_ == nullptr)
      reserve_ = pool_.make_lane(home_);
    return inline_ = reserve_;
  }

  /// Nothing failed, and nobody took over.
  void ran_in_cells() noexcept { inline_ = nullptr; }

  /// The message of the reserve has failed and is the drainer's: it moves into its lane, which is
  /// run inline like the others from here on.
  void leave_cell(lane_type& lane, Message& message, std::uint32_t hash,
                  std::uint64_t ticket) noexcept;

  /// Of a drainer that is stuck in a handler; null: there is none.
  [[nodiscard]] lane_type* left_inline() const noexcept { return inline_; }
  [[nodiscard]] bool is_reserve(const lane_type& lane) const noexcept { return &lane == reserve_; }

  /// The lane that has been lined up longest, to be run by the drainer. There must be one. Null: it
  /// may not go on.
  [[nodiscard]] lane_type* next_lined_up() noexcept;
  [[nodiscard]] std::uint32_t lined_up() const noexcept { return lined_up_.size(); }

  /// The drainer has run the lane. Returns how many messages are finished. `consumed` tickets have
  /// left the ring.
  std::uint32_t finish_inline(lane_type& lane, std::uint64_t consumed) noexcept;

  /// Takes over from a drainer that is stuck in a handler, of a message with this `ticket`: its lane
  /// is out, on the old drainer's pump.
  [[gnu::cold]] void adopt(lane_type& lane, std::uint64_t ticket) noexcept;

  /// Takes a lane back. Returns how many of its messages are finished. `consumed` as above.
  std::uint32_t settle(lane_type& lane, std::uint64_t consumed) noexcept {
    if constexpr (shares)
      if (lane.is_sibling())
        return settle_sibling(lane, consumed);
    if (lane.needs_look()) [[unlikely]]
      return settle_aside(lane, consumed);
    const auto finished = std::exchange(lane.finished, 0);
    unfinished.settle(lane, finished);
    lane.become(lane_state::resting);
    pool_.free_spent(lane);
    if (lane.has_requests) [[unlikely]]
      serve_waiting_requests(lane, finished, consumed);
    const bool holds = lane.hold != nullptr && must_hold(lane, consumed);
    lane.resumed = false;
    if (holds) [[unlikely]]
      hold_back(lane);
    else
      go_on(lane); // and it may be gone
    return finished;
  }

  /// What joint messages do to lanes; null: there was none yet.
  joint_work<Core>* joints = nullptr;

  // ---- lanes that are held or controlled: lane_set_held, _suspended and _control.hpp ----

  /// To be called at the beginning of a visit.
  void begin_visit(clock::time_point now) noexcept {
    now_ = now;
    last_visit_ = std::exchange(coarse_now_, coarse(now));
  }

  /// To be called before messages are appended: so many tickets were given out. Unless it is known
  /// already when they were, it was not before the last look if we `stayed` since then; else not
  /// before `since`, when a producer asked for this visit, if one did since the last one began.
  void see(std::uint64_t tickets, std::uint64_t consumed, bool stayed, coarse_time since) noexcept {
    const auto known = stayed                          ? arrivals_.last_look()
                       : is_before(since, last_visit_) ? coarse_now_
                                                       : since;
    arrivals_.see(tickets, coarse_now_, consumed, known);
  }
  /// When the message came that leaves the ring next.
  [[nodiscard]] coarse_time came(std::uint64_t ticket) noexcept { return arrivals_.of(ticket); }
  /// The visit must see(), though nothing is staged in it.
  [[nodiscard]] bool must_see(bool stayed) const noexcept {
    return !stayed || coarse_now_ - arrivals_.last_look() >= tuning::most_between_ticket_looks;
  }
  /// For `since` of see() when nobody has asked for the next visit.
  [[nodiscard]] coarse_time before_visit() const noexcept { return coarse_now_ - 1; }

  /// Something waits for release_stopped(), or may.
  [[nodiscard]] bool has_stopped() const noexcept { return stopped_ != nullptr; }
  /// Made when it is needed. Waits for memory: a message can't be given back.
  [[nodiscard]] held_lanes& stopped() noexcept;

  /// Those that may go on now, do; unless it still `lingers`, so do all that wait for more
  /// messages. Other timers that are due go to function(timer&). Returns when to call this next.
  template <class Function>
  clock::time_point release_stopped(clock::time_point now, std::uint64_t consumed, bool lingers,
                                    Function&& function) noexcept;

  /// See processor::pause(), resume(), purge(), fence().
  [[gnu::cold]] [[nodiscard]] bool serve(request_type& r, std::uint64_t consumed) noexcept;

  /// See held_lanes::end(); likewise what is paused.
  [[gnu::cold]] void end_stopped(std::uint64_t tickets) noexcept;

  /// Makes the lanes ready that got work or came back with some, once per lane and visit. See
  /// lane_set_hand_out.hpp.
  void hand_out(pump& self) noexcept;

  // ---- conflation, see lane_set_conflate.hpp ----

  /// Merges a message into the last one of its key. False: there is none that takes it in, and all
  /// is as it was.
  [[nodiscard]] bool conflate(const Key& key, std::uint32_t hash, Message& message) noexcept;
  /// Messages that were merged; others look.
  atomic<std::uint64_t> conflated{0};

  epochs unfinished; ///< of the messages in lanes, see drain_progress
  held_counts held;
  std::uint64_t beside = 0;      ///< siblings, but for one of each key
  resumer* coroutines = nullptr; ///< null: handlers are none

  /// See lane_pool, key_table.
  [[nodiscard]] bool has_spares() const noexcept {
    return pool_.has_spares() || table_.has_spares();
  }
  [[nodiscard]] bool trim(std::size_t most) noexcept {
    const bool all = pool_.trim(most);
    if (all)
      table_.trim();
    return all;
  }

private:
  friend class suspended_lanes<Core>;
  friend class joint_lanes<Core>; // a part of it, where there are joint messages
  void add_to_table(lane_type& lane) noexcept;

  /// Of a lane that is not out, or was held. What was held waits for a worker from now on: else a
  /// key that fails for ever would go before all others each time it is tried again.
  void go_on(lane_type& lane) noexcept {
    if constexpr (shares)
      if (lane.is_sibling() || lane.has_siblings())
        return go_on_sharing(lane);
    if (lane.is(lane_state::held)) {
      lane.since = coarse_now_;
      end_hold(lane);
      if (joints != nullptr && joints->goes_on(lane)) [[unlikely]]
        return;
    }
    if (lane.paused) [[unlikely]] {
      if (lane.hold == nullptr || lane.hold->doomed == 0)
        return hold_paused(lane);
      lane.hold->then_stop = true; // what is doomed is buried all the same
    }
    if (lane.unsettled != 0)
      return start(lane);
    free_if_idle(lane);
  }

  [[nodiscard]] hold& hold_of(lane_type& lane) noexcept { return hold::of(lane, holds_); }

  // ---- lanes with shared messages, see lane_set_shared.hpp and lane_set_siblings.hpp: templates, so
  // that they exist for no others ----

  static constexpr bool shares = lane_type::shares;

  [[nodiscard]] std::uint32_t most_shared() const noexcept;
  [[nodiscard]] static std::uint32_t waiting(const lane_type& lane) noexcept {
    return lane.handed + lane.staged;
  }
  [[nodiscard]] std::uint32_t next_to_hand(lane_type& lane) const noexcept;
  template <class Lane>
  [[nodiscard]] bool may_share(Lane& main) noexcept;
  template <class Lane>
  [[nodiscard]] Lane* part(Lane& main) noexcept;
  template <class Lane>
  void add_sibling(Lane& main, Lane& sibling, bool epoch) noexcept;
  template <class Lane>
  void end_sibling(Lane& sibling) noexcept;
  template <class Lane>
  void share_more(Lane& main) noexcept;
  template <class Lane>
  [[nodiscard]] bool hand_out_shared(Lane& lane, pump& self, ready_list& by_age) noexcept;
  template <class Lane>
  [[nodiscard]] Lane* next_shared_inline(Lane& lane) noexcept;
  template <class Lane>
  std::uint32_t settle_sibling(Lane& sibling, std::uint64_t consumed) noexcept;
  template <class Lane>
  void end_sharing(Lane& main) noexcept;
  template <class Lane>
  [[gnu::cold]] void go_on_sharing(Lane& lane) noexcept;
  template <class Lane>
  [[gnu::cold]] void go_on_sibling(Lane& sibling) noexcept;
  template <class Lane>
  [[gnu::cold]] void take_out_of_line(Lane& main) noexcept;
  template <class Lane>
  [[gnu::cold]] void doom_rest(Lane& main, std::uint64_t until, death why) noexcept;
  template <class Lane>
  [[gnu::cold]] [[nodiscard]] bool serve_sharing(Lane& main, request_type& r,
                                                 std::uint64_t consumed) noexcept;
  template <class Lane>
  [[gnu::cold]] void end_stopped_siblings(Lane& main, std::uint64_t tickets) noexcept;
  [[nodiscard]] std::uint32_t in_line(const lane_type& lane) const noexcept;

  /// A lane has work, and is not out.
  void start(lane_type& lane) noexcept {
    if (core_.options.linger.count() != 0 && wants_more(lane)) [[unlikely]]
      return linger(lane);
    line_up(lane);
  }

  /// A lane without messages, which is not out. It is freed, unless its key has state.
  void free_if_idle(lane_type& lane) noexcept {
    pool_.rewind(lane);
    if (lane.hold != nullptr) [[unlikely]]
      hold::forget(lane);
    if constexpr (!std::is_void_v<State>)
      if (lane.state) { // else it could not be made, or has gone
        if (core_.options.state.idle != std::chrono::nanoseconds::max())
          note_idle(lane);
        return;
      }
    table_.erase(lane);
    pool_.free_lane(lane);
  }

  void hand(lane_type& lane) noexcept;
  [[gnu::cold]] [[nodiscard]] std::uint32_t part_of(const lane_type& lane) const noexcept;
  [[nodiscard]] bool takes_more(lane_type& lane) noexcept;

  [[gnu::cold]] [[nodiscard]] bool must_hold(lane_type& lane, std::uint64_t consumed) noexcept;
  [[gnu::cold]] void hold_back(lane_type& lane) noexcept;
  [[nodiscard]] std::uint32_t keys_of(const lane_type& lane) const noexcept {
    return lane.home == &home_ ? 1 : joints->keys_of(lane);
  }
  [[gnu::cold]] void begin_hold(lane_type& lane, stop why) noexcept;
  [[gnu::cold]] void end_hold(lane_type& lane) noexcept;
  [[gnu::cold]] void hold_paused(lane_type& lane) noexcept;
  [[gnu::cold]] void end_pause(lane_type& lane) noexcept;
  [[gnu::cold]] void release(lane_type& lane) noexcept;
  [[gnu::cold]] void unpark(lane_type& lane) noexcept;

  [[nodiscard]] bool wants_more(const lane_type& lane) const noexcept;
  [[gnu::cold]] void linger(lane_type& lane) noexcept;
  void added_aside(lane_type& lane) noexcept;
  [[gnu::cold]] std::uint32_t settle_aside(lane_type& lane, std::uint64_t consumed) noexcept;
  [[gnu::cold]] void flush(lane_type& lane) noexcept;

  // Of lanes with state: templates, so that they exist for no others.
  template <class Lane>
  void note_idle(Lane& lane) noexcept;
  template <class Lane>
  void idle_timer_is_due(idle_timer<Lane>& t) noexcept;

  [[gnu::cold]] lane_type& make_lane(request_type& r) noexcept;
  [[gnu::cold]] void wait_for_lane(lane_type& lane, request_type& r) noexcept;
  [[gnu::cold]] void serve_waiting_requests(lane_type& lane, std::uint32_t finished,
                                            std::uint64_t consumed) noexcept;
  [[gnu::cold]] void serve_reached(lane_type& lane, std::uint32_t finished) noexcept;
  [[gnu::cold]] void try_again(lane_type& lane) noexcept;
  [[gnu::cold]] void doom(lane_type& lane, std::uint32_t count) noexcept;
  [[gnu::cold]] void put_before(lane_type& lane, std::vector<Message>& first,
                                std::uint64_t consumed) noexcept;

  void line_up(lane_type& lane) noexcept {
    lane.become(lane_state::lined_up);
    lined_up_.push(lane);
  }

  static constexpr coarse_time oldest = coarse_time{1} << 30; // five hours

  core_type& core_;
  runner& home_;
  hold::pool_type& holds_;
  key_table<lane_type, typename Core::equal_type> table_;
  lane_pool<Key, Message, State> pool_;
  std::unique_ptr<held_lanes> stopped_;
  lane_requests<lane_type, request_type> waiting_requests_; // for a lane
  clock::time_point now_{};                                 // when the visit began
  coarse_time coarse_now_ = coarse(clock::now());           // likewise; at first, when it was made
  coarse_time last_visit_ = 0;                              // when the one before began
  arrival_times arrivals_;
  bool ended_ = false;           // end_stopped() was called,
  std::uint64_t ended_at_ = 0;   // with so many tickets
  ready_list lined_up_;          // lanes to be handed out when this visit ends
  lane_type* inline_ = nullptr;  // run by the drainer itself at the moment
  lane_type* reserve_ = nullptr; // for messages that run in their cell
};

} // namespace convoy::detail
