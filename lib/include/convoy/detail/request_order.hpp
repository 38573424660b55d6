#pragma once

// Requests that wait, in order. Intrusive, so that nothing here needs memory, and it never depends on
// their number what one of them costs: a list costs O(1), a heap O(log n).

#include <cstdint>
#include <memory>
#include <utility>

namespace convoy::detail {

/// First in, first out. It owns them.
template <class Request>
class request_list {
public:
  request_list() = default;
  request_list(const request_list&) = delete;
  request_list& operator=(const request_list&) = delete;
  ~request_list() {
    while (first_ != nullptr)
      delete std::exchange(first_, static_cast<Request*>(first_->link));
  }

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] Request& first() noexcept { return *first_; } // there must be one
  [[nodiscard]] Request& last() noexcept { return *last_; }   // likewise

  void push(std::unique_ptr<Request> what) noexcept {
    what->link = nullptr;
    if (first_ == nullptr)
      first_ = what.get();
    else
      last_->link = what.get();
    last_ = what.release();
  }

  /// There must be one.
  [[nodiscard]] std::unique_ptr<Request> pop() noexcept {
    return std::unique_ptr<Request>(std::exchange(first_, static_cast<Request*>(first_->link)));
  }

private:
  Request* first_ = nullptr;
  Request* last_ = nullptr;
};

/// By ticket, the lowest first: a pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986). It owns
/// them.
template <class Request>
class request_heap {
public:
  request_heap() = default;
  request_heap(const request_heap&) = delete;
  request_heap& operator=(const request_heap&) = delete;
  ~request_heap() {
    while (!empty())
      (void)pop();
  }

  [[nodiscard]] bool empty() const noexcept { return top_ == nullptr; }

  void push(std::unique_ptr<Request> what) noexcept {
    what->link = what->below = nullptr;
    top_ = empty() ? what.release() : merge(top_, what.release());
  }

  /// The one with the lowest ticket, if that is not above `ticket`; else null.
  [[nodiscard]] std::unique_ptr<Request> take_until(std::uint64_t ticket) noexcept {
    return empty() || top_->ticket > ticket ? nullptr : pop();
  }

private:
  /// Two heaps become one.
  static Request* merge(Request* a, Request* b) noexcept {
    if (b->ticket < a->ticket)
      std::swap(a, b);
    b->link = std::exchange(a->below, b);
    return a;
  }

  std::unique_ptr<Request> pop() noexcept {
    std::unique_ptr<Request> mine(top_);
    Request* pairs = nullptr; // those below it, merged two by two; the last pair first
    for (auto* each = std::exchange(mine->below, nullptr); each != nullptr;) {
      auto* one = std::exchange(each, each->link);
      if (each != nullptr) {
        auto* const other = std::exchange(each, each->link);
        one = merge(one, other);
      }
      one->link = std::exchange(pairs, one);
    }
    top_ = nullptr;
    while (pairs != nullptr) {
      auto* const one = std::exchange(pairs, pairs->link);
      top_ = top_ == nullptr ? one : merge(one, top_);
    }
    return mine;
  }

  Request* top_ = nullptr; // the others by `below`, the first of a list by `link`
};

} // namespace convoy::detail
