#pragma once

// `single`, `shards` and `unordered` are one machine: Q moodycamel queues, a key always goes to the
// same one, and each queue has its own T workers. 1 x 1 is the single consumer, N x 1 the shards, 1
// x N the plain pool. The queue keeps order per producing thread, which is order per key as long as
// one thread submits the key and one worker takes it out.

#include "strategies/slots.hpp"
#include "strategies/strategy.hpp"

#include <blockingconcurrentqueue.h>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace convoy::tool {

template <class Handler>
class queue_pool {
public:
  queue_pool(Handler& handler, unsigned queues, unsigned workers_per_queue, std::size_t capacity)
      : handler_{handler}, slots_{capacity},
        queues_(queues), workers_per_queue_{workers_per_queue} {
    // A worker that shares its queue takes one message at a time: those behind a slow one are for
    // the others.
    const std::size_t batch = workers_per_queue == 1 ? slots_.release_batch(queues) : 1;
    try {
      for (queue& q : queues_)
        for (unsigned i = 0; i < workers_per_queue; ++i)
          workers_.emplace_back([this, &q, batch] { work(q, batch); });
    } catch (...) { // those that did start would wait for ever, and whoever joins them too
      stop();
      throw;
    }
  }

  queue_pool(const queue_pool&) = delete;
  queue_pool& operator=(const queue_pool&) = delete;

  ~queue_pool() {
    drain(); // a stop that overtook messages of other producers would leave them behind
    stop();
  }

  void submit(std::uint32_t key, std::uint32_t index) noexcept { // out of memory ends the program
    slots_.acquire();
    put(queues_[queue_of(key)], index);
  }

  void drain() { slots_.wait_until_all_free(); }

private:
  using queue = moodycamel::BlockingConcurrentQueue<std::uint32_t>;
  static constexpr std::uint32_t stop_sign = std::numeric_limits<std::uint32_t>::max();

  /// Ends every worker that takes a stop sign; signs of workers that never started stay behind.
  void stop() {
    for (queue& q : queues_)
      for (unsigned i = 0; i < workers_per_queue_; ++i)
        put(q, stop_sign);
  }

  static void put(queue& q, std::uint32_t index) {
    if (!q.enqueue(index))
      throw std::bad_alloc{};
  }

  /// Fibonacci hashing spreads neighbouring keys; the product's high part scales it to the number
  /// of queues.
  [[nodiscard]] std::size_t queue_of(std::uint32_t key) const {
    const std::uint64_t hash = (key * 0x9E3779B97F4A7C15ULL) >> 32;
    return static_cast<std::size_t>((hash * queues_.size()) >> 32);
  }

  void work(queue& q, std::size_t batch) {
    std::vector<std::uint32_t> taken(batch);
    for (;;) {
      const std::size_t n = q.wait_dequeue_bulk(taken.begin(), batch);
      for (std::size_t i = 0; i < n; ++i) {
        if (taken[i] == stop_sign)
          return;
        handler_(taken[i]);
      }
      slots_.release(n);
    }
  }

  Handler& handler_;
  slots slots_;
  std::vector<queue> queues_;
  unsigned workers_per_queue_;
  std::vector<std::jthread> workers_; // last: they use all of the above
};

template <class Handler>
struct single_queue : queue_pool<Handler> {
  single_queue(Handler& handler, const strategy_setup& setup)
      : queue_pool<Handler>{handler, 1, 1, setup.capacity} {}
};

template <class Handler>
struct sharded_queues : queue_pool<Handler> {
  sharded_queues(Handler& handler, const strategy_setup& setup)
      : queue_pool<Handler>{handler, setup.workers, 1, setup.capacity} {}
};

template <class Handler>
struct shared_queue : queue_pool<Handler> {
  shared_queue(Handler& handler, const strategy_setup& setup)
      : queue_pool<Handler>{handler, 1, setup.workers, setup.capacity} {}
};

} // namespace convoy::tool
