#pragma once

// A partition: the part of the key space that shares one ticket ring, and the lanes of its keys.
// One pump at a time drains it, as its drainer; what is not marked otherwise happens in that role.
// What others leave for the drainer is in inbox_. It gives the role up in leave().

#include "convoy/detail/base/asymmetric_fence.hpp"
#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/function_ref.hpp"
#include "convoy/detail/base/pause.hpp"
#include "convoy/detail/base/thread_sanitizer.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/base/wait_limits.hpp"
#include "convoy/detail/ds/inbox.hpp"
#include "convoy/detail/ds/node_pool.hpp"
#include "convoy/detail/ds/ticket_ring.hpp"
#include "convoy/detail/insight/partition_levels.hpp"
#include "convoy/detail/lane/lane_set_conflate.hpp"
#include "convoy/detail/lane/lane_set_hand_out.hpp"
#include "convoy/detail/lane/suspension.hpp"
#include "convoy/detail/partition/drain_progress.hpp"
#include "convoy/detail/partition/drainer_role.hpp"
#include "convoy/detail/partition/inline_policy.hpp"
#include "convoy/detail/partition/maintenance.hpp"
#include "convoy/detail/partition/revisit.hpp"
#include "convoy/detail/partition/room_notifier.hpp"
#include "convoy/detail/partition/spare_memory.hpp"
#include "convoy/detail/partition/visit.hpp"
#include "convoy/detail/shared/key_limits.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace convoy::detail {

template <class Core>
class partition final : public runner, private ready_item, private alarm {
  using Key = typename Core::key_type;
  using Message = typename Core::message_type;
  using State = typename Core::state_type;
  static constexpr bool stores_hash = hash_is_stored<Key, typename Core::hash_type>;

public:
  using core_type = Core;
  using lane_type = typename Core::lane_type;
  using lanes_type = lane_set<Core>;
  using limits_type = key_limits<Core>;
  using request_type = request<partition>;
  using ring_type = ticket_ring<Key, Message, stores_hash>;
  using cell_type = typename ring_type::cell;
  using visit_type = visit<partition>;

  partition(core_type& core, std::uint64_t credit)
      : ready_item(static_cast<runner&>(*this)), ring(credit), core_(core),
        lanes_(core, *this, holds),
        room_(core.room, core.options.capacity, limits_type::is_needed(core.options)) {
    since = lanes_.before_visit();
    if (limits_type::is_needed(core.options))
      limits.emplace(core.options, core.hash_of, core.equal);
    lanes_.coroutines = resumer_.get();
  }
  partition(const partition&) = delete;
  partition& operator=(const partition&) = delete;

  /// Everything accepted is finished, and the role was taken for good.
  ~partition() { core_.scheduler.remove_alarm(*this); }

  // ---- any thread ----
  ring_type ring;
  std::uint64_t end_at = 0;                   // the processor's destructor's
  atomic<std::uint64_t> messages_end{no_end}; // no message of a closed ring has this ticket or more
  static constexpr std::uint64_t no_end = ~std::uint64_t{0};
  alignas(cache_line) std::optional<limits_type> limits; // if they are there, each message looks
  hold::pool_type holds; // lanes that fail or stop take it from here
  joint_door<core_type> joints;
  partition_levels* levels = nullptr; // null: nobody wants to know

  /// After a ticket was published. At most one read-modify-write, usually none.
  [[gnu::always_inline]] void signal() noexcept {
    fence_light(); // our publication against a drainer that leaves, see leave_to_producer()
    if (role_.is_free())
      make_ready();
  }

  void request_drain(std::uint64_t ticket) noexcept {
    if (drain_progress_.ask(ticket))
      signal();
  }
  void post(std::unique_ptr<request_type> what) noexcept {
    inbox_.post(std::move(what));
    signal();
  }
  /// A timer is due, or the end has come one step nearer, see core::ending.
  void ring_alarm() noexcept override {
    inbox_.ring();
    signal();
  }
  /// Of a processor whose handler is a coroutine.
  [[nodiscard]] resumer& coroutines() noexcept { return *resumer_; }
  /// Throws as scheduler::add_alarm(). Once, before it waits for a time.
  void use_alarm() { core_.scheduler.add_alarm(*this); }

  [[nodiscard]] std::uint64_t drained() const noexcept { return drain_progress_.reached(); }
  /// See drain_progress::await(); core::drained is notified.
  [[nodiscard]] bool await_drained(std::uint64_t ticket) noexcept {
    return drain_progress_.await(ticket);
  }
  [[nodiscard]] bool wants_drain() const noexcept { return drain_progress_.is_asked(); }

  [[nodiscard]] bool must_sweep() const noexcept { return limits && limits->must_sweep(); }

  /// So far; some visits old while it is being drained.
  [[nodiscard]] std::uint64_t finished() const noexcept {
    return finished_.load(std::memory_order_acquire); // (3) acquire: their tickets; pairs with (4)
  }

  [[nodiscard]] bool has_spares() const noexcept { return spares_.exists(); }

  /// On a pump: gives memory back that was not needed since the last time, or has the drainer do it.
  /// False: some is left. Idle, it is not made ready: its processor's destructor would wait for that.
  [[gnu::cold]] [[nodiscard]] bool trim(pump& self) noexcept;

  [[nodiscard]] core_type& core() noexcept { return core_; }

  /// For good, when nothing is unfinished. False: somebody is about to leave it.
  [[nodiscard]] bool take_role() noexcept {
    return (resumer_ == nullptr || !resumer_->is_posting()) && role_.take();
  }

  /// After a quantum, with what is left of it; who gives it back must not touch it again.
  void give_back(lane_type& lane, pump& self) noexcept {
    if (levels != nullptr) [[unlikely]]
      core_.insight->let_go(self); // the lane may be freed from here on
    inbox_.give_back(lane);
    if (role_.is_free() && role_.take())
      self.push_visit(*this);
  }

  /// Calls function() in the drainer's role, if nobody has that. False: somebody has.
  [[gnu::cold]] [[nodiscard]] bool try_in_role(function_ref<void()> function) noexcept;
  /// In the drainer's role. Looks at each lane, and if it `drains` at the ring.
  void look_at_lanes(bool drains) noexcept;

  // ---- the drainer ----
  alignas(cache_line) inline_policy policy;

  [[nodiscard]] lanes_type& lanes() noexcept { return lanes_; }
  [[nodiscard]] alarm& own_alarm() noexcept { return *this; }

  template <class Scheduled>
  void schedule(std::shared_ptr<Scheduled> message) noexcept {
    maintenance_.schedule(*this, core_, std::move(message));
  }
  template <class Scheduled>
  void forget(Scheduled& message) noexcept {
    maintenance_.forget(*this, core_, message);
  }

  // ---- pumps ----
  void run(ready_item& item, pump& self) noexcept override {
    tell_received(&item);
    self.enter(&core_);
    &item == this ? drain(self) : run_lane(static_cast<lane_type&>(item), self);
    tell_passed_on(&core_);
  }

private:
  friend class visit<partition>;       // a part of the drainer
  friend class joint_lanes<core_type>; // likewise

  [[gnu::noinline]] void make_ready() noexcept {
    if (role_.take()) {
      if (levels != nullptr) [[unlikely]]
        levels->ask_for_visit();
      tell_passed_on(static_cast<ready_item*>(this));
      core_.scheduler.make_ready(*this);
    }
  }

  void run_lane(lane_type& lane, pump& self) noexcept {
    const bool carefully = lane.hold != nullptr || core_.is_abandoned();
    // run_lane() of run_lane.hpp, for the handler's type
    (carefully ? core_.run_lane_carefully : core_.run_lane)(core_, *this, lane, self);
  }

  void drain(pump& self) noexcept {
    const auto now = clock::now();
    if (pace_.too_early(now) && !inbox_.any_lane()) {
      if (self.approx_size() == 0)
        pause_a_little();
      return self.push_visit(*this);
    }
    self.note_visit(now);
    if (levels != nullptr) [[unlikely]]
      levels->begin_visit(now, stays_, since, ring.tickets() - ring.consumed());
    lanes_.begin_visit(now);
    const bool stayed = std::exchange(stays_, true);
    core_.scheduler.watch(self, now);
    take_over();
    const bool settled = inbox_.any_lane();
    if (settled)
      settle_returned();
    visit_type visit(*this, self);
    const bool runs_inline = may_run_inline(self);
    // Inline it hardly matters when messages came, and each look disturbs producers.
    if (!runs_inline || lanes_.must_see(stayed))
      lanes_.see(ring.tickets(), ring.consumed(), stayed, since);
    if (!runs_inline)
      move_messages(visit, self);
    else if (!run_inline(visit, self, now))
      return; // another pump has the role, and perhaps more
    if (!runs_inline ||
        !policy.cheap()) // else they stay with us, and the next visit runs them inline
      lanes_.hand_out(self);
    ring.recycle();
    add_credit();
    // It may have to wait for memory, which what was handed out and recycled gives back.
    if (lanes_.has_stopped() || inbox_.any_request() || maintenance_.is_waiting() || must_sweep())
        [[unlikely]]
      attend(self, now);
    if (drain_progress_.advance(lanes_.unfinished, ring.consumed())) {
      if (drain_progress_.take_waiters())
        core_.drained.notify();
      maintenance_.serve_fences(*this);
    }
    pace_.note(now, visit.moved(), visit_type::most_staged);
    const bool hot = pace_.hot(now) && !self.lanes_are_slow();
    const bool more = !spares_.trim_if_asked(joints, lanes_, holds, ring, limits) ||
                      visit.is_full() || lanes_.lined_up() != 0;
    room_.tell(ring, !more && (!hot || visit.moved() == 0));
    if (hot && !more && visit.moved() == 0 && !settled) // leaving would cost the producer a wake-up
      pause_a_little();
    stays_ = more || hot;          // before we leave: it is the drainer's
    since = lanes_.before_visit(); // likewise; make_ready() knows better
    if (levels != nullptr && levels->end_visit(now, stays_)) [[unlikely]]
      note_levels(now);
    if (stays_ || !leave()) {
      stays_ = true;
      self.push_visit(*this);
    }
  }

  [[gnu::noinline]] void note_levels(clock::time_point now) noexcept;
  void settle_returned() noexcept {
    inbox_.take_lanes([this](lane_type& back) { settle(back); });
  }
  void settle(lane_type& back) noexcept {
    if (back.in_cell && !back.is_sibling() && back.home == this) [[unlikely]] // else a lane has it
      ring.take_back(back.take_key_home());
    if (limits)
      limits->remove(back.key(), back.finished);
    credit_ += lanes_.settle(back, ring.consumed());
  }

  // ---- inline ----

  /// From a drainer that is stuck in a handler, if there is one.
  void take_over() noexcept {
    if (auto* const lane = lanes_.left_inline(); lane != nullptr) [[unlikely]]
      take_over(*lane);
  }
  [[gnu::cold]] void take_over(lane_type& lane) noexcept;

  [[nodiscard]] bool may_run_inline(pump& self) noexcept {
    // Else each partition that a burst reaches first would hold up a worker to learn it.
    if (!policy.knows() && core_.got_stuck.load(std::memory_order_relaxed)) // a hint
      policy.stage();
    if (core_.run_inline == nullptr || policy.staged(self.lanes_are_slow()) || core_.is_abandoned())
      return false;
    self.claim.open(*this);
    const bool watched = self.home.watched();
    if (watched || ring.tickets() - ring.consumed() > 1 || lanes_.lined_up() != 0) {
      if (!watched)
        self.home.wake();
      return true;
    }
    self.claim.close(); // one message is not worth waking somebody who watches it
    return false;
  }

  /// False: it was taken over.
  [[nodiscard]] bool run_inline(visit_type& visit, pump& self, clock::time_point now) noexcept {
    visit.take_turns();
    policy.begin(now);
    // run_inline() of run_lane.hpp, for the handler's type
    if (!core_.run_inline(core_, visit, self))
      return false;
    if (lanes_.joints != nullptr && !lanes_.joints->run_ready(self)) [[unlikely]]
      return false;
    self.claim.close();
    const bool fast = policy.end(visit.moved());
    if (!policy.cheap())
      self.note_visit_end(clock::now());
    self.note_inline(fast);
    return true;
  }

  void move_messages(visit_type& visit, pump& self) noexcept {
    visit.move_messages();
    if (lanes_.joints != nullptr) [[unlikely]]
      lanes_.joints->hand_out_ready(self);
  }

  [[gnu::cold]] void attend(pump& self, clock::time_point now) noexcept;
  /// See joint_work::reach().
  [[gnu::noinline]] [[nodiscard]] bool reach_place() noexcept;

  /// It may be the place of a request.
  void pass_void(bool took_credit) noexcept {
    credit_ += took_credit;
    void_ += took_credit;
    ring.consume();
    if (inbox_.any_request() || maintenance_.is_waiting())
      maintenance_.take_requests(*this, inbox_);
  }

  [[nodiscard]] std::uint32_t hash_of(const typename ring_type::cell& cell) const {
    if constexpr (stores_hash)
      return static_cast<std::uint32_t>(cell.stored_hash);
    else
      return static_cast<std::uint32_t>(core_.hash(cell.key));
  }

  // ---- memory, credit and drains ----

  void add_credit() noexcept {
    if (credit_ == 0)
      return;
    // (4) release: their tickets; pairs with (3)
    finished_.store(finished() + credit_ - std::exchange(void_, 0), std::memory_order_release);
    room_.add(credit_);
    ring.add_credit(std::exchange(credit_, 0));
  }

  // ---- giving up the role ----

  /// False: there is something to do, and we still (or again) have the role.
  [[nodiscard]] bool leave() noexcept {
    const auto next = ring.consumed();
    const auto asked = drain_progress_.seen();
    if (ring.tickets() == next) {
      role_.give_up();
      return !(ring.tickets() != next || more_work(asked)) || !role_.take();
    }
    if (ring.peek() != ring_type::state::pending)
      return false;
    if (++looks_ % looks_at_ticket != 0) { // it takes nanoseconds to publish
      pause_a_little();
      return false;
    }
    return leave_to_producer(asked);
  }

  /// A producer has taken the next ticket but does not get on, perhaps it was preempted. Its
  /// signal() comes after its publication: after this fence either we see the publication, or it
  /// will see that nobody is responsible.
  [[gnu::cold]] [[nodiscard]] bool leave_to_producer(std::uint64_t asked) noexcept {
    const auto next = ring.look_out();
    role_.give_up();
    fence_heavy();
    return !(ring_type::published(next) || more_work(asked)) || !role_.take();
  }

  /// Atomics only: we do not have the role.
  [[nodiscard]] bool more_work(std::uint64_t asked) const noexcept {
    return inbox_.anything() || drain_progress_.asked_since(asked);
  }

  core_type& core_;

  alignas(cache_line) drainer_role role_; // producers look at it for each message

  alignas(cache_line) inbox<lane_type, request_type> inbox_;
  drain_progress drain_progress_;
  spare_memory spares_;

  alignas(cache_line) lanes_type lanes_;
  std::uint64_t credit_ = 0;          // finished or void tickets whose credit is not given back yet
  std::uint64_t void_ = 0;            // of these
  atomic<std::uint64_t> finished_{0}; // messages
  maintenance<partition> maintenance_;
  std::unique_ptr<resumer> resumer_ =
      core_.make_resumer == nullptr ? nullptr : core_.make_resumer(*this);
  room_notifier room_;
  revisit pace_;
  unsigned looks_ = 0;       // at a ticket that is not published
  bool lanes_first_ = false; // in this visit; or the ring: time may run out before the others' turn
  bool stays_ = false;       // the role is kept from the last visit to this one
  std::uint64_t cells_begin_ = 0; // the first ticket of those that run in their cells now
};

} // namespace convoy::detail
