#pragma once

// One visit of a drainer to its partition: what it takes out of the ring. Messages go to their
// lanes; those whose key has none waiting may run at once, in their cells (see run_inline()).

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"
#include "convoy/detail/insight/timed_run.hpp"
#include "convoy/detail/insight/worker_samples.hpp"
#include "convoy/detail/sched/scheduler.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace convoy::detail {

template <class Partition>
class visit {
  using core_type = typename Partition::core_type;
  using lane_type = typename Partition::lane_type;
  using ring_type = typename Partition::ring_type;
  using cell_type = typename Partition::cell_type;
  static constexpr bool shares = lane_type::shares;
  static constexpr bool keeps_lanes = !std::is_void_v<typename core_type::state_type>;

public:
  /// Messages moved to lanes, at most: so they fit into a pump's queue.
  static constexpr std::uint32_t most_staged = ready_queue::capacity;
  /// Tickets consumed, at most.
  static constexpr auto most_tickets = tuning::most_tickets_per_visit;

  visit(Partition& home, const pump& self) noexcept
      : home_(home), ring_(home.ring), end_(ring_.consumed() + most_tickets), most_(room(self)) {
    if (home.levels != nullptr) [[unlikely]]
      samples_ = &home.core_.insight->of(self);
  }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;
  ~visit() {
    if (samples_ != nullptr) [[unlikely]]
      samples_->runs(nullptr);
  }

  [[nodiscard]] Partition& home() noexcept { return home_; }

  /// Messages moved to lanes or run.
  [[nodiscard]] std::uint32_t moved() const noexcept { return moved_; }
  [[nodiscard]] bool is_full() const noexcept { return staged_ >= most_ || enough(); }

  /// Moves messages from the ring to their lanes.
  void move_messages() noexcept {
    if (home_.core_.options.conflate) [[unlikely]] {
      end_ += tuning::more_tickets_to_conflate;
      (void)move<moving::conflating>();
    } else {
      (void)move<moving::to_lanes>();
    }
  }

  // ---- inline ----

  /// In turns lanes or the ring go first: time may run out before the others get their turn.
  void take_turns() noexcept {
    turns_ = home_.policy.cheap() ? home_.lanes_.lined_up() : 0;
    home_.lanes_first_ = !home_.lanes_first_;
  }

  /// What the drainer may run itself: a lane, or the message at the front of the ring, for which
  /// there is a lane in reserve. Neither: nothing, or it has run enough.
  struct inline_work {
    lane_type* lane = nullptr;
    cell_type* cell = nullptr;
  };

  [[nodiscard]] inline_work next_inline() noexcept {
    if (home_.policy.over())
      return {};
    if (auto* const lane = home_.lanes_first_ ? next_turn() : nullptr)
      return {lane};
    if (const auto work = move<moving::inline_first>(); work.lane != nullptr)
      return work;
    return {next_turn()};
  }

  /// Messages run in their cells: begin_cells(), then runs of them, side by side, until one has
  /// failed or next_run() says no. The first message's cell is known.
  void begin_cells(const lane_type& reserve) noexcept {
    home_.cells_begin_ = ring_.consumed();
    reserve_ = &reserve;
    if (samples_ != nullptr) [[unlikely]]
      samples_->runs(&reserve);
  }
  /// How long the next run may be.
  [[nodiscard]] std::uint32_t longest_run() const noexcept {
    const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        {end_ - ring_.consumed(), home_.policy.until_look(), ring_.side_by_side()}));
    return samples_ == nullptr || most <= samples_->before_next() ? most
                                                                  : longest_counted_run(most);
  }
  /// Some keys have others that wait: only what may_run() can follow. So it stays while they run.
  [[nodiscard]] bool must_look() const noexcept { return shares || home_.lanes_.any(); }
  [[nodiscard]] bool may_run(const cell_type& cell) const noexcept {
    return !is_shared(cell.message) && home_.lanes_.find(cell.key, home_.hash_of(cell)) == nullptr;
  }
  /// A run is over. The first cell of the next one, if that may follow.
  [[nodiscard]] cell_type* next_run(std::uint32_t ran) noexcept {
    if (samples_ != nullptr) {
      if (samples_->is_timing()) [[unlikely]]
        samples_->end(clock::now(), ran, 0);
      else
        samples_->pass(ran);
    }
    if (home_.policy.ran(ran) || enough() || ring_.peek() != ring_type::state::message ||
        (must_look() && !may_run(ring_.current()))) {
      count_cells();
      home_.lanes_.ran_in_cells();
      return nullptr;
    }
    return &ring_.current();
  }
  /// The one at the front has failed, with the lane in reserve: it moves there, to be run inline
  /// from now on.
  [[gnu::cold]] void leave_cell(lane_type& lane) noexcept {
    count_cells();
    ++moved_;
    if (samples_ != nullptr && samples_->is_timing())
      samples_->end(clock::now(), 0, 0);
    (void)ring_.peek();
    auto& cell = ring_.current();
    home_.lanes_.leave_cell(lane, cell.message, home_.hash_of(cell), ring_.consumed());
    ring_.consume();
  }

  void finish_inline(lane_type& lane) noexcept {
    if (home_.limits)
      home_.limits->remove(lane.key(), lane.finished);
    home_.credit_ += home_.lanes_.finish_inline(lane, ring_.consumed());
  }

private:
  /// As longest_run(): one message that is timed, or those before it.
  [[gnu::noinline]] std::uint32_t longest_counted_run(std::uint32_t most) const noexcept {
    if (const auto before = samples_->before_next(); before != 0)
      return std::min(most, before);
    begin_sample(home_.core_, *samples_, ring_.current().key, home_.lanes_.came(ring_.consumed()),
                 reserve_->unsettled.value());
    return 1;
  }
  /// How many messages a visit may move to lanes.
  [[nodiscard]] static std::uint32_t room(const pump& self) noexcept {
    constexpr auto fewest = tuning::fewest_messages_per_visit;
    const auto queued = std::min(self.approx_size(), ready_queue::capacity - fewest);
    return static_cast<std::uint32_t>(most_staged - queued);
  }

  /// As many tickets have left the ring as may.
  [[nodiscard]] bool enough() const noexcept { return ring_.consumed() >= end_; }

  [[nodiscard]] lane_type* next_turn() noexcept {
    return turns_ != 0 && turns_-- != 0 ? home_.lanes_.next_lined_up() : nullptr;
  }

  void count_cells() noexcept {
    const auto ran = ring_.consumed() - home_.cells_begin_;
    home_.credit_ += ran;
    moved_ += static_cast<std::uint32_t>(ran);
  }

  enum class moving : unsigned char { to_lanes, inline_first, conflating };

  /// As move_messages(). With `inline_first` it stops at the first message that the drainer may run
  /// now, as its key has none waiting, and returns it: in its cell, with the lane in reserve, or in
  /// its lane. Else nothing.
  template <moving How>
  inline_work move() noexcept {
    auto& lanes = home_.lanes_;
    for (; !is_full(); ++staged_, ++moved_) {
      const auto next = ring_.peek();
      if (next != ring_type::state::message) [[unlikely]] {
        if (next == ring_type::state::pending)
          break;
        if (next == ring_type::state::place) {
          if (!home_.reach_place())
            break;
          staged_ += tuning::joint_place_weight - 1;
          continue;
        }
        if (next != ring_type::state::counted_message) {
          home_.pass_void(next == ring_type::state::void_ticket);
          continue;
        }
      }
      lane_type* lane = nullptr;
      auto& cell = ring_.current();
      const auto hash = home_.hash_of(cell);
      if constexpr (How == moving::conflating) {
        if (lanes.conflate(cell.key, hash, cell.message)) {
          pass_conflated(cell);
          continue;
        }
      } else if (How == moving::inline_first && is_shared(cell.message)) {
        // not in its cell: another one may run beside it
        if constexpr (How == moving::inline_first && shares)
          lane = lanes.append_shared(std::move(cell.key), hash, std::move(cell.message),
                                     ring_.consumed());
      } else if constexpr (How == moving::inline_first && keeps_lanes) {
        lane = lanes.append_inline(std::move(cell.key), hash, std::move(cell.message),
                                   ring_.consumed());
      } else if constexpr (How == moving::inline_first) {
        if (lanes.find(cell.key, hash) == nullptr)
          if (auto* const reserve = lanes.reserve())
            return {reserve, &cell};
      }
      if (lane == nullptr &&
          !lanes.append(std::move(cell.key), hash, std::move(cell.message), ring_.consumed()))
        break; // out of memory: it stays where it is, and we come back
      leave(cell);
      if (lane != nullptr) {
        ++moved_;
        return {lane};
      }
    }
    return {};
  }

  /// What it had in it is elsewhere.
  void leave(cell_type& cell) noexcept {
    std::destroy_at(&cell.message);
    std::destroy_at(&cell.key);
    ring_.consume();
  }
  /// Its message was merged into another one.
  void pass_conflated(cell_type& cell) noexcept {
    if (home_.limits)
      home_.limits->remove(cell.key, 1);
    ++home_.credit_;
    --staged_; // it takes no place in a lane
    leave(cell);
  }

  Partition& home_;
  ring_type& ring_;
  worker_samples* samples_ = nullptr;  // null: no insight
  const lane_type* reserve_ = nullptr; // of what runs in its cell
  std::uint64_t end_;                  // no ticket from here on
  const std::uint32_t most_;           // messages to move to their lanes
  std::uint32_t staged_ = 0;           // so far
  std::uint32_t moved_ = 0;            // and run
  std::uint32_t turns_ = 0;            // lanes to run
};

} // namespace convoy::detail
