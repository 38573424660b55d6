#pragma once

// A pump runs a lane for one quantum, or a drainer runs messages straight from the ring: the loops
// around the handler.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/insight/timed_run.hpp"
#include "convoy/detail/lane/message_batch.hpp"
#include "convoy/detail/partition/partition.hpp"
#include "convoy/detail/partition/partition_rare.hpp"
#include "convoy/detail/run/attempt.hpp"
#include "convoy/detail/run/handler_call.hpp"
#include "convoy/detail/shared/core.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>

namespace convoy::detail {

/// Stops the quantum by time. It looks at the clock after 2, 4, 8, 16, 24, … messages: cheap
/// handlers hardly pay, and slow ones are noticed early. With slow lanes the first look comes after
/// one.
class quantum_clock {
public:
  quantum_clock(std::uint32_t messages, bool slow) noexcept
      : next_look_(slow ? tuning::first_slow_quantum_look : tuning::first_quantum_look),
        begin_(messages > next_look_ ? clock::now() : clock::time_point{}) {}

  [[nodiscard]] bool over(std::uint32_t done, std::chrono::nanoseconds limit) noexcept {
    if (done < next_look_)
      return false;
    next_look_ = done + std::min(done, tuning::most_between_quantum_looks);
    return clock::now() - begin_ >= limit;
  }

private:
  std::uint32_t next_look_;
  clock::time_point begin_;
};

/// core::run_lane for a handler type. `Failing`: see core::handles_failures.
template <bool Failing, class Handler, class Core>
void run_lane(Core& core, typename Core::partition_type& home, typename Core::lane_type& lane,
              pump& self) noexcept {
  self.note_lane();
  self.cover();
  if constexpr (Failing) {
    evict_if_due(core, lane);
    if (lane.handed == 0)
      return home.give_back(lane, self);
  }
  const auto before = lane.finished;
  const auto most = std::min(lane.handed, core.options.quantum_messages);
  timed_run timed(core, lane, self, most);
  quantum_clock quantum(most, self.lanes_are_slow());
  const auto may_go_on = [&] {
    const auto done = lane.finished - before;
    return done < most && !quantum.over(done, core.options.quantum_time);
  };
  const auto limit = gets_spans<Handler, Core> ? core.options.batch_limit : 1;
  if constexpr (Failing) {
    while (attempt<Handler>(core, home, lane, self, limit) && may_go_on()) {
    }
  } else {
    [[maybe_unused]] auto finished_before = before; // a call for a span
    for (bool go_on = true; go_on;) {
      try {
        while (go_on) {
          if constexpr (gets_spans<Handler, Core>)
            finished_before = lane.finished;
          {
            messages_for<Handler, Core> messages(lane, limit);
            (void)invocation<Handler, Core>{core, home, lane, self, messages}();
          }
          go_on = may_go_on();
        }
      } catch (...) {
        const auto dead = gets_spans<Handler, Core> ? lane.finished - finished_before : 1;
        core.bury_without_sink(lane.key(), dead, std::current_exception());
        go_on = may_go_on();
      }
    }
  }
  timed.end(lane, lane.finished - before);
  home.give_back(lane, self); // with what the quantum left over
}

/// step() handles messages of a lane that the drainer runs itself, and says whether it goes on.
/// False: another pump has taken the partition over meanwhile, and the lane was given back.
template <class Partition, class Lane, class Step>
[[nodiscard]] bool run_claimed(Partition& home, Lane& lane, pump& self, Step&& step) noexcept {
  self.claim.begin();
  step();
  if (!self.claim.end()) [[likely]]
    return true;
  self.claim.settle();
  home.give_back(lane, self);
  return false;
}

/// What has become of a message that ran in its cell.
enum class cell_result : unsigned char { done, left_cell, taken_over };

/// Runs the message of `ticket` in its cell of the ring. `lane` is in reserve: it gets the message
/// if it fails (not `Failing`: what it throws is reported, and it ends in its cell), and stands for
/// its key if another pump takes the partition over.
template <bool Failing, class Handler, class Core>
[[nodiscard]] cell_result run_in_cell(Core& core, visit<typename Core::partition_type>& visit,
                                      typename Core::partition_type& home,
                                      typename Core::lane_type& lane,
                                      typename Core::partition_type::cell_type& cell,
                                      std::uint64_t ticket, pump& self) noexcept {
  lane.key_in_cell = &cell.key;
  lane.first.number = static_cast<std::uint32_t>(ticket);
  message_in_cell messages(cell.message);
  if constexpr (Failing) {
    const auto run_left = [&](auto&& step) {
      visit.leave_cell(lane);
      if (!run_claimed(home, lane, self, step))
        return cell_result::taken_over;
      visit.finish_inline(lane);
      return cell_result::left_cell;
    };
    if (needs_lane(core, cell.message)) [[unlikely]]
      return run_left([&] { (void)attempt<Handler>(core, home, lane, self, 1); });
    std::exception_ptr error;
    self.claim.begin();
    auto result = call_handler<Handler>(core, home, lane, self, messages, error);
    const bool done = result.what() == outcome::kind::done;
    if (done) [[likely]]
      std::destroy_at(&cell.message);
    const bool lost = self.claim.end();
    if (!lost && !done) [[unlikely]]
      return run_left([&] { (void)fail_first(core, home, lane, std::move(result), error); });
    if (lost) [[unlikely]] {
      self.claim.settle();
      if (done) {
        lane.end_first();
      } else {
        lane.take_message_home(cell.message);
        (void)fail_first(core, home, lane, std::move(result), error);
      }
      home.give_back(lane, self);
      return cell_result::taken_over;
    }
  } else {
    self.claim.begin();
    try {
      (void)invocation<Handler, Core, decltype(messages)>{core, home, lane, self, messages}();
    } catch (...) {
      core.bury_without_sink(cell.key, 1, std::current_exception());
    }
    std::destroy_at(&cell.message);
    if (self.claim.end()) [[unlikely]] {
      self.claim.settle();
      lane.end_first();
      home.give_back(lane, self);
      return cell_result::taken_over;
    }
  }
  return cell_result::done;
}

/// Runs messages in their cells, from `cell` on, as long as the next one may follow. False: another
/// pump has taken the partition over.
template <bool Failing, class Handler, class Core>
[[nodiscard]] bool run_cells(Core& core, visit<typename Core::partition_type>& visit,
                             typename Core::lane_type& lane,
                             typename Core::partition_type::cell_type* cell, pump& self) noexcept {
  auto& home = visit.home();
  const bool limited = home.limits.has_value();
  const bool looks = visit.must_look();
  visit.begin_cells(lane);
  do {
    const auto most = visit.longest_run();
    auto ticket = home.ring.consumed();
    std::uint32_t ran = 0;
    do {
      const auto end = run_in_cell<Failing, Handler>(core, visit, home, lane, *cell, ticket, self);
      if (end != cell_result::done) [[unlikely]] {
        if (end == cell_result::taken_over)
          return false;
        (void)home.policy.ran(ran + 1);
        return true;
      }
      if (limited) [[unlikely]]
        home.limits->remove(cell->key, 1);
      std::destroy_at(&cell->key);
      home.ring.consume();
    } while (++ran != most && home.ring.has_message(*++cell, ++ticket) &&
             (!looks || visit.may_run(*cell)));
    cell = visit.next_run(ran);
  } while (cell != nullptr);
  return true;
}

/// core::run_inline for a handler type; `Failing` as above.
template <bool Failing, class Handler, class Core>
bool run_inline(Core& core, visit<typename Core::partition_type>& visit, pump& self) noexcept {
  auto& home = visit.home();
  for (;;) {
    const auto work = visit.next_inline();
    auto* const lane = work.lane;
    if (lane == nullptr)
      return true;
    if (work.cell != nullptr) {
      if (!run_cells<Failing, Handler>(core, visit, *lane, work.cell, self))
        return false;
      continue;
    }
    auto left = std::min(lane->handed, home.policy.turn(core.options.quantum_messages));
    bool go_on = true;
    const auto step = [&] {
      if (Failing || lane->hold != nullptr) {
        go_on = attempt<Handler>(core, home, *lane, self, 1);
      } else {
        try {
          messages_for<Handler, Core> messages(*lane, 1);
          (void)invocation<Handler, Core>{core, home, *lane, self, messages}();
        } catch (...) {
          core.bury_without_sink(lane->key(), 1, std::current_exception());
        }
      }
    };
    timed_run timed(core, *lane, self, left);
    const auto before = lane->finished;
    do {
      if (!run_claimed(home, *lane, self, step))
        return false;
    } while (!home.policy.ran() && go_on && --left != 0);
    timed.end(*lane, lane->finished - before);
    visit.finish_inline(*lane);
  }
}

} // namespace convoy::detail
