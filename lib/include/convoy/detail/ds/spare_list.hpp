#pragma once

// Segments that nobody uses, kept for those who will need some. Its owner's lock guards all but count().

#include "convoy/detail/base/atomic.hpp"
#include "convoy/detail/base/tuning.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace convoy::detail {

/// Links segments by their `prev`, and owns them.
template <class Segment>
class spare_list {
public:
  spare_list() noexcept = default;
  spare_list(const spare_list&) = delete;
  spare_list& operator=(const spare_list&) = delete;
  ~spare_list() {
    while (!empty())
      delete pop();
  }

  /// Without the lock a hint.
  [[nodiscard]] std::size_t count() const noexcept {
    return count_.load(std::memory_order_relaxed); // only counted
  }
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

  void put(Segment* s) noexcept {
    s->prev = std::exchange(first_, s);
    set_count(count() + 1);
  }
  [[nodiscard]] Segment* take() noexcept {
    auto* const s = pop();
    fewest_ = std::min(fewest_, count());
    return s;
  }

  /// Moves up to `most` to `unused` that nobody has needed since this last said true: there are no
  /// more of them.
  [[nodiscard]] bool give_up_unused(std::size_t most, Segment*& unused) noexcept {
    for (; fewest_ > tuning::kept_segments && most != 0; --most, --fewest_) {
      auto* const s = pop();
      s->prev = std::exchange(unused, s);
    }
    if (fewest_ > tuning::kept_segments)
      return false;
    fewest_ = count();
    return true;
  }

private:
  void set_count(std::size_t count) noexcept {
    count_.store(count, std::memory_order_relaxed); // only counted
  }
  [[nodiscard]] Segment* pop() noexcept {
    set_count(count() - 1);
    return std::exchange(first_, first_->prev);
  }

  Segment* first_ = nullptr;
  atomic<std::size_t> count_{0};
  std::size_t fewest_ = 0; // since give_up_unused(): so many were not needed
};

} // namespace convoy::detail
