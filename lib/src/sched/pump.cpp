#include "convoy/detail/base/pause.hpp"
#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/sched/scheduler.hpp"
#include "sched/scheduler_parts.hpp"

#include <bit>
#include <utility>

// What a pump runs next.

namespace convoy::detail {

/// Of a pump that has just woken, or has run dry. Null: nothing for a while.
ready_item* scheduler::search(pump& self) noexcept {
  const auto begin = clock::now();
  watch(self, begin);
  for (auto* queue : {&self.visits_, &self.lanes_}) // what watch() has found
    if (auto* const item = queue->pop())
      return item;
  const auto until = begin + tuning::search_time;
  // What pumps have for themselves is looked at ever more rarely: they will soon run it, and must
  // not be disturbed all the time by those who have nothing to do.
  for (unsigned look = 1;; ++look) {
    if (auto* const item = self.next_shared())
      return item;
    if (std::has_single_bit(look))
      if (auto* const item = steal(self))
        return item;
    if (clock::now() >= until)
      return nullptr;
    for (unsigned i = 0; i < tuning::search_pauses; ++i)
      pause();
  }
}

ready_item* scheduler::steal(pump& self) noexcept {
  for (std::size_t i = 0; i < parts_->pumps.size(); ++i) {
    auto& victim = *parts_->pumps[++self.victim_ % parts_->pumps.size()];
    if (&victim != &self)
      if (auto* const item = self.steal_from(victim))
        return item;
  }
  return nullptr;
}

ready_item* pump::next() noexcept {
  if (lanes_are_slow())
    return next_while_slow();
  const bool lanes_turn = std::exchange(ran_inline_, false);
  if (lanes_turn)
    if (auto* const item = next_lane())
      return item;
  // The interval comes from the lanes before; these may be slower.
  if (--until_visit_ == 0 || (until_visit_ % tuning::lanes_between_looks == 0 &&
                              clock::now() - last_visit_ > tuning::visit_time)) {
    until_visit_ = interval_;
    // Visits are short, so they go first; now and then the others do, so that nothing starves
    // behind what goes on for ever.
    ++turn_;
    ready_item* item = turn_ % tuning::lane_turn == 0     ? next_lane()
                       : turn_ % tuning::shared_turn == 1 ? home.parts_->shared.take()
                                                          : nullptr;
    if (item == nullptr)
      item = visits_.pop();
    if (item != nullptr)
      return item;
  }
  if (!lanes_turn)
    if (auto* const item = next_lane())
      return item;
  until_visit_ = 1;
  if (auto* const item = visits_.pop())
    return item;
  return next_shared();
}

/// One of our own or one that waits by age, in turns: neither must wait for the other to come to an
/// end.
ready_item* pump::next_lane() noexcept {
  if (!home.parts_->shared.any_lane()) // the rule
    return lanes_.pop();
  shared_first_ = !shared_first_;
  if (!shared_first_)
    if (auto* const item = lanes_.pop())
      return item;
  if (auto* const item = home.parts_->shared.take_lane(false))
    return item;
  return shared_first_ ? lanes_.pop() : nullptr;
}

/// What any pump may take.
ready_item* pump::next_shared() noexcept {
  if (auto* const item = home.parts_->shared.take())
    return item;
  return home.parts_->shared.take_lane(true);
}

/// Lanes take so long that looking around costs nothing in comparison, and what waits here for the
/// end of one may find a free pump elsewhere.
ready_item* pump::next_while_slow() noexcept {
  home.watch(*this, clock::now());
  share();
  until_visit_ = 1;
  // A visit is even shorter in comparison, and all that wait go before the next lane: that one has
  // waited longest of those that came and came back by now. But not for ever.
  if (!std::exchange(ran_inline_, false) && ++visits_in_a_row_ <= tuning::most_visits_in_a_row) {
    if (auto* const item = home.parts_->shared.take()) {
      cover(); // there may be many more
      return item;
    }
    if (auto* const item = home.at(++victim_ % home.concurrency_).visits_.take())
      return item;
  }
  visits_in_a_row_ = 0;
  if (auto* const lane = home.parts_->shared.take_lane(true))
    return lane;
  return home.parts_->shared.take();
}

/// Gives all that waits here to all pumps.
void pump::share() noexcept {
  while (auto* const partition = visits_.pop())
    home.push_shared(*partition);
  ready_list lanes;
  while (auto* const lane = lanes_.pop())
    lanes.push(*lane);
  if (!lanes.empty())
    home.parts_->shared.push_lanes(lanes, true);
}

void pump::push_by_age(ready_list& lanes) noexcept {
  if (lanes.empty())
    return;
  for (auto* each = &lanes.first(); each != nullptr; each = each->link)
    tell_passed_on(each);
  home.parts_->shared.push_lanes(lanes, lanes_are_slow());
  while (auto* const lane = lanes.pop()) // fast ones need not wait for the lock
    push_to(lanes_, *lane);
}

ready_item* pump::steal_from(pump& victim) noexcept {
  if (auto* const item = victim.visits_.steal_into(visits_))
    return item;
  return victim.lanes_.steal_into(lanes_);
}

/// From a pump that is held up: we may be too busy ever to search.
void pump::relieve(pump& other) noexcept {
  take_half(other.visits_, visits_);
  take_half(other.lanes_, lanes_);
}

void pump::take_half(ready_queue& from, ready_queue& to) noexcept {
  for (auto left = (from.approx_size() + 1) / 2; left != 0; --left)
    if (auto* const item = from.take())
      push_to(to, *item);
}

void pump::cover() noexcept {
  if (approx_size() == 0 && home.parts_->shared.empty())
    return;
  fence_light(); // our items against the word, see stand_sentry()
  if (!home.watched())
    home.wake();
}

} // namespace convoy::detail
