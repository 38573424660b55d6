#pragma once

// A partition: the part of the key space that shares one ingress ring, and the lanes of its keys.
// One pump at a time drains it, as its drainer; everything about lanes that is not marked otherwise
// happens in that role, without concurrency.
//
// The word scheduled_: false, nobody is responsible; true, a pump is draining it or it is in a
// ready queue. Who makes work and sees false exchanges it for true and, having won, makes the
// partition ready. The drainer gives the role up in leave().
//
// The word returned_: a stack of lanes that pumps have given back; pushed by compare-and-swap,
// taken whole by the drainer.

#include "convoy/detail/asymmetric_fence.hpp"
#include "convoy/detail/core.hpp"
#include "convoy/detail/key_limit.hpp"
#include "convoy/detail/lane_pool.hpp"
#include "convoy/detail/lane_table.hpp"
#include "convoy/detail/pause.hpp"
#include "convoy/detail/ticket_ring.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace convoy::detail {

template <class Key, class Message, class State, class Hash, class Equal>
class partition final : public runner, private ready_item {
public:
  using core_type = core<Key, Message, State, Hash, Equal>;
  using lane_type = lane<Key, Message, State>;
  using ring_type = ticket_ring<Key, Message, hash_is_stored<Key, Hash>>;

  partition(core_type& core, std::uint64_t credit)
      : ready_item{this}, ring(credit), core_(core), table_(core.equal) {
    if (core.key_capacity != 0)
      limit.emplace(core.key_capacity, core.hash_of, core.equal);
  }
  partition(const partition&) = delete;
  partition& operator=(const partition&) = delete;

  /// Everything accepted is finished, and the role was taken for good.
  ~partition() {
    table_.drain([this](lane_type& lane) { pool_.free_lane(lane); }); // idle lanes with state
  }

  // ---- any thread ----

  ring_type ring;
  std::optional<key_limit<Key, Hash, Equal>> limit;

  /// To be called after a ticket was published. At most one read-modify-write, usually none.
  void signal() noexcept {
    fence_light(); // our publication against a drainer that leaves, see leave_to_producer()
    // (1) seq_cst: after our ticket or lane is there to see; against (2)
    if (!scheduled_.load(std::memory_order_seq_cst))
      schedule();
  }

  /// Asks for drained() of everything up to `ticket`.
  void request_drain(std::uint64_t ticket) noexcept {
    // (3) seq_cst: before our look at scheduled_, against (4)
    auto asked = drain_until_.load(std::memory_order_relaxed); // the swap decides
    while (asked < ticket &&
           !drain_until_.compare_exchange_weak(asked, ticket, std::memory_order_seq_cst,
                                               std::memory_order_relaxed)) {
    }
    signal();
  }

  /// Every message with a ticket below this is finished.
  [[nodiscard]] std::uint64_t drained() const noexcept {
    return drained_.load(
        std::memory_order_acquire); // (5) acquire: what handlers did; pairs with (6)
  }

  /// Takes the drainer's role; true if nobody had it. Who takes it must make the partition ready,
  /// or never let it go.
  [[nodiscard]] bool take_role() noexcept {
    return !scheduled_.exchange(
        true,
        std::memory_order_acq_rel); // (11) acquire: the last drainer's work; pairs with (2), (12)
  }

  /// The pump that ran a lane until nothing was handed out any more gives it back, and must not
  /// touch it again.
  void give_back(lane_type& lane) noexcept {
    lane.link = returned_.load(std::memory_order_relaxed); // the swap decides
    // (8) release: the lane; pairs with (9). seq_cst: before our look at scheduled_, against (10)
    while (!returned_.compare_exchange_weak(lane.link, &lane, std::memory_order_seq_cst,
                                            std::memory_order_relaxed)) {
    }
    if (!scheduled_.load(std::memory_order_seq_cst)) // (1) seq_cst: as in signal(); against (2)
      schedule();
  }

  // ---- pumps ----

  void run(ready_item& item, pump& self) noexcept override {
    self.enter(&core_);
    if (&item == this)
      drain(self);
    else
      core_.run_lane(core_, *this, static_cast<lane_type&>(item), self);
  }

private:
  static constexpr std::uint32_t most_per_visit = 256; // messages moved before lanes get their turn
  static constexpr std::uint32_t most_handed =
      256; // to a lane at once, so that credit and memory come back
  static constexpr std::uint32_t hot_batch = 4;   // a visit that found so many will soon find more
  static constexpr std::size_t kept_pieces = 256; // by an idle partition's pool
  static constexpr std::chrono::nanoseconds hot_time{20'000};
  static constexpr std::chrono::nanoseconds stay_away_time{1'000};

  void schedule() noexcept {
    if (take_role())
      core_.scheduler.make_ready(*this);
  }

  /// One visit.
  void drain(pump& self) noexcept {
    // (12) acquire: the last drainer's work, through whoever scheduled us; pairs with (11)
    (void)scheduled_.load(std::memory_order_acquire);
    const auto now = clock::now();
    if (now < not_before_ && returned_.load(std::memory_order_relaxed) == nullptr) { // a hint
      // Never on the producer's heels: reading cells while they are written slows both.
      if (self.queue.approx_size() == 0)
        for (unsigned i = 0; i < 8; ++i)
          pause();
      return self.push(*this);
    }
    const auto settled = settle_returned();
    const auto moved = move_messages(self);
    hand_out(self);
    if (lookers_.load(std::memory_order_acquire) ==
        0) // (14) acquire: they are done; pairs with (13)
      ring.recycle();
    add_credit();
    advance_drain();
    if (moved >= hot_batch)
      hot_until_ = now + hot_time;
    not_before_ =
        moved != 0 && moved < most_per_visit / 4 ? now + stay_away_time : clock::time_point{};
    const bool hot = now < hot_until_;
    if (moved == most_per_visit ||
        (hot && (moved != 0 || settled))) // there is more, or soon will be
      return self.push(*this);
    if (hot) { // the ring is empty for a moment; leaving would cost the producer a wake-up
      for (unsigned i = 0; i < 8; ++i)
        pause();
      return self.push(*this);
    }
    if (!leave())
      self.push(*this);
  }

  // ---- lanes ----

  [[nodiscard]] bool settle_returned() noexcept {
    if (returned_.load(std::memory_order_relaxed) == nullptr) // the exchange decides
      return false;
    auto* lane = returned_.exchange(
        nullptr, std::memory_order_acquire); // (9) acquire: the lanes; pairs with (8)
    while (lane != nullptr)
      settle(*std::exchange(lane, lane->link));
    return true;
  }

  void settle(lane_type& lane) noexcept {
    const auto finished = std::exchange(lane.finished, 0);
    const auto of_older = lane.epoch == epoch_ ? std::min(finished, lane.older) : finished;
    if (lane.epoch == epoch_)
      lane.older -= of_older;
    outstanding_[!epoch_] -= of_older;
    outstanding_[epoch_] -= finished - of_older;
    lane.unsettled -= finished;
    lane.out = false;
    credit_ += finished;
    if (limit)
      limit->remove(lane.key, finished);
    pool_.free_spent(lane);
    if (lane.staged != 0) {
      line_up(lane);
      return;
    }
    if constexpr (std::is_void_v<State>) {
      if (lane.back != &lane.first)
        pool_.rewind(lane);
      table_.erase(lane);
      pool_.free_lane(lane);
    } else {
      pool_.rewind(lane);
    }
  }

  /// Moves messages from the ring to their lanes. Returns how many tickets were consumed.
  std::uint32_t move_messages(pump& self) noexcept {
    const auto room =
        ready_queue::capacity - std::min(self.queue.approx_size(), ready_queue::capacity - 32);
    const auto most = std::min<std::uint64_t>(most_per_visit, room);
    std::uint32_t moved = 0;
    for (; moved < most; ++moved) {
      const auto next = ring.peek();
      if (next == ring_type::state::pending)
        break;
      if (next == ring_type::state::void_ticket)
        ++credit_;
      else if (!move_message(ring.current()))
        break; // out of memory: it stays where it is, and we come back
      ring.consume();
    }
    return moved;
  }

  [[nodiscard]] bool move_message(typename ring_type::cell& cell) noexcept {
    const auto hash = hash_of(cell);
    auto* lane = table_.find(cell.key, hash);
    if (lane == nullptr) {
      lane = pool_.make_lane(*this, std::move(cell.key), hash);
      if (lane == nullptr)
        return false;
      table_.insert(*lane);
    }
    if (!pool_.append(*lane, std::move(cell.message)))
      return false; // not a new lane: its first message has room in it
    std::destroy_at(&cell.message);
    std::destroy_at(&cell.key);
    if (lane->unsettled == 0) {
      lane->epoch = epoch_;
      lane->older = 0;
    } else if (lane->epoch != epoch_) {
      lane->epoch = epoch_;
      lane->older = lane->unsettled;
    }
    ++lane->unsettled;
    ++outstanding_[epoch_];
    if (lane->staged++ == 0 && !lane->out)
      line_up(*lane);
    return true;
  }

  [[nodiscard]] std::uint32_t hash_of(typename ring_type::cell& cell) const noexcept {
    if constexpr (hash_is_stored<Key, Hash>)
      return static_cast<std::uint32_t>(cell.stored_hash);
    else
      return static_cast<std::uint32_t>(core_.hash(cell.key));
  }

  void line_up(lane_type& lane) noexcept {
    lane.link = nullptr;
    *lined_up_end_ = &lane;
    lined_up_end_ = &lane.link;
  }

  /// Once per lane and visit, in the order in which they got work.
  void hand_out(pump& self) noexcept {
    *lined_up_end_ = nullptr;
    for (auto* lane = lined_up_; lane != nullptr;) {
      auto& ready = *std::exchange(lane, lane->link);
      ready.handed = std::min(ready.staged, most_handed);
      ready.staged -= ready.handed;
      ready.out = true;
      self.push(ready); // from here on it is the runner's
    }
    lined_up_end_ = &lined_up_;
  }

  // ---- credit and drains ----

  void add_credit() noexcept {
    if (credit_ == 0)
      return;
    ring.add_credit(std::exchange(credit_, 0));
    core_.room.notify();
  }

  /// drain() in constant time: messages belong to an epoch; when a new one has begun and the older
  /// has nothing outstanding, every ticket consumed before the new one is finished. At most one
  /// epoch is being waited for.
  void advance_drain() noexcept {
    asked_ = drain_until_.load(std::memory_order_relaxed); // leave() looks again
    if (outstanding_[!epoch_] != 0)
      return;
    const auto until = outstanding_[epoch_] == 0 ? ring.consumed() : epoch_began_;
    if (until != drained_.load(std::memory_order_relaxed)) { // only we write it
      // (6) release: what handlers did; pairs with (5). seq_cst: before notify() looks for waiters
      drained_.store(until, std::memory_order_seq_cst);
      core_.drained.notify();
    }
    if (until < asked_) {
      epoch_ = !epoch_;
      epoch_began_ = ring.consumed();
    }
  }

  // ---- giving up the role ----

  /// False: there is something to do, and we still (or again) have the role.
  [[nodiscard]] bool leave() noexcept {
    if (!pool_.trim(most_per_visit, table_.size() + kept_pieces) || !ring.trim(most_per_visit / 8))
      return false;
    const auto next = ring.next_ticket();
    const auto asked = asked_;
    if (ring.tickets() == next.ticket) {
      give_up_role();
      return !(ring.tickets() != next.ticket || more_work(asked)) || !take_role();
    }
    if (ring.peek() != ring_type::state::pending)
      return false;
    if (++patience_ % 16 != 0) { // it takes nanoseconds to publish
      for (unsigned i = 0; i < 8; ++i)
        pause();
      return false;
    }
    return leave_to_producer(next, asked);
  }

  /// A producer has taken the next ticket but does not get on, perhaps it was preempted. Its
  /// signal() comes after its publication: after this fence either we see the publication, or it
  /// will see that nobody is responsible.
  [[nodiscard]] bool leave_to_producer(typename ring_type::lookout next,
                                       std::uint64_t asked) noexcept {
    lookers_.fetch_add(1, std::memory_order_relaxed); // the next drainer sees it with the role
    give_up_role();
    fence_heavy();
    const bool more = ring_type::published(next) || more_work(asked);
    // (13) release: we are done with the segment; pairs with (14)
    lookers_.fetch_sub(1, std::memory_order_release);
    return !more || !take_role();
  }

  void give_up_role() noexcept {
    // (2) release: our work, to (11); seq_cst: what we look at from here on is newer, against (1)
    scheduled_.exchange(false, std::memory_order_seq_cst);
  }

  /// Atomics only: we do not have the role.
  [[nodiscard]] bool more_work(std::uint64_t asked) const noexcept {
    if (returned_.load(std::memory_order_seq_cst) !=
        nullptr) // (10) seq_cst: role given up; against (8)
      return true;
    return drain_until_.load(std::memory_order_seq_cst) !=
           asked; // (4) seq_cst: likewise; against (3)
  }

  core_type& core_;

  alignas(cache_line) std::atomic<bool> scheduled_{false}; // producers look at it for each message
  std::atomic<std::uint64_t> drain_until_{0};              // the highest ticket a drain() waits for
  std::atomic<std::uint64_t> drained_{0};
  std::atomic<std::uint32_t> lookers_{0}; // pumps that look at a segment without the role

  alignas(cache_line) std::atomic<lane_type*> returned_{nullptr};

  // The drainer's.
  alignas(cache_line) lane_table<lane_type, Equal> table_;
  lane_pool<Key, Message, State> pool_;
  lane_type* lined_up_ = nullptr; // lanes to hand out at the end of this visit
  lane_type** lined_up_end_ = &lined_up_;
  std::uint64_t credit_ = 0;          // finished or void tickets whose credit is not given back yet
  std::uint64_t outstanding_[2] = {}; // unfinished messages in lanes, by epoch
  bool epoch_ = false; // the current one; the other is being waited for, or has nothing outstanding
  std::uint64_t epoch_began_ = 0; // the first ticket of the current epoch
  std::uint64_t asked_ = 0;       // drain_until_ as last seen
  clock::time_point not_before_{};
  clock::time_point hot_until_{};
  unsigned patience_ = 0;
};

} // namespace convoy::detail
