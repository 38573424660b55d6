#include "convoy/watermark.hpp"

#include "convoy/time_span.hpp"

#include <stdexcept>
#include <string>

namespace convoy {

namespace {

std::size_t checked_capacity(std::size_t wanted) {
  if (wanted == 0 || wanted > watermark::most)
    detail::refuse("convoy::watermark: the capacity", "1 to " + std::to_string(watermark::most),
                   std::to_string(wanted));
  return wanted;
}

} // namespace

watermark::watermark(std::size_t capacity, std::uint64_t first)
    : finished_(std::make_unique<detail::atomic<bool>[]>(
          (checked_capacity(capacity) + at_once - 1) / at_once * at_once)),
      capacity_(capacity), end_(first) {}

bool watermark::grow() {
  if (slots_.size() == capacity_)
    return false;
  slots_.push_back({0, none, none});
  free_ = static_cast<number>(slots_.size() - 1);
  return true;
}

void watermark::refuse(std::uint64_t position) const {
  if (position == last_position)
    throw std::logic_error("convoy::watermark: position " + std::to_string(position) +
                           " can't be delivered, as no position comes after it");
  throw std::logic_error("convoy::watermark: position " + std::to_string(position) +
                         " comes after one that is at least as high: " + std::to_string(end_) +
                         " is the lowest that may come");
}

progress watermark::so_far() const {
  progress result{lowest(), {}};
  for (number i = first_; i != none; i = slots_[i].next) {
    const auto after = slots_[i].position + 1;
    const auto next = slots_[i].next == none ? end_ : slots_[slots_[i].next].position;
    if (after < next)
      result.finished.push_back({after, next});
  }
  return result;
}

std::size_t watermark::gaps() const noexcept {
  std::size_t count = 0;
  for (number i = first_; i != none; i = slots_[i].next)
    count +=
        slots_[i].position + 1 < (slots_[i].next == none ? end_ : slots_[slots_[i].next].position);
  return count;
}

} // namespace convoy
