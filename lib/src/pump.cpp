#include "convoy/detail/scheduler.hpp"

#include <utility>

// What a pump runs next.

namespace convoy::detail {

ready_item* pump::next() noexcept {
  if (std::exchange(ran_inline_, false))
    if (auto* const item = lanes_.pop())
      return item;
  // The interval comes from the lanes before; these may be slower.
  if (--until_visit_ == 0 || (until_visit_ % 8 == 0 && clock::now() - last_visit_ > visit_time)) {
    until_visit_ = interval_;
    // Visits are short, so they go first; now and then the others do, so that nothing starves
    // behind what goes on for ever.
    ready_item* item = nullptr;
    switch (++turn_ % 4) {
    case 0:
      item = turn_ % 32 == 0 ? lanes_.pop() : urgent_.pop();
      break;
    case 1:
      item = home.take_from_inbox();
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
  if (lanes_are_slow()) {
    home.watch(*this, clock::now());
    if (auto* const item = best_anywhere())
      return item;
  }
  if (auto* const item = lanes_.pop())
    return item;
  until_visit_ = 1;
  if (auto* const item = urgent_.pop())
    return item;
  if (auto* const item = visits_.pop())
    return item;
  return home.take_from_inbox();
}

/// Work for a pump without urgent work of its own, while lanes are slow: urgent work of another
/// pump, work from outside, and then the oldest lane of the longer of two queues, which keeps the
/// queues of all pumps about equal, so that no lane waits much longer than others (the power of two
/// choices, Mitzenmacher 2001).
ready_item* pump::best_anywhere() noexcept {
  auto& other = home.at(++victim_ % home.concurrency_);
  if (auto* const item = other.visits_.take())
    return item;
  if (auto* const item = other.urgent_.take())
    return item;
  if (auto* const item = home.take_from_inbox())
    return item;
  const bool longer = other.runs_urgent_.load(std::memory_order_relaxed) || // a hint
                      other.lanes_.approx_size() > lanes_.approx_size();
  return longer ? other.lanes_.take() : nullptr;
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
  if (approx_size() == 0)
    return;
  fence_light(); // our items against the word, see stand_sentry()
  if (!home.watched())
    home.wake();
}

} // namespace convoy::detail
