#pragma once

// What other threads leave for a partition's drainer.
//
// The words: returned_, a stack of lanes that pumps have given back; posted_, a stack of requests;
// both are pushed by compare-and-swap and taken whole by the drainer, so there is no ABA. rang_:
// the alarm was due. A thread that leaves something then checks the role; a drainer that gives up
// the role then checks here.

#include "convoy/detail/base/atomic.hpp"

#include <memory>
#include <utility>

namespace convoy::detail {

template <class Lane, class Request>
class inbox {
public:
  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  ~inbox() {
    for (auto* each = posted_.load(std::memory_order_relaxed);
         each != nullptr;) // nobody else is left
      delete std::exchange(each, each->link);
  }

  // ---- any thread; the caller then looks whether anybody is responsible ----

  void give_back(Lane& lane) noexcept { push(returned_, lane); }
  void post(std::unique_ptr<Request> what) noexcept { push(posted_, *what.release()); }
  void ring() noexcept {
    // (3) release: what was set before; pairs with (5). seq_cst: before our look at who is
    // responsible, against (2). An exchange, so that what an earlier ringer set is handed on as
    // well.
    rang_.exchange(true, std::memory_order_seq_cst);
  }

  /// There is something. To be asked after the role was given up.
  [[nodiscard]] bool anything() const noexcept {
    // (2) seq_cst: role given up; against (1), (3)
    return returned_.load(std::memory_order_seq_cst) != nullptr ||
           posted_.load(std::memory_order_seq_cst) != nullptr ||
           rang_.load(std::memory_order_seq_cst); // (2) seq_cst: likewise
  }

  // ---- the drainer ----

  /// Besides lanes.
  [[nodiscard]] bool any_request() const noexcept {
    return posted_.load(std::memory_order_relaxed) != nullptr ||
           rang_.load(std::memory_order_relaxed); // who leaves looks again
  }
  [[nodiscard]] bool any_lane() const noexcept {
    return returned_.load(std::memory_order_relaxed) != nullptr; // a hint
  }

  /// Calls function(lane&) for each.
  template <class Function>
  void take_lanes(Function&& function) noexcept {
    // (4) acquire: the lanes; pairs with (1)
    auto* lane = returned_.exchange(nullptr, std::memory_order_acquire);
    while (lane != nullptr)
      function(*std::exchange(lane, static_cast<Lane*>(lane->link)));
  }

  /// The alarm rang since the last call. It rings once each time it is set, by the drainer.
  [[nodiscard]] bool has_rung() noexcept {
    if (!rang_.load(std::memory_order_relaxed)) // who leaves looks again
      return false;
    // (5) acquire: what was set before it rang, by all who rang; pairs with (3)
    return rang_.exchange(false, std::memory_order_acquire);
  }

  /// Calls function(std::unique_ptr<Request>) for each, in the order in which they were posted.
  template <class Function>
  void take_requests(Function&& function) noexcept {
    if (posted_.load(std::memory_order_relaxed) == nullptr) // who leaves looks again
      return;
    // (4) acquire: the requests; pairs with (1)
    auto* newest = posted_.exchange(nullptr, std::memory_order_acquire);
    Request* oldest = nullptr;
    while (newest != nullptr) {
      auto* const next = std::exchange(newest->link, oldest);
      oldest = std::exchange(newest, next);
    }
    while (oldest != nullptr) {
      auto* const next = oldest->link;
      function(std::unique_ptr<Request>(oldest));
      oldest = next;
    }
  }

private:
  template <class Item>
  static void push(atomic<Item*>& stack, Item& item) noexcept {
    auto* top = stack.load(std::memory_order_relaxed); // the swap decides
    // (1) release: the item; pairs with (4). seq_cst: before our look at who is responsible,
    // against (2)
    do {
      item.link = top;
    } while (!stack.compare_exchange_weak(top, &item, std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
  }

  atomic<Lane*> returned_{nullptr};
  atomic<Request*> posted_{nullptr};
  atomic<bool> rang_{false};
};

} // namespace convoy::detail
