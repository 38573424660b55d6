#include "convoy/detail/source/assignment.hpp"

#include <algorithm>
#include <utility>

namespace convoy::detail {

assignment::assignment(std::string name, std::size_t capacity, std::uint64_t first,
                       progress done_before, maker make, room_event& room)
    : name_(std::move(name)), capacity_(capacity), room_(room), marks_(capacity, first),
      make_(make), done_before_(std::move(done_before)) {}

bool assignment::was_finished(std::uint64_t position) {
  const auto& ranges = done_before_.finished;
  while (next_range_ < ranges.size() && ranges[next_range_].end <= position)
    ++next_range_;
  if (next_range_ == ranges.size() || position < ranges[next_range_].first)
    return false;
  marks_.pass(position + 1);
  return true;
}

delivery* assignment::begin(std::uint64_t position) {
  // First, as what was delivered must not get lost. A new number is the lowest that was never used.
  if (deliveries_.size() <= marks_.unfinished() && deliveries_.size() < capacity_)
    deliveries_.push_back(make_());
  const auto number = marks_.deliver(position);
  if (!number)
    return nullptr;
  delivery& its = *deliveries_[*number];
  its.home = this;
  its.number = *number;
  its.position = position;
  its.finished = false;
  its.is_dead = false;
  its.inside = nullptr;
  its.bytes = 0;
  its.told = false;
  // These two are handed on with it: its lane orders them.
  its.failed.store(false, std::memory_order_relaxed);
  its.condemned.store(false, std::memory_order_relaxed);
  return &its;
}

delivery* assignment::lowest() const noexcept {
  const auto number = marks_.lowest_number();
  return number ? deliveries_[*number].get() : nullptr;
}

progress assignment::so_far() const {
  auto result = marks_.so_far();
  const auto& ranges = done_before_.finished;
  for (std::size_t i = next_range_; i < ranges.size(); ++i) {
    auto rest = ranges[i];
    rest.first = std::max(rest.first, marks_.end());
    if (rest.first >= rest.end)
      continue;
    if (result.lowest == rest.first)
      result.lowest = rest.end;
    else if (!result.finished.empty() && result.finished.back().end == rest.first)
      result.finished.back().end = rest.end;
    else
      result.finished.push_back(rest);
  }
  return result;
}

void assignment::retire() noexcept {
  for (auto& each : gates_)
    each.close();
}

std::size_t assignment::drop_released() noexcept {
  marks_.collect(
      [this](watermark::number its) { deliveries_[its].reset(); }); // too late to be told
  const auto now = in_flight(); // first: what it does not count has its given_up set
  if (std::exchange(in_flight_before_, now) == now)
    return bytes_in_flight_;
  bytes_in_flight_ = 0;
  marks_.each_unfinished([this](watermark::number its) {
    auto& each = deliveries_[its];
    // (3) acquire: all that was done with it, before it goes; pairs with the release (3)
    if (each != nullptr && each->given_up.load(std::memory_order_acquire))
      each.reset();
    if (each != nullptr)
      bytes_in_flight_ += each->bytes;
  });
  return bytes_in_flight_;
}

bool assignment::is_quiet() const noexcept {
  bool quiet = true; // a look at each: they are acquired, see see_releases()
  for (const gate& each : gates_)
    quiet = each.empty() && quiet;
  return quiet;
}

void assignment::release(delivery& what) noexcept {
  room_event& room = room_;
  if (gate* const way = what.inside; way != nullptr) [[likely]] {
    (void)marks_.finish(what.number);
    way->leave(); // it may all be gone now, but for the room
    room.notify();
    return;
  }
  gate& way = gate_of(what);
  way.stay(); // until the room is told: then both may go
  if (what.finished) {
    (void)marks_.finish(what.number);
  } else {
    // (3) release: all that was done with it; pairs with the acquire (3). It may be gone now
    what.given_up.store(true, std::memory_order_release);
    // (1) release: all that was done with it; pairs with the acquire (1) in assignment.hpp
    given_up_.fetch_add(1, std::memory_order_release);
  }
  // (2) seq_cst: between the change and notify()'s look; against (1) in event_count.cpp
  thread_fence(std::memory_order_seq_cst);
  room.notify();
  way.leave();
}

} // namespace convoy::detail
