#pragma once

// A pump runs a lane for one quantum, or a drainer runs messages straight from the ring: the loops
// around the handler.

#include "convoy/detail/core.hpp"
#include "convoy/detail/failing_run.hpp"
#include "convoy/detail/handler.hpp"
#include "convoy/detail/partition.hpp"
#include "convoy/detail/taken.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace convoy::detail {

/// Stops the quantum by time. It looks at the clock after 2, 4, 8, 16, 24, … messages: cheap
/// handlers hardly pay, and slow ones are noticed early. With slow lanes the first look comes after
/// one.
class quantum_clock {
public:
  quantum_clock(std::uint32_t messages, bool slow) noexcept
      : begin_(messages > (slow ? 1 : 2) ? clock::now() : clock::time_point{}),
        next_look_(slow ? 1 : 2) {}

  [[nodiscard]] bool over(std::uint32_t done, std::chrono::nanoseconds limit) noexcept {
    if (done < next_look_)
      return false;
    next_look_ = done + std::min(done, 8u);
    return clock::now() - begin_ >= limit;
  }

private:
  clock::time_point begin_;
  std::uint32_t next_look_;
};

/// core::run_lane for a handler type. `Failing`: what fails is tried again or becomes a dead letter;
/// else what the handler throws is reported, and the message counts as handled.
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
  constexpr std::uint32_t urgent_factor = 16; // an urgent lane keeps its worker longer
  const auto factor = lane.urgent ? urgent_factor : 1;
  const auto most = std::min(lane.handed, core.options.quantum_messages * factor);
  const auto time = core.options.quantum_time * factor;
  quantum_clock quantum(most, self.lanes_are_slow());
  const auto may_go_on = [&] {
    const auto done = lane.finished - before;
    return done < most && !quantum.over(done, time);
  };
  const auto limit = gets_spans<Handler, Core> ? core.options.batch_limit : 1;
  if constexpr (Failing) {
    while (attempt<Handler>(core, home, lane, self, limit) && may_go_on()) {
    }
  } else {
    for (bool go_on = true; go_on;) {
      try {
        while (go_on) {
          {
            taken_for<Handler, Core> messages(lane, limit);
            (void)invocation<Handler, Core>{core, home, lane, self, messages}();
          }
          go_on = may_go_on();
        }
      } catch (...) {
        core.report(lane.key, std::current_exception());
        go_on = may_go_on();
      }
    }
  }
  home.give_back(lane, self); // with what the quantum left over
}

/// core::run_inline for a handler type; `Failing` as above.
template <bool Failing, class Handler, class Core>
bool run_inline(Core& core, typename Core::partition_type& home, pump& self) noexcept {
  while (auto* const lane = home.next_inline()) {
    auto left = std::min(lane->handed, home.policy.turn(core.options.quantum_messages));
    bool go_on = true;
    do {
      bool lost = self.claim.begin();
      if (Failing || lane->trouble != nullptr) {
        go_on = attempt<Handler>(core, home, *lane, self, 1);
      } else {
        try {
          taken_for<Handler, Core> messages(*lane, 1);
          (void)invocation<Handler, Core>{core, home, *lane, self, messages}();
        } catch (...) {
          core.report(lane->key, std::current_exception());
        }
      }
      lost = lost || self.claim.end();
      if (lost) [[unlikely]] {
        self.claim.settle();
        home.give_back(*lane, self);
        return false;
      }
    } while (!home.policy.ran() && go_on && --left != 0);
    home.finish_inline(*lane);
  }
  return true;
}

} // namespace convoy::detail
