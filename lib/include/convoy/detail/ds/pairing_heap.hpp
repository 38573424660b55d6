#pragma once

// A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986). Intrusive, so that it needs no
// memory: a node has two pointers, `link` and `below`, which are the heap's as long as the node is
// inside. push() is O(1), pop() O(log n), amortised.

#include <utility>

namespace convoy::detail {

/// `Before`: a function object, whether one node comes out before another. Of equals any is first.
template <class Node, class Before>
class pairing_heap {
public:
  [[nodiscard]] bool empty() const noexcept { return top_ == nullptr; }
  [[nodiscard]] Node& top() const noexcept { return *top_; } // there must be one

  void push(Node& node) noexcept {
    node.link = node.below = nullptr;
    top_ = empty() ? &node : merge(top_, &node);
  }

  /// There must be one.
  [[nodiscard]] Node& pop() noexcept {
    Node& first = *top_;
    Node* pairs = nullptr; // those below it, merged two by two; the last pair first
    for (Node* each = first.below; each != nullptr;) {
      Node* one = std::exchange(each, each->link);
      if (each != nullptr) {
        Node* const other = std::exchange(each, each->link);
        one = merge(one, other);
      }
      one->link = std::exchange(pairs, one);
    }
    top_ = nullptr;
    while (pairs != nullptr) {
      Node* const one = std::exchange(pairs, pairs->link);
      top_ = empty() ? one : merge(one, top_);
    }
    return first;
  }

private:
  /// Two heaps become one.
  static Node* merge(Node* a, Node* b) noexcept {
    if (Before()(*b, *a))
      std::swap(a, b);
    b->link = std::exchange(a->below, b);
    return a;
  }

  Node* top_ = nullptr; // the others by `below`, the first of a list by `link`
};

} // namespace convoy::detail
