#pragma once

// In front of moodycamel's header: a queue that promises as much as the library relies on. Items come
// out once, with what their push came after; sizes are guesses.

#include "convoy/detail/base/atomic.hpp"

#include <cstddef>

namespace moodycamel {

template <class T>
class ConcurrentQueue {
public:
  bool enqueue(T item) {
    size_.fetch_add(1, std::memory_order_relaxed);
    model::push(this, item);
    return true;
  }
  template <class Token>
  bool enqueue(Token& token, T item) {
    token.use();
    return enqueue(item);
  }
  template <class Token>
  bool try_dequeue(Token&, T& item) {
    auto* const found = model::pop(this);
    if (found == nullptr)
      return false;
    size_.fetch_sub(1, std::memory_order_relaxed);
    item = static_cast<T>(found);
    return true;
  }
  [[nodiscard]] std::size_t size_approx() const { return size_.load(std::memory_order_relaxed); }

private:
  convoy::detail::atomic<std::size_t> size_{0};
};

/// One thread at a time: plain memory, so that others are data races.
class ProducerToken {
public:
  template <class Queue>
  explicit ProducerToken(const Queue&) {}
  [[nodiscard]] bool valid() const { return true; }
  void use() { ++used_; }

private:
  unsigned used_ = 0;
};

struct ConsumerToken {
  template <class Queue>
  explicit ConsumerToken(const Queue&) {}
};

} // namespace moodycamel
