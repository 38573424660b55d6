#include "convoy/detail/scheduler.hpp"
#include "scheduler_parts.hpp"

#include <utility>

// What a pump runs next.

namespace convoy::detail {

ready_item* pump::next() noexcept {
  if (lanes_are_slow())
    return next_while_slow();
  const bool lanes_turn = std::exchange(ran_inline_, false);
  if (lanes_turn)
    if (auto* const item = next_lane())
      return item;
  // The interval comes from the lanes before; these may be slower.
  if (--until_visit_ == 0 || (until_visit_ % 8 == 0 && clock::now() - last_visit_ > visit_time)) {
    until_visit_ = interval_;
    // Visits are short, so they go first; now and then the others do, so that nothing starves
    // behind what goes on for ever.
    ready_item* item = nullptr;
    switch (++turn_ % 4) {
    case 0:
      item = turn_ % 32 == 0 ? next_lane() : urgent_.pop();
      break;
    case 1:
      item = home.parts_->shared.take();
      break;
    default:
      break;
    }
    if (item == nullptr)
      item = visits_.pop();
    if (item == nullptr)
      item = urgent_.pop();
    if (item != nullptr)
      return item;
  }
  if (!lanes_turn)
    if (auto* const item = next_lane())
      return item;
  until_visit_ = 1;
  if (auto* const item = urgent_.pop())
    return item;
  if (auto* const item = visits_.pop())
    return item;
  return home.parts_->shared.take();
}

/// One of our own or a slow one in turns: neither must wait for the other to come to an end.
ready_item* pump::next_lane() noexcept {
  if (!home.parts_->shared.any_lane()) // the rule
    return lanes_.pop();
  shared_first_ = !shared_first_;
  if (!shared_first_)
    if (auto* const item = lanes_.pop())
      return item;
  if (auto* const item = home.parts_->shared.take_lane(slow_turn_))
    return item;
  return shared_first_ ? lanes_.pop() : nullptr;
}

/// What any pump may take.
ready_item* pump::next_shared() noexcept {
  if (auto* const item = home.parts_->shared.take())
    return item;
  return home.parts_->shared.take_lane(slow_turn_);
}

/// Lanes take so long that looking around costs nothing in comparison, and what waits here for the
/// end of one may find a free pump elsewhere.
ready_item* pump::next_while_slow() noexcept {
  home.watch(*this, clock::now());
  share();
  until_visit_ = 1;
  // As in next(), but a visit is even shorter in comparison.
  ++turn_;
  if (!std::exchange(ran_inline_, false) && turn_ % 16 != 0)
    if (auto* const item = home.parts_->shared.take()) {
      cover(); // there may be many more
      return item;
    }
  if (turn_ % 32 != 0) {
    if (auto* const item = urgent_.pop())
      return item;
    auto& other = home.at(++victim_ % home.concurrency_);
    if (auto* const item = other.visits_.take())
      return item;
    if (auto* const item = other.urgent_.take())
      return item;
  }
  if (auto* const item = home.parts_->shared.take_lane(slow_turn_))
    return item;
  if (auto* const item = urgent_.pop())
    return item;
  return home.parts_->shared.take();
}

/// Gives all but urgent lanes, which stay on their pump as long as that is free, to all pumps.
void pump::share() noexcept {
  while (auto* const partition = visits_.pop())
    home.push_shared(*partition);
  while (auto* const lane = lanes_.pop())
    home.push_slow(*lane);
}

ready_item* pump::steal_from(pump& victim) noexcept {
  if (auto* const item = victim.visits_.steal_into(visits_))
    return item;
  if (auto* const item = victim.urgent_.steal_into(urgent_))
    return item;
  return victim.lanes_.steal_into(lanes_);
}

/// From a pump that is held up: we may be too busy ever to search.
void pump::relieve(pump& other) noexcept {
  take_half(other.visits_, visits_);
  take_half(other.urgent_, urgent_);
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
