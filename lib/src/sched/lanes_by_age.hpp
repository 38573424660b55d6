#pragma once

// Lanes that wait for a worker: the one whose first message has waited longest goes first. So each
// message is handled when a pool without order would handle it, unless its own key's order forbids
// that, and a key that falls behind has a worker until it has caught up.
//
// Lanes whose key was idle come in order of age, or nearly: as many as can be are in a list, which
// costs one comparison each. What is older than the end of it, as lanes are that come back with a
// backlog, is in a heap. Everything is intrusive and needs no memory. Not for several threads at
// once.

#include "convoy/detail/ds/pairing_heap.hpp"
#include "convoy/detail/ds/ready_queue.hpp"

namespace convoy::detail {

class lanes_by_age {
public:
  /// Equal age: first in, first out within the list.
  void push(ready_item& lane) noexcept {
    if (!list_.empty() && is_older(lane, list_.last()))
      heap_.push(lane);
    else
      list_.push(lane);
  }

  /// Null: there is none.
  [[nodiscard]] ready_item* pop() noexcept {
    if (!heap_.empty() && (list_.empty() || !is_older(list_.first(), heap_.top())))
      return &heap_.pop();
    return list_.pop();
  }

private:
  static bool is_older(const ready_item& a, const ready_item& b) noexcept {
    return is_before(a.since, b.since);
  }
  struct older {
    bool operator()(const ready_item& a, const ready_item& b) const noexcept {
      return is_older(a, b);
    }
  };

  ready_list list_; // in order of age
  pairing_heap<ready_item, older> heap_;
};

} // namespace convoy::detail
