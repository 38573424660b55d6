#pragma once

// Lanes that wait for a worker: the one whose first message has waited longest goes first. So each
// message is handled when a pool without order would handle it, unless its own key's order forbids
// that, and a key that falls behind has a worker until it has caught up.
//
// Lanes whose key was idle come in order of age, or nearly: as many as can be are in a list, which
// costs one comparison each. What is older than the end of it, as lanes are that come back with a
// backlog, is in a heap. That is an array with their ages in it: a lane's own memory is cold by the
// time that another one is compared with it. Not for several threads at once.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"

#include <algorithm>
#include <new>
#include <vector>

namespace convoy::detail {

class lanes_by_age {
public:
  /// Equal age: first in, first out within the list.
  void push(ready_item& lane) noexcept {
    if (list_.empty() || !is_before(lane.since, list_.last().since) || !push_to_heap(lane))
      list_.push(lane);
  }

  /// Null: there is none.
  [[nodiscard]] ready_item* pop() noexcept {
    if (heap_.empty() || (!list_.empty() && is_before(list_.first().since, heap_.front().since)))
      return list_.pop();
    std::ranges::pop_heap(heap_, younger());
    auto* const oldest = heap_.back().lane;
    heap_.pop_back();
    if (heap_.empty() && heap_.capacity() > tuning::kept_ages)
      heap_.shrink_to_fit();
    return oldest;
  }

private:
  struct entry {
    coarse_time since;
    ready_item* lane;
  };
  struct younger {
    bool operator()(const entry& a, const entry& b) const noexcept {
      return is_before(b.since, a.since);
    }
  };

  /// False: there is no memory. A lane can't be refused, so it then waits for its turn in the list.
  [[nodiscard]] bool push_to_heap(ready_item& lane) noexcept {
    try {
      heap_.push_back({lane.since, &lane});
    } catch (const std::bad_alloc&) {
      return false;
    }
    std::ranges::push_heap(heap_, younger());
    return true;
  }

  ready_list list_; // in order of age
  std::vector<entry> heap_;
};

} // namespace convoy::detail
