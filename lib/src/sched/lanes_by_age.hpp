#pragma once

// Lanes that wait for a worker: the one whose first message has waited longest goes first. So each
// message is handled when a pool without order would handle it, unless its own key's order forbids
// that, and a key that falls behind has a worker until it has caught up.
//
// Lanes whose key was idle come in order of age, or nearly: as many as can be are in a list, which
// costs one comparison each. What is older than the end of it, as lanes are that come back with a
// backlog, is in a heap. Not for several threads at once.

#include "convoy/detail/base/tuning.hpp"
#include "convoy/detail/ds/ready_queue.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace convoy::detail {

/// A binary heap of lanes, with their ages in it: a lane's own memory is cold by the time that another
/// one is compared with it. Its array is in blocks, so that no lane waits for all to be copied.
class age_heap {
public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Of the oldest; there must be one.
  [[nodiscard]] coarse_time since() const noexcept { return (*blocks_.front())[0].since; }

  /// False: there is no memory.
  [[nodiscard]] bool push(ready_item& lane) noexcept {
    if (size_ == blocks_.size() * in_a_block && !grow())
      return false;
    const entry its{lane.since, &lane};
    auto hole = size_++;
    for (; hole != 0 && is_before(its.since, at((hole - 1) / 2).since); hole = (hole - 1) / 2)
      at(hole) = at((hole - 1) / 2);
    at(hole) = its;
    return true;
  }

  /// The oldest; there must be one.
  [[nodiscard]] ready_item& pop() noexcept {
    auto& oldest = *at(0).lane;
    const auto last = at(--size_);
    std::size_t hole = 0;
    for (auto child = older_child(0); child < size_ && is_before(at(child).since, last.since);
         child = older_child(hole)) {
      at(hole) = at(child);
      hole = child;
    }
    at(hole) = last;
    if (size_ + 2 * in_a_block <= blocks_.size() * in_a_block) // one stays for the next
      blocks_.pop_back();
    return oldest;
  }

private:
  struct entry {
    coarse_time since;
    ready_item* lane;
  };
  static constexpr auto in_a_block = tuning::ages_in_a_block;
  using block = std::array<entry, in_a_block>;

  [[nodiscard]] entry& at(std::size_t place) noexcept {
    return (*blocks_[place / in_a_block])[place % in_a_block];
  }

  /// The older one of two; beyond the end if there is none.
  [[nodiscard]] std::size_t older_child(std::size_t place) noexcept {
    const auto child = 2 * place + 1;
    return child + (child + 1 < size_ && is_before(at(child + 1).since, at(child).since) ? 1 : 0);
  }

  [[nodiscard]] bool grow() noexcept {
    try {
      blocks_.push_back(std::make_unique_for_overwrite<block>());
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  std::vector<std::unique_ptr<block>> blocks_;
  std::size_t size_ = 0;
};

class lanes_by_age {
public:
  /// Equal age: first in, first out within the list. A lane can't be refused: without memory for the
  /// heap it waits for its turn in the list.
  void push(ready_item& lane) noexcept {
    if (list_.empty() || !is_before(lane.since, list_.last().since) || !heap_.push(lane))
      list_.push(lane);
  }

  /// Null: there is none.
  [[nodiscard]] ready_item* pop() noexcept {
    if (!heap_.empty() && (list_.empty() || !is_before(list_.first().since, heap_.since())))
      return &heap_.pop();
    return list_.pop();
  }

private:
  ready_list list_; // in order of age, unless there was no memory
  age_heap heap_;
};

} // namespace convoy::detail
