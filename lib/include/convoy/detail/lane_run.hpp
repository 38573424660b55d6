#pragma once

// A pump runs a lane for one quantum, or a drainer runs messages straight from the ring: the loops
// around the handler.

#include "convoy/detail/core.hpp"
#include "convoy/detail/failing_run.hpp"
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
template <bool Failing, class Handler, class Key, class Message, class State, class Hash,
          class Equal>
void run_lane(core<Key, Message, State, Hash, Equal>& core,
              partition<Key, Message, State, Hash, Equal>& home, lane<Key, Message, State>& lane,
              pump& self) noexcept {
  constexpr bool spans = form<Handler, Key, Message, State> == handler_form::key_span;
  self.note_lane();
  self.cover();
  const auto before = lane.finished;
  constexpr std::uint32_t urgent_factor = 16; // an urgent lane keeps its worker longer
  const auto factor = lane.urgent ? urgent_factor : 1;
  const auto most = std::min(lane.handed, core.quantum_messages * factor);
  const auto time = core.quantum_time * factor;
  quantum_clock quantum(most, self.lanes_are_slow());
  const auto may_go_on = [&] {
    const auto done = lane.finished - before;
    return done < most && !quantum.over(done, time);
  };
  const auto limit = spans ? core.batch_limit : 1;
  if constexpr (Failing) {
    while (attempt<Handler>(core, home, lane, limit) && may_go_on()) {
    }
  } else {
    auto& handler = *static_cast<Handler*>(core.handler.get());
    for (bool go_on = true; go_on;) {
      try {
        while (go_on) {
          {
            taken_for<Handler, Key, Message, State> messages(lane, limit);
            (void)invoke_handler(handler, lane, messages);
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
template <bool Failing, class Handler, class Key, class Message, class State, class Hash,
          class Equal>
bool run_inline(core<Key, Message, State, Hash, Equal>& core,
                partition<Key, Message, State, Hash, Equal>& home, pump& self) noexcept {
  auto& handler = *static_cast<Handler*>(core.handler.get());
  while (auto* const lane = home.next_inline()) {
    auto left = std::min(lane->handed, home.policy.turn(core.quantum_messages));
    bool go_on = true;
    do {
      bool lost = self.claim.begin();
      if constexpr (Failing) {
        go_on = attempt<Handler>(core, home, *lane, 1);
      } else {
        try {
          taken_for<Handler, Key, Message, State> messages(*lane, 1);
          (void)invoke_handler(handler, *lane, messages);
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
