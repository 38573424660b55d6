#pragma once

// Requests that wait, in order. Intrusive, so that nothing here needs memory. The list costs O(1) a
// request, the heap O(log n).

#include "convoy/detail/ds/pairing_heap.hpp"

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

/// By ticket, the lowest first. It owns them.
template <class Request>
class request_heap {
public:
  request_heap() = default;
  request_heap(const request_heap&) = delete;
  request_heap& operator=(const request_heap&) = delete;
  ~request_heap() {
    while (!empty())
      delete &heap_.pop();
  }

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }

  void push(std::unique_ptr<Request> what) noexcept { heap_.push(*what.release()); }

  /// The one with the lowest ticket, if that is not above `ticket`; else null.
  [[nodiscard]] std::unique_ptr<Request> take_until(std::uint64_t ticket) noexcept {
    return std::unique_ptr<Request>(empty() || heap_.top().ticket > ticket ? nullptr
                                                                           : &heap_.pop());
  }

private:
  struct lower_ticket {
    bool operator()(const Request& a, const Request& b) const noexcept {
      return a.ticket < b.ticket;
    }
  };

  pairing_heap<Request, lower_ticket> heap_;
};

} // namespace convoy::detail
